"""The convolutional part of the feature maps of colour images and of larger ones.

Convolutions whose windows are twice as wide as their stride: the first with such a stride that
16 × 16 positions or fewer are left whatever the size of the image, the others halving the sides;
after each a normalisation over channels and a ReLU; at the end the mean over all positions. So an
image of 64 × 64 takes hardly longer than one of 32 × 32, and where in it something is counts for
little.

    x → max(0, LN(W · window(x) + b)),    LN(y) = (y − mean y)/√(var y + ε)

With ε far above 0 a faint image stays faint, while no image, were it noise of black and white,
reaches much farther than those that the map was fitted to. Without the normalisation a distance
hardly saw that images were blurred.

Each convolution is a product with the windows, of four contiguous blocks each: inside of a `lax`
loop XLA:CPU computes the gradients of `lax.conv` some twenty times slower, and windows of single
pixels take ten times as long to compile.

References:
  Ba et al. 2016, arXiv:1607.06450 (layer normalisation); Lin et al. 2013, arXiv:1312.4400, section
  3.2 (the mean over positions).
"""

import itertools

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.layers import dense, scaled_gaussian_layer

SIDE = 32
"""Grey images lower or narrower than this go without convolutions."""
WIDTHS = (16, 32, 64)
"""Channels after each convolution; the last are the outputs."""
EPSILON = 0.1
_GRID = 16
_TOGETHER = 128
"""Images whose windows are in memory at once."""


def convolutional(images: jax.Array) -> bool:
    """Whether images [n, h, w, c] are of a shape for which maps have convolutions.

    Those of several channels, and those whose sides are both of `SIDE` pixels or more.
    """
    _, height, width, channels = images.shape
    return channels > 1 or min(height, width) >= SIDE


def initial_stages(key: jax.Array, images: jax.Array) -> list[PyTree]:
    """Returns the convolutions for images [n, h, w, c], drawn with `key`, as dense layers."""
    stride, channels = _first_stride(images), images.shape[3]
    keys = jax.random.split(key, len(WIDTHS))
    inputs = [4 * stride * stride * channels, *(16 * width for width in WIDTHS[:-1])]
    layers = zip(keys, inputs, WIDTHS, strict=True)
    return [scaled_gaussian_layer(k, window, outputs, 2.0) for k, window, outputs in layers]


def pooled(stages: list[PyTree], images: jax.Array) -> jax.Array:
    """Returns the mean over positions of the last convolution, float32 of shape `[n, 64]`."""
    images = images.astype(jnp.float32)
    if len(images) <= _TOGETHER:
        return _pooled(stages, images)

    def of_one(image: jax.Array) -> jax.Array:
        return _pooled(stages, jnp.expand_dims(image, 0))[0]

    found: jax.Array = jax.lax.map(of_one, images, batch_size=_TOGETHER)
    return found


def _pooled(stages: list[PyTree], images: jax.Array) -> jax.Array:
    outputs = _stage(stages[0], images, _first_stride(images))
    for stage in stages[1:]:
        outputs = _stage(stage, outputs, 2)
    return jnp.mean(outputs, axis=(1, 2))


def _first_stride(images: jax.Array) -> int:
    return -(-max(images.shape[1:3]) // _GRID)


def _stage(layer: PyTree, images: jax.Array, stride: int) -> jax.Array:
    """[n, h, w, c] → [n, ⌈h/stride⌉, ⌈w/stride⌉, m]."""
    windows = _windows(images, stride)
    outputs = dense(layer, windows.reshape(-1, windows.shape[-1]))
    centred = outputs - jnp.mean(outputs, axis=1, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=1, keepdims=True)
    outputs = jax.nn.relu(centred * jax.lax.rsqrt(variance + EPSILON))
    return outputs.reshape(*windows.shape[:3], outputs.shape[1])


def _windows(images: jax.Array, stride: int) -> jax.Array:
    """Windows of 2·stride × 2·stride pixels, [n, ⌈h/stride⌉, ⌈w/stride⌉, 4·stride²·c].

    Around the images are zeros, as in the padding SAME.
    """
    n, height, width, channels = images.shape
    rows, columns = -(-height // stride), -(-width // stride)
    down, right = (rows + 1) * stride - height, (columns + 1) * stride - width
    around = [(0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0)]
    padded = jnp.pad(images, around)
    blocks = padded.reshape(n, rows + 1, stride, columns + 1, stride, channels)
    blocks = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, rows + 1, columns + 1, -1)
    corners = [
        blocks[:, top : top + rows, left : left + columns]
        for top, left in itertools.product(range(2), repeat=2)
    ]
    return jnp.concatenate(corners, axis=-1)
