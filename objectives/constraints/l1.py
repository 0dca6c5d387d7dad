"""The ball of the norm 1 over all weights jointly: its projection is a soft threshold.

The threshold τ solves Σmax(|w| − τ, 0) = radius. The left side is convex and piecewise linear in
τ, so Newton's method from τ = 0 climbs to the root without passing it and ends after finitely many
steps, in practice some ten. That needs no sort of all weights, which is what most do.

References:
  Duchi et al., "Efficient Projections onto the l1-Ball for Learning in High Dimensions", ICML
  2008, sec. 3;
  Condat, "Fast Projection onto the Simplex and the l1 Ball", Mathematical Programming 158, 2016,
  sec. 2 (the iteration, there Michelot's).
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints.constraint import (
    Constraint,
    is_inside,
    prepare_ball,
    scale_into,
)
from normsweep.objectives.penalties.norm import lp_norm
from normsweep.objectives.penalties.proximal import soft_threshold
from normsweep.objectives.penalties.tree import total

MAXIMUM_STEPS = 100


def l1_size(params: PyTree) -> jax.Array:
    """Returns Σ|w| over all leaves, a scalar."""
    return lp_norm(params, 1.0)


def project_l1_ball(params: PyTree, radius: Scalar) -> PyTree:
    """Returns sign(w)·max(|w| − τ, 0) with the τ ≥ 0 that takes Σ|w| to the radius.

    It is the nearest point of the ball; small weights become exactly 0. Differentiable. NaN
    everywhere if any weight is NaN; zeros where Σ|w| exceeds the dtype's range.
    """
    tree, bound = prepare_ball(params, radius)
    inside = is_inside(l1_size(tree), bound)
    found = jax.lax.stop_gradient(_threshold(jax.lax.stop_gradient(tree), bound))
    # One more step, outside the loop, is what derivatives see: at the root it moves nothing.
    refined = jnp.maximum(found + _newton_step(tree, bound, found), jnp.zeros_like(found))
    threshold = jnp.where(inside, jnp.zeros_like(found), refined)
    shrunk = jax.tree.map(lambda w: soft_threshold(w, threshold), tree)
    # Where the radius is far below the weights, rounding of |w| − τ may exceed it.
    size = jax.lax.stop_gradient(l1_size(shrunk))
    scaled = jax.tree.map(lambda w: scale_into(w, size, bound), shrunk)
    # Inside it is the identity, of which a threshold of 0 has the values but not the slope at 0.
    return jax.tree.map(lambda w, new: jnp.where(inside, w, new), tree, scaled)


def _newton_step(params: PyTree, radius: jax.Array, threshold: jax.Array) -> jax.Array:
    def active(w: jax.Array) -> jax.Array:
        return (jnp.abs(w) > threshold.astype(w.dtype)).astype(w.dtype)

    remaining = total(lambda w: jnp.abs(soft_threshold(w, threshold)), params, radius)
    count = jax.lax.stop_gradient(total(active, params, radius))
    return (remaining - radius) / jnp.maximum(count, jnp.ones_like(count))


def _threshold(params: PyTree, radius: jax.Array) -> jax.Array:
    def climbs(carry: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        index, before, threshold = carry
        return (threshold > before) & (index < MAXIMUM_STEPS)

    def climb(
        carry: tuple[jax.Array, jax.Array, jax.Array],
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        index, _, threshold = carry
        return index + 1, threshold, threshold + _newton_step(params, radius, threshold)

    zero = jnp.zeros_like(radius)
    found = jax.lax.while_loop(climbs, climb, (jnp.int32(0), zero - 1, zero))
    return jnp.maximum(found[2], zero)


L1_BALL = Constraint(
    project_l1_ball,
    l1_size,
    "Σ|w| ≤ radius",
    "Duchi et al., ICML 2008",
)
