"""Initial values of layers of which only the first units may be in use."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.conditions import in_use

Initialiser = Callable[..., jax.Array]


def he_normal(inputs: ArrayLike | None, outputs: ArrayLike | None) -> Initialiser:
    """Kernels [n, m] of variance 2/inputs in the first `inputs` rows and `outputs` columns, else 0.

    He et al., arXiv:1502.01852, eq. 10, for the number of inputs in use. None means all; with all
    rows and columns in use the draw is Flax's `he_normal`, to the bit.
    """
    draw_all = nnx.initializers.he_normal()

    def draw(key: jax.Array, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
        kernel: jax.Array = draw_all(key, shape, dtype)
        if inputs is not None:
            active = jnp.clip(jnp.asarray(inputs, np.int32), 1, shape[0]).astype(dtype)
            rows = jnp.expand_dims(in_use(shape[0], inputs), 1)
            kernel = jnp.where(rows, kernel * jnp.sqrt(shape[0] / active), jnp.zeros_like(kernel))
        if outputs is not None:
            columns = jnp.expand_dims(in_use(shape[1], outputs), 0)
            kernel = jnp.where(columns, kernel, jnp.zeros_like(kernel))
        return kernel

    return draw


def constant(value: float, units: ArrayLike | None) -> Initialiser:
    """Vectors of `value` in the first `units` places, else 0. None means all."""

    def fill(key: jax.Array, shape: tuple[int, ...], dtype: jnp.dtype) -> jax.Array:
        filled = jnp.full(shape, value, dtype)
        if units is None:
            return filled
        return jnp.where(in_use(shape[0], units), filled, jnp.zeros_like(filled))

    return fill
