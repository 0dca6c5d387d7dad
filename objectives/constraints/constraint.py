"""The contract of a constraint, and what the constraints share."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.tree import prepare


class Constraint(NamedTuple):
    """One constraint: a set of weights, size(w) ≤ radius, and the way back into it.

    `project(params, radius)` is a tree like `params` inside the set: `params` to the bit where it
    is inside already, zeros at radius 0. The radius is a Python number or a scalar that may be
    traced; a Python one below 0, or NaN, raises `ValueError`. `size(params)` is a scalar, the
    largest where there are several (of units, of layers).

    A constraint with a state (that of a power iteration) has `initial_state(params)`, and
    `advance(params, state)` for its next one; `project` and `size` then take `state` by name.

    `matrices` is True where only leaves of two axes or more are constrained.
    """

    project: Callable[..., PyTree]
    size: Callable[..., jax.Array]
    summary: str
    source: str
    coefficients: tuple[str, ...] = ("radius",)
    initial_state: Callable[[PyTree], PyTree] | None = None
    advance: Callable[[PyTree, PyTree], PyTree] | None = None
    matrices: bool = False


def prepare_ball(params: PyTree, radius: Scalar) -> tuple[PyTree, jax.Array]:
    """Returns the tree and its radius as a scalar of its dtype; checks a Python radius."""
    if isinstance(radius, (int, float)) and not radius >= 0:
        raise ValueError(f"radius must be 0 or above, got {radius!r}")
    tree, bound = prepare(params, radius=radius)
    return tree, bound


def is_inside(size: jax.Array, radius: jax.Array) -> jax.Array:
    """Returns size ≤ radius, up to the rounding of what was scaled to lie on the boundary."""
    limits = jnp.finfo(size.dtype)  # type: ignore[no-untyped-call]
    return size <= radius.astype(size.dtype) * (1 + 4 * limits.eps)


def scale_into(w: jax.Array, size: jax.Array, radius: jax.Array) -> jax.Array:
    """Returns w · min(1, radius/size), to the bit w where the size is within the radius.

    `size` is a scalar, or has the rank of `w`. NaN where the size is NaN.
    """
    size, bound = size.astype(w.dtype), radius.astype(w.dtype)
    inside = is_inside(size, bound)
    # Derivatives go through the branch not taken too, where 0·∞ would be NaN.
    size, bound = (jnp.where(inside, jnp.ones_like(x), x) for x in (size, bound))
    # Divided first: radius/size may leave the range where w/size, at most 1, does not.
    scaled = w / size * bound
    return jnp.where(inside, w, scaled)
