"""Layers of which only the first units are in use, so that a width can be traced."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def in_use(width: int, units: ArrayLike) -> jax.Array:
    """bool [width]: the units of index below `units`."""
    return jnp.arange(width, dtype=np.int32) < jnp.asarray(units, np.int32)


def in_use_along(shape: tuple[int, ...], axis: int, units: ArrayLike) -> jax.Array:
    """bool, of the rank of `shape` and broadcastable to it: the units in use along one axis."""
    others = tuple(other for other in range(len(shape)) if other != axis % len(shape))
    return jnp.expand_dims(in_use(shape[axis], units), others)
