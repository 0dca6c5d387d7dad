"""Convolutions of images as matrix products, whose gradients stay fast inside of a `lax` loop."""

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jax.typing import ArrayLike

from normsweep.models.layers.initialisers import he_normal

Padding = Literal["SAME", "VALID"] | Sequence[tuple[int, int]]
"""By name as in `lax`, or pixels (in front, behind) of each of the two axes; below 0 they cut."""
Pairs = tuple[tuple[int, int], tuple[int, int]]


def convolve(
    x: jax.Array, kernel: jax.Array, *, stride: int = 1, padding: Padding = "SAME"
) -> jax.Array:
    """y[n, i, j, m] = Σ x[n, stride·i + a − top, stride·j + b − left, c] · kernel[a, b, c, m].

    [n, h, w, c] and [kh, kw, c, m] → [n, h', w', m], with `top` and `left` of the padding: what
    `lax.conv_general_dilated` gives for NHWC, HWIO, NHWC. Raises `ValueError` for other channels
    and for a padding of another name.
    """
    _check(x, kernel)
    pairs = _pairs(padding, x.shape[1:3], kernel.shape[:2], stride)
    return _strided(x, kernel, stride, pairs)


def convolve_transposed(
    x: jax.Array, kernel: jax.Array, *, stride: int, padding: Padding = "SAME"
) -> jax.Array:
    """The convolution with stride 1 of x with `stride` − 1 zeros between its pixels.

    [n, h, w, c] and [kh, kw, c, m] → [n, h', w', m]. The convention is that of `lax.conv_transpose`
    with `transpose_kernel=False`, and so of nnx.ConvTranspose: the kernel is not turned around,
    SAME gives `stride`·h rows, VALID `stride`·h + max(kh − `stride`, 0), and pairs are the padding
    of the image with its zeros. Raises `ValueError` as `convolve`.
    """
    _check(x, kernel)
    pairs = _transposed_pairs(padding, kernel.shape[:2], stride)
    return _dilated(x, kernel, stride, pairs)


def _check(x: jax.Array, kernel: jax.Array) -> None:
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"images of shape {x.shape} and a kernel of shape {kernel.shape}; "
            "accepted: [n, h, w, c] and [kh, kw, c, m]"
        )


def _explicit(padding: Padding) -> Pairs:
    if isinstance(padding, str) or np.shape(padding) != (2, 2):
        raise ValueError(f"padding {padding!r}; accepted: SAME, VALID, or a pair for each axis")
    (top, bottom), (left, right) = padding
    return ((int(top), int(bottom)), (int(left), int(right)))


def _pairs(padding: Padding, size: tuple[int, ...], window: tuple[int, ...], stride: int) -> Pairs:
    if padding in ("SAME", "VALID"):
        return _explicit(lax.padtype_to_pads(size, window, (stride, stride), str(padding)))
    return _explicit(padding)


def _transposed_pairs(padding: Padding, window: tuple[int, ...], stride: int) -> Pairs:
    if padding not in ("SAME", "VALID"):
        return _explicit(padding)

    def pair(width: int) -> tuple[int, int]:
        # As lax.conv_transpose has it.
        total = width + stride - 2 + (max(width - stride, 0) if padding == "VALID" else 0)
        behind = padding == "VALID" or stride > width - 1
        front = width - 1 if behind else math.ceil(total / 2)
        return front, total - front

    return pair(window[0]), pair(window[1])


