"""The contract of a penalty: the functions that make one, and the names of its coefficients."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from normsweep.objectives.aliases import PyTree


class Penalty(NamedTuple):
    """One penalty: `value(params, **coefficients)` and its `gradient` with the same arguments.

    The value is a scalar. The gradient is a tree like `params`, equal to `jax.grad` of the value,
    and 0 at a kink. `coefficients` are the names that both accept, all required: `order`, and the
    strengths `strength`, `l1`, `l2`, in which value and gradient are linear.

    `proximal(params, step, **coefficients)` is argmin_v ½‖v − w‖² + step · value(v), a tree like
    `params`; `None` where it has no closed form.

    A penalty with a state (that of a power iteration) has `initial_state(params)`, and
    `advance(params, state)` for its next one, a tree like it; value, gradient and proximal operator
    then take `state` by name, and treat it as a constant. Both are `None` for the others.

    `matrices` is True where only leaves of two axes or more count.
    """

    value: Callable[..., jax.Array]
    gradient: Callable[..., PyTree]
    coefficients: tuple[str, ...]
    summary: str
    source: str
    proximal: Callable[..., PyTree] | None = None
    initial_state: Callable[[PyTree], PyTree] | None = None
    advance: Callable[[PyTree, PyTree], PyTree] | None = None
    matrices: bool = False
