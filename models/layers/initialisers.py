"""Initial values of layers of which only the first units may be in use."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.masks import in_use_along

Initialiser = Callable[..., jax.Array]


def he_normal(inputs: ArrayLike | None, outputs: ArrayLike | None) -> Initialiser:
    """Kernels […, n, m] of variance 2/(… · inputs) from the inputs to the outputs in use, else 0.

    He et al., arXiv:1502.01852, eq. 10, for the number of inputs in use; the axes in front of the
    last two are those of a convolution's window. None means all; with all inputs and outputs in use
    the draw is Flax's `he_normal`, to the bit.
    """
    draw_all = nnx.initializers.he_normal()

    def draw(key: jax.Array, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
        # As the matrix of the convolution: the same bits, and what counts them for an array of four
        # axes takes XLA four times as long to compile.
        kernel: jax.Array = draw_all(key, (math.prod(shape[:-1]), shape[-1]), dtype).reshape(shape)
        if inputs is not None:
            active = jnp.clip(jnp.asarray(inputs, np.int32), 1, shape[-2]).astype(dtype)
            rows = in_use_along(shape, -2, inputs)
            kernel = jnp.where(rows, kernel * jnp.sqrt(shape[-2] / active), jnp.zeros_like(kernel))
        if outputs is not None:
            columns = in_use_along(shape, -1, outputs)
            kernel = jnp.where(columns, kernel, jnp.zeros_like(kernel))
        return kernel

    return draw


def constant(value: float, units: ArrayLike | None) -> Initialiser:
    """Vectors of `value` for the first `units`, else 0. None means all."""

    def fill(key: jax.Array, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
        filled = jnp.full(shape, value, dtype)
        if units is None:
            return filled
        return jnp.where(in_use_along(shape, -1, units), filled, jnp.zeros_like(filled))

    return fill