def _padded(x: jax.Array, pairs: Pairs) -> jax.Array:
    config = [(0, 0, 0), *((*pair, 0) for pair in pairs), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def _strided(x: jax.Array, kernel: jax.Array, stride: int, pairs: Pairs) -> jax.Array:
    """The convolution as one product of the image's patches with the kernel."""
    x = _padded(x, pairs)
    kh, kw, inputs, outputs = kernel.shape
    rows = max((x.shape[1] - kh) // stride + 1, 0)
    columns = max((x.shape[2] - kw) // stride + 1, 0)
    if not rows * columns:
        return jnp.zeros((x.shape[0], rows, columns, outputs), x.dtype)
    patches = [
        x[
            :,
            a : a + stride * (rows - 1) + 1 : stride,
            b : b + stride * (columns - 1) + 1 : stride,
        ]
        for a, b in itertools.product(range(kh), range(kw))
    ]
    flat = jnp.concatenate(patches, axis=-1) if len(patches) > 1 else patches[0]
    return flat @ kernel.reshape(kh * kw * inputs, outputs)


def _dilated(x: jax.Array, kernel: jax.Array, stride: int, pairs: Pairs) -> jax.Array:
    """The transposed convolution as convolutions of stride 1, one for each phase of the outputs."""
    if stride == 1:
        return _strided(x, kernel, 1, pairs)
    sizes = [
        max((n - 1) * stride + 1 + sum(pair) - k + 1, 0)
        for n, k, pair in zip(x.shape[1:3], kernel.shape[:2], pairs, strict=True)
    ]
    counts = [-(-size // stride) for size in sizes]
    phases = [
        _phase(x, kernel, stride, pairs, (r, s), counts)
        for r, s in itertools.product(range(stride), repeat=2)
    ]
    y = jnp.stack(phases, axis=3).reshape(x.shape[0], *counts, stride, stride, kernel.shape[-1])
    y = y.transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(x.shape[0], counts[0] * stride, counts[1] * stride, kernel.shape[-1])
    return y[:, : sizes[0], : sizes[1]]


def _phase(
    x: jax.Array,
    kernel: jax.Array,
    stride: int,
    pairs: Pairs,
    phase: tuple[int, int],
    counts: Sequence[int],
) -> jax.Array:
    """The outputs at `stride`·i + phase: those taps of the kernel that meet pixels, not zeros."""
    firsts = [(pair[0] - r) % stride for pair, r in zip(pairs, phase, strict=True)]
    kernel = kernel[firsts[0] :: stride, firsts[1] :: stride]
    fronts = [(pair[0] - r - t) // stride for pair, r, t in zip(pairs, phase, firsts, strict=True)]
    if 0 in kernel.shape[:2]:
        return jnp.zeros((x.shape[0], *counts, kernel.shape[-1]), x.dtype)
    top, left = (
        (front, count - 1 + k - n - front)
        for front, count, k, n in zip(fronts, counts, kernel.shape[:2], x.shape[1:3], strict=True)
    )
    return _strided(x, kernel, 1, (top, left))


class Convolution(nnx.Conv):
    """[n, h, w, inputs] → [n, h', w', outputs]: nnx.Conv by `convolve`.

    `size` is the kernel's height and width. Of inputs and outputs so many as `used` says are in
    use, None: all.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        padding: Padding = "SAME",
        used: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
        use_bias: bool = True,
        rngs: nnx.Rngs,
    ) -> None:
        self.stride, self.pads = stride, _static(padding)
        window, draw = (size, size), he_normal(*used)
        super().__init__(inputs, outputs, window, kernel_init=draw, use_bias=use_bias, rngs=rngs)

    def __call__(self, inputs: jax.Array, out_sharding: None = None) -> jax.Array:
        """The convolution, and the bias if there is one."""
        del out_sharding
        x, kernel, bias = _promoted(self, inputs)
        y = convolve(x, kernel, stride=self.stride, padding=self.pads)
        return y if bias is None else y + bias


class ConvolutionTransposed(nnx.ConvTranspose):
    """[n, h, w, inputs] → [n, h', w', outputs]: nnx.ConvTranspose by `convolve_transposed`.

    `size` and `used` are as in `Convolution`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int,
        padding: Padding = "SAME",
        used: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
        use_bias: bool = True,
        rngs: nnx.Rngs,
    ) -> None:
        self.stride, self.pads = stride, _static(padding)
        window, draw = (size, size), he_normal(*used)
        super().__init__(inputs, outputs, window, kernel_init=draw, use_bias=use_bias, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """The transposed convolution, and the bias if there is one."""
        x, kernel, bias = _promoted(self, inputs)
        y = convolve_transposed(x, kernel, stride=self.stride, padding=self.pads)
        return y if bias is None else y + bias


def _static(padding: Padding) -> Padding:
    """A padding that can be hashed, as what describes a module must be."""
    return padding if isinstance(padding, str) else _explicit(padding)


def _promoted(
    layer: nnx.Conv | nnx.ConvTranspose, inputs: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Inputs, kernel and bias of the layer's type of numbers; the bias broadcasts to outputs."""
    bias = None if layer.bias is None else layer.bias[...].reshape(1, 1, 1, -1)
    x, kernel, bias = layer.promote_dtype((inputs, layer.kernel[...], bias), dtype=layer.dtype)
    return x, kernel, bias


def enlarge(x: jax.Array) -> jax.Array:
    """[n, h, w, c] → [n, 2h, 2w, c]: each pixel four times (nearest neighbour)."""
    n, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (n, h, 2, w, 2, c)).reshape(n, 2 * h, 2 * w, c)


def halve(x: jax.Array) -> jax.Array:
    """[n, 2h, 2w, c] → [n, h, w, c]: means of 2×2 pixels. Raises `ValueError` for an odd side."""
    n, h, w, c = x.shape
    if h % 2 or w % 2:
        raise ValueError(f"images of {h}×{w} pixels; accepted: even sides")
    return x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4))
