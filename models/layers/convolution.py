"""Convolutions of images as matrix products, whose gradients stay fast inside of a `lax` loop.

Inside a loop XLA:CPU computes the gradients of `lax.conv` by plain loops, some twenty times slower
than these. There are two ways, each one product and the transposition of the other:

- gathered: the product of the patches of the image with the kernel,
- overlapped: the product of the pixels with all taps of the kernel, summed where they overlap.

`python -m bench.convolutions` measures both, by which the choice below was made: a convolution with
a stride gathers, a transposed one overlaps, and with stride 1 the side with fewer channels is the
one that is written out. A stride that divides the kernel's sides is taken out first: blocks of
stride × stride pixels become channels, so that all that is copied is contiguous.

Derivatives are those of slices, sums and products: JAX derives them, of any order, in both modes.

An accelerator runs the same code. There the engine maps over members, each with kernels of its own,
of which `lax.conv` makes a grouped convolution and this makes batched products: they took between
two thirds and a hundredth of the time on an NVIDIA H200 (bench/README.md). What is read is in
memory first there.
"""

import functools
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
    `lax.conv_general_dilated` gives for NHWC, HWIO, NHWC. Raises `ValueError` for other shapes, and
    for a padding that is none.
    """
    _check(x, kernel)
    window = kernel.shape[:2]
    pairs = _pairs(padding, x.shape[1:3], window, stride)
    sizes = _sizes(x.shape[1:3], window, pairs, stride)
    if 0 in sizes:
        return jnp.zeros((x.shape[0], *sizes, kernel.shape[3]), x.dtype)
    if stride == 1 and _overlaps(x, kernel, sizes):
        return _overlapped(x, kernel, 1, (pairs[0][0], pairs[1][0]), sizes)
    if stride > 1 and not any(width % stride for width in window):
        x, kernel, stride = *_in_blocks(x, kernel, stride, pairs, sizes), 1
    else:
        x = _padded(x, pairs)
    return _gathered(x, kernel, stride, sizes)


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
    window = kernel.shape[:2]
    pairs = _transposed_pairs(padding, window, stride)
    if stride == 1:
        return convolve(x, kernel, padding=pairs)
    sizes = _sizes([(n - 1) * stride + 1 for n in x.shape[1:3]], window, pairs, 1)
    if 0 in sizes:
        return jnp.zeros((x.shape[0], *sizes, kernel.shape[3]), x.dtype)
    if not any(width % stride for width in window):
        return _overlapped_blocks(x, kernel, stride, pairs, sizes)
    return _overlapped(x, kernel, stride, (pairs[0][0], pairs[1][0]), sizes)


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


def _pairs(padding: Padding, size: Sequence[int], window: Sequence[int], stride: int) -> Pairs:
    if padding in ("SAME", "VALID"):
        return _explicit(lax.padtype_to_pads(size, window, (stride, stride), str(padding)))
    return _explicit(padding)


def _transposed_pairs(padding: Padding, window: Sequence[int], stride: int) -> Pairs:
    if padding not in ("SAME", "VALID"):
        return _explicit(padding)

    def pair(width: int) -> tuple[int, int]:
        # As lax.conv_transpose has it.
        total = width + stride - 2 + (max(width - stride, 0) if padding == "VALID" else 0)
        whole = padding == "VALID" or stride > width - 1
        front = width - 1 if whole else math.ceil(total / 2)
        return front, total - front

    return pair(window[0]), pair(window[1])


def _sizes(
    size: Sequence[int], window: Sequence[int], pairs: Pairs, stride: int
) -> tuple[int, int]:
    """Height and width of the outputs."""
    rows, columns = (
        max((n + sum(pair) - width) // stride + 1, 0)
        for n, width, pair in zip(size, window, pairs, strict=True)
    )
    return rows, columns


def _padded(x: jax.Array, pairs: Pairs) -> jax.Array:
    config = [(0, 0, 0), *((*pair, 0) for pair in pairs), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), config)


def _overlaps(x: jax.Array, kernel: jax.Array, sizes: tuple[int, int]) -> bool:
    """Whether the outputs have no more channels, and most pixels are the middle of a patch."""
    return kernel.shape[3] <= kernel.shape[2] and math.prod(x.shape[1:3]) <= 2 * math.prod(sizes)


def _gathered(x: jax.Array, kernel: jax.Array, stride: int, sizes: tuple[int, int]) -> jax.Array:
    """The convolution of a padded image as one product of its patches with the kernel."""
    kh, kw, inputs, outputs = kernel.shape
    rows, columns = ((size - 1) * stride + 1 for size in sizes)
    x = _written_out(x)
    patches = [
        x[:, a : a + rows : stride, b : b + columns : stride]
        for a, b in itertools.product(range(kh), range(kw))
    ]
    return _product(jnp.concatenate(patches, axis=-1), kernel.reshape(kh * kw * inputs, outputs))


def _overlapped(
    x: jax.Array,
    kernel: jax.Array,
    stride: int,
    fronts: tuple[int, int],
    sizes: tuple[int, int],
) -> jax.Array:
    """y[n, stride·i + top − a, stride·j + left − b, m] += Σ x[n, i, j, c] · kernel[a, b, c, m].

    One product gives the terms of all taps, which are summed along the rows, then the columns.
    """
    kh, kw, inputs, outputs = kernel.shape
    terms = _product(x, kernel.transpose(2, 0, 1, 3).reshape(inputs, kh * kw * outputs))
    for axis, width, front, size in zip((1, 2), (kh, kw), fronts, sizes, strict=True):
        extent = (terms.shape[axis] - 1) * stride + 1
        padded = []
        for tap, term in enumerate(jnp.split(terms, width, axis=-1)):
            config = [(0, 0, 0)] * 4
            config[axis] = (front - tap, size - extent - (front - tap), stride - 1)
            padded.append(lax.pad(term, jnp.zeros((), x.dtype), config))
        terms = functools.reduce(jnp.add, padded)
    return _written_out(terms)


def _written_out(x: jax.Array) -> jax.Array:
    """x, which an accelerator has in memory before it is read, as it has the cotangent of x.

    Else XLA may compute what x is made of anew for each tap of a kernel: for a batch of images the
    random numbers by which it was drawn. A CPU has no such need, and keeps its program.
    """
    written: jax.Array = lax.platform_dependent(
        x, cpu=lambda x: x, default=lax.optimization_barrier
    )
    return written


def _product(x: jax.Array, matrix: jax.Array) -> jax.Array:
    """[n, h, w, c] times [c, m]; of matrices, which XLA:CPU multiplies faster."""
    n, h, w, channels = x.shape
    return (x.reshape(n * h * w, channels) @ matrix).reshape(n, h, w, matrix.shape[1])


def _in_blocks(
    x: jax.Array, kernel: jax.Array, stride: int, pairs: Pairs, sizes: tuple[int, int]
) -> tuple[jax.Array, jax.Array]:
    """A padded image and a kernel whose channels are blocks of pixels, to convolve by stride 1."""
    blocks = [width // stride for width in kernel.shape[:2]]
    extents = [size - 1 + count for size, count in zip(sizes, blocks, strict=True)]
    top, left = (
        (front, extent * stride - n - front)
        for (front, _), extent, n in zip(pairs, extents, x.shape[1:3], strict=True)
    )
    x = _padded(x, (top, left))
    n, _, _, channels = x.shape
    x = x.reshape(n, extents[0], stride, extents[1], stride, channels).transpose(0, 1, 3, 2, 4, 5)
    inputs = stride * stride * channels
    kernel = _of_blocks(kernel, stride).reshape(*blocks, inputs, kernel.shape[3])
    return x.reshape(n, *extents, inputs), kernel


def _of_blocks(kernel: jax.Array, stride: int) -> jax.Array:
    """[kh, kw, c, m] → [kh/stride, kw/stride, stride, stride, c, m]."""
    kh, kw, *channels = kernel.shape
    kernel = kernel.reshape(kh // stride, stride, kw // stride, stride, *channels)
    return kernel.transpose(0, 2, 1, 3, 4, 5)


def _overlapped_blocks(
    x: jax.Array, kernel: jax.Array, stride: int, pairs: Pairs, sizes: tuple[int, int]
) -> jax.Array:
    """The transposed convolution, whose outputs are blocks of pixels until they are summed."""
    n, outputs = x.shape[0], kernel.shape[3]
    blocks = [width // stride for width in kernel.shape[:2]]
    taps = _of_blocks(kernel, stride)[:, :, ::-1, ::-1].transpose(0, 1, 4, 2, 3, 5)
    taps = taps.reshape(*blocks, kernel.shape[2], stride * stride * outputs)
    rows, columns = (size + count - 1 for size, count in zip(x.shape[1:3], blocks, strict=True))
    y = _overlapped(x, taps, 1, (blocks[0] - 1, blocks[1] - 1), (rows, columns))
    y = y.reshape(n, rows, columns, stride, stride, outputs).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(n, rows * stride, columns * stride, outputs)
    cut = [width - 1 - front for width, (front, _) in zip(kernel.shape[:2], pairs, strict=True)]
    top, left = (
        (-start, start + size - extent)
        for start, size, extent in zip(cut, sizes, y.shape[1:3], strict=True)
    )
    return _padded(y, (top, left))


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
    x = jnp.stack([x, x], axis=2).reshape(n, 2 * h, w, c)
    return jnp.stack([x, x], axis=3).reshape(n, 2 * h, 2 * w, c)


def halve(x: jax.Array) -> jax.Array:
    """[n, 2h, 2w, c] → [n, h, w, c]: means of 2×2 pixels. Raises `ValueError` for an odd side."""
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise ValueError(f"images of {x.shape[1]}×{x.shape[2]} pixels; accepted: even sides")
    corners = [x[:, a::2, b::2] for a, b in itertools.product(range(2), repeat=2)]
    return functools.reduce(jnp.add, corners) * np.asarray(0.25, x.dtype)
