"""The penalty of a member: which formula its program runs, and the traced coefficients."""

from enum import IntEnum
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.typing import ArrayLike

from objectives.aliases import PyTree
from objectives.penalties import (
    PENALTIES,
    elastic_net_gradient,
    lp_norm_gradient,
    lp_power_gradient,
)
from objectives.selection import keep, select
from objectives.transform import add_where_given

FORMS: tuple[str, ...] = ("none", *PENALTIES)
"""The forms that a config can name."""


class Formula(IntEnum):
    """The penalty gradients that a member can run; the branches of one `lax.switch` a chunk.

    LINEAR is l1·sign(w) + 2·l2·w: no penalty, the elastic net, and the power form of order 1 or 2.
    It is nearly free, which the general power is not.
    """

    LINEAR = 0
    POWER = 1
    NORM = 2


class NetworkPenalty(NamedTuple):
    """The coefficients of the penalty on one network, as traced float32 scalars."""

    strength: ArrayLike
    order: ArrayLike
    l1: ArrayLike
    l2: ArrayLike


def formula_of(form: str, order: float | None) -> Formula:
    """The cheapest formula that is exact for a form in `FORMS` and its order, if it has one.

    Raises `ValueError` for another form.
    """
    if form not in FORMS:
        raise ValueError(f"unknown penalty form {form!r}; accepted: {', '.join(FORMS)}")
    if form in ("none", "elastic") or order == 1 or (form == "power" and order == 2):
        return Formula.LINEAR
    return Formula.POWER if form == "power" else Formula.NORM


def network_penalty(
    form: str, *, strength: float = 0.0, order: float = 2.0, l1: float = 0.0, l2: float = 0.0
) -> NetworkPenalty:
    """The coefficients of a form in `FORMS` for its `formula_of`; those it lacks are ignored."""
    formula = formula_of(form, order)
    if form == "none":
        coefficients = (0.0, 2.0, 0.0, 0.0)
    elif form == "elastic":
        coefficients = (0.0, 2.0, l1, l2)
    elif formula == Formula.LINEAR:
        coefficients = (0.0, 2.0, strength, 0.0) if order == 1 else (0.0, 2.0, 0.0, strength)
    else:
        coefficients = (strength, order, 0.0, 0.0)
    return NetworkPenalty(*map(np.float32, coefficients))


def penalised_update(
    optimizer: optax.GradientTransformation,
    formula: Formula,
    penalty: NetworkPenalty,
    pattern: str,
    gradient: PyTree,
    state: Any,
    params: PyTree,
) -> tuple[PyTree, Any]:
    """One step of an optimiser on the gradient plus the penalty's; the new parameters and state.

    The penalty acts on the weights whose path matches `pattern`.
    """
    weights = keep(params, select(params, pattern))
    strength, order = penalty.strength, penalty.order
    if formula == Formula.LINEAR:
        addend = elastic_net_gradient(weights, penalty.l1, penalty.l2)
    elif formula == Formula.POWER:
        addend = lp_power_gradient(weights, order, strength, general=True)
    else:
        addend = lp_norm_gradient(weights, order, strength)
    # Adam's bias correction in Optax raises a traced float32 to its int32 count, which strict
    # promotion (on in our tests, and in some users' code) would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, state = optimizer.update(add_where_given(gradient, addend), state, params)
    return optax.apply_updates(params, updates), state
