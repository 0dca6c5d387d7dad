"""The output units of a layer: the weights that enter each, and their L2 norms.

A leaf's last axis counts its output units, all other axes the incoming weights of one, as in the
kernels of dense layers and convolutions in Flax. In a leaf of one axis or none (a bias, a scale)
each entry is a unit of its own.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.penalties.tree import zero_like


def l2_norm(w: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Returns √Σw² over `axes`, which are kept with length 1; differentiable, with 0 at 0.

    Entries are divided by the largest before they are squared, so that the norm is finite wherever
    it is representable.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(w), axis=axes, keepdims=True, initial=0))
    # A division may be by the reciprocal, which must not leave the normal range.
    limits = jnp.finfo(w.dtype)  # type: ignore[no-untyped-call]
    usable = (largest >= limits.tiny) & jnp.isfinite(largest)
    scale = jnp.where(usable, jnp.minimum(largest, limits.max / 4), jnp.ones_like(largest))
    squares = jnp.sum(jnp.square(w / scale), axis=axes, keepdims=True)
    is_zero = squares == 0
    root = jnp.sqrt(jnp.where(is_zero, jnp.ones_like(squares), squares))
    return jnp.where(is_zero, jnp.zeros_like(root), scale * root)


def unit_norms(w: jax.Array) -> jax.Array:
    """Returns ‖w_unit‖₂ of each output unit, with the rank of `w` to broadcast against it."""
    w = jnp.asarray(w)
    return l2_norm(w, tuple(range(w.ndim - 1)) if w.ndim > 1 else ())


def largest_over_leaves(size: Callable[..., jax.Array], *trees: PyTree) -> jax.Array:
    """Returns the largest entry of `size(leaf)` over all leaves of the first tree, a scalar.

    Further trees are like the first, and give `size` further arguments. 0 for a tree without
    entries, NaN if any size is NaN.
    """
    largest = zero_like(trees[0])
    for each in jax.tree.leaves(jax.tree.map(size, *trees)):
        largest = jnp.maximum(largest, jnp.max(each, initial=0).astype(largest.dtype))
    return largest
