"""The choice between the formulas that an order and a strength call for."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar

Result = TypeVar("Result")


class Case(IntEnum):
    """The formulas an order can call for; the numbers are the branches of one `lax.switch`."""

    OFF = 0
    FIRST = 1
    SECOND = 2
    GENERAL = 3


def static_case(order: Scalar, *, general: bool = False) -> Case | None:
    """Returns the formula for an order known while tracing, `None` for an order that is an array.

    `general` asks for the formula that serves every order, whatever this one is. Raises
    `ValueError` for a Python number that is not a finite number above 0.
    """
    if not isinstance(order, (int, float)):
        return Case.GENERAL if general else None
    if not 0 < order < float("inf"):
        raise ValueError(f"order must be a finite number above 0, got {order!r}")
    exact = {} if general else {1.0: Case.FIRST, 2.0: Case.SECOND}
    return exact.get(float(order), Case.GENERAL)


def choose(
    case: Case | None,
    strength: jax.Array,
    order: jax.Array,
    branches: Mapping[Case, Callable[[PyTree], Result]],
    params: PyTree,
) -> Result:
    """Runs the one formula that `strength` and `order` call for.

    Inside `lax.map` and `lax.scan` a branch not taken costs nothing, which is what makes a
    strength of 0 and the orders 1 and 2 nearly free; under `vmap` all branches run and the right
    one is kept. A strength of exactly 0 takes the branch `OFF`, so that an unpenalised member
    never meets 0·inf.
    """
    if case is not None:
        # A selection instead of a branch: it fuses with whatever uses the result.
        off, on = branches[Case.OFF](params), branches[case](params)
        selected: Result = jax.tree.map(partial(jnp.where, strength == 0), off, on)
        return selected
    index = jnp.select(
        [strength == 0, order == 1, order == 2],
        [int(Case.OFF), int(Case.FIRST), int(Case.SECOND)],
        int(Case.GENERAL),
    )
    chosen: Result = jax.lax.switch(index, [branches[each] for each in Case], params)
    return chosen
