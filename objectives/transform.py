"""Penalties and constraints as Optax gradient transformations.

Where one stands in `optax.chain` is what it means. In front of the optimiser, the penalty's
gradient is part of the loss's. Behind it, the penalty is decoupled: under Adam the two differ
(Loshchilov and Hutter, arXiv:1711.05101). Proximal steps and constraints come last, since they
need to know the whole step. These two move the weights, and there is each as a `WeightMap` too, for
who applies updates in code of their own: without the detour over updates no bit is lost.

`mask` is everywhere as in `optax.add_decayed_weights`: a tree of bools like the parameters or a
prefix of it, or a function that makes one from them. Leaves where it is False are left alone, and
do not count in a norm taken over all leaves.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import optax

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints import Constraint, constraint
from normsweep.objectives.penalties import Penalty, penalty
from normsweep.objectives.penalties.tree import as_scalar, refuse_schedule
from normsweep.objectives.selection import keep

# Optax keeps its own constant in a private module; a test holds the two equal.
NO_PARAMS_MESSAGE = (
    "You are using a transformation that requires the current value of parameters, but you are "
    "not passing `params` when calling `update`."
)

Mask = PyTree | Callable[[PyTree], PyTree] | None


class WeightMap(NamedTuple):
    """A map of the weights after a step, as a pair of pure functions like those of Optax.

    `init(params)` gives its first state, `apply(params, state)` the weights it moves them to, a
    tree like `params`, and its next state.
    """

    init: Callable[[PyTree], Any]
    apply: Callable[[PyTree, Any], tuple[PyTree, Any]]


def add_norm_penalty(
    form: str | Penalty, *, mask: Mask = None, **coefficients: Scalar
) -> optax.GradientTransformation:
    """Returns a transformation that adds the gradient of a penalty to the updates.

    `updates + penalty.gradient(params, **coefficients)`, with the penalty called `form` in
    `PENALTIES`, or a `Penalty` itself. The coefficients are the ones that it names, all required,
    Python numbers or scalars that may be traced. Its state is the penalty's. Put it before the
    optimiser:
    `optax.chain(add_norm_penalty("power", strength=1e-4, order=1.5), optax.adam(1e-3))`.

    Raises `ValueError` for an unknown form, for a coefficient that is missing or that the form
    does not have, and, at `update`, where no parameters are given.
    """
    chosen = _chosen_penalty(form, coefficients)

    def gradient(params: PyTree, **state: PyTree) -> PyTree:
        return chosen.gradient(params, **coefficients, **state)

    return _adding(chosen, gradient, mask)


def decoupled_decay(
    form: str | Penalty, learning_rate: Scalar, *, mask: Mask = None, **coefficients: Scalar
) -> optax.GradientTransformation:
    """Returns a transformation that takes a step along the penalty alone, past the optimiser.

    `updates − learning_rate · penalty.gradient(params, **coefficients)`: decoupled weight decay
    for any penalty. Put it after the optimiser. With the power form of order 2 and strength λ/2
    behind `optax.adam` it is `optax.adamw` with `weight_decay` λ.

    Arguments and errors are those of `add_norm_penalty`; `learning_rate` is a Python number or a
    scalar that may be traced.

    References:
      Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, alg. 2.
    """
    chosen = _chosen_penalty(form, coefficients)

    def step(params: PyTree, **state: PyTree) -> PyTree:
        gradient = chosen.gradient(params, **coefficients, **state)
        return jax.tree.map(
            lambda slope: -as_scalar("learning_rate", learning_rate, slope.dtype) * slope, gradient
        )

    return _adding(chosen, step, mask)


def proximal_step(
    form: str | Penalty, learning_rate: Scalar, *, mask: Mask = None, **coefficients: Scalar
) -> optax.GradientTransformation:
    """Returns a transformation that follows the optimiser's step by a proximal one.

    `proximal(params + updates, learning_rate, **coefficients) − params`, so that `apply_updates`
    gives the proximal point, up to rounding; its zeros are exact. Put it last.

    Arguments and errors are those of `decoupled_decay`; `ValueError` too for a penalty that has no
    proximal operator in closed form.
    """
    return _moving(_proximal(form, learning_rate, coefficients), mask)


def proximal_map(
    form: str | Penalty, learning_rate: Scalar, *, mask: Mask = None, **coefficients: Scalar
) -> WeightMap:
    """Returns `proximal_step` as a map of the weights: `proximal(params, learning_rate)`."""
    return _masked(_proximal(form, learning_rate, coefficients), mask)


def keep_within(
    name: str | Constraint, radius: Scalar, *, mask: Mask = None
) -> optax.GradientTransformation:
    """Returns a transformation that brings the weights back into a set after each step.

    `project(params + updates, radius) − params`, so that `apply_updates` gives weights in the set,
    up to rounding, with the constraint called `name` in `CONSTRAINTS`, or a
    `Constraint` itself, such as a `constraint_per_layer`. Put it last.

    `radius` is a Python number or a scalar that may be traced. Raises `ValueError` for an unknown
    name, and, at `update`, for a Python radius below 0 and where no parameters are given.
    """
    return _moving(_projection(name, radius), mask)


def projection_map(name: str | Constraint, radius: Scalar, *, mask: Mask = None) -> WeightMap:
    """Returns `keep_within` as a map of the weights: `project(params, radius)`."""
    return _masked(_projection(name, radius), mask)


def add_where_given(updates: PyTree, gradient: PyTree) -> PyTree:
    """`updates + gradient`, and `updates` alone where the gradient has `None` for a leaf."""
    return jax.tree.map(_add, updates, gradient, is_leaf=_is_none)


def _is_none(node: object) -> bool:
    return node is None


def _unless_none(new: jax.Array | None, old: PyTree) -> PyTree:
    return old if new is None else new


def _add(update: jax.Array | None, gradient: jax.Array | None) -> jax.Array | None:
    return update if update is None or gradient is None else update + gradient


def _chosen_penalty(form: str | Penalty, coefficients: Mapping[str, Scalar]) -> Penalty:
    chosen = penalty(form) if isinstance(form, str) else form
    for name, number in coefficients.items():
        refuse_schedule(name, number)
    if set(coefficients) != set(chosen.coefficients):
        named = f"penalty form {form!r}" if isinstance(form, str) else f"{chosen.summary}:"
        raise ValueError(
            f"{named} takes the coefficients {', '.join(chosen.coefficients)}; "
            f"got {', '.join(coefficients) or 'none'}"
        )
    return chosen


def _adding(
    chosen: Penalty, addend: Callable[..., PyTree], mask: Mask
) -> optax.GradientTransformation:
    """The transformation to `updates + addend(params)`."""

    def update(updates: PyTree, state: Any, params: PyTree) -> tuple[PyTree, Any]:
        state, given = advanced(chosen, params, state)
        return add_where_given(updates, addend(params, **given)), state

    return _transformation(partial(_begun, chosen), update, mask)


def _moving(weights: WeightMap, mask: Mask) -> optax.GradientTransformation:
    """The transformation to `map(params + updates) − params`."""

    def update(updates: PyTree, state: Any, params: PyTree) -> tuple[PyTree, Any]:
        moved, state = weights.apply(add_where_given(params, updates), state)
        return jax.tree.map(_difference, updates, params, moved, is_leaf=_is_none), state

    return _transformation(weights.init, update, mask)


def _difference(
    update: jax.Array | None, old: jax.Array | None, new: jax.Array | None
) -> jax.Array | None:
    return update if update is None or old is None or new is None else new - old


def _proximal(
    form: str | Penalty, learning_rate: Scalar, coefficients: Mapping[str, Scalar]
) -> WeightMap:
    chosen = _chosen_penalty(form, coefficients)
    proximal = chosen.proximal
    if proximal is None:
        raise ValueError(f"the penalty {chosen.summary} has no proximal step in closed form")

    def apply(weights: PyTree, state: Any) -> tuple[PyTree, Any]:
        state, given = advanced(chosen, weights, state)
        return proximal(weights, learning_rate, **coefficients, **given), state

    return WeightMap(partial(_begun, chosen), apply)


def _projection(name: str | Constraint, radius: Scalar) -> WeightMap:
    chosen = constraint(name) if isinstance(name, str) else name

    def apply(weights: PyTree, state: Any) -> tuple[PyTree, Any]:
        state, given = advanced(chosen, weights, state)
        return chosen.project(weights, radius, **given), state

    return WeightMap(partial(_begun, chosen), apply)


def _begun(chosen: Penalty | Constraint, params: PyTree) -> Any:
    return optax.EmptyState() if chosen.initial_state is None else chosen.initial_state(params)


def advanced(
    chosen: Penalty | Constraint, weights: PyTree, state: Any
) -> tuple[Any, dict[str, Any]]:
    """Returns the next state, and the arguments that hand it to a function which takes one."""
    if chosen.advance is None:
        return state, {}
    state = chosen.advance(weights, state)
    return state, {"state": state}


def _masked(weights: WeightMap, mask: Mask) -> WeightMap:
    """The map of the leaves where the mask is True; the others stay, to the bit."""
    if mask is None:
        return weights

    def chosen(params: PyTree) -> PyTree:
        return keep(params, mask(params) if callable(mask) else mask)

    def apply(params: PyTree, state: Any) -> tuple[PyTree, Any]:
        moved, state = weights.apply(chosen(params), state)
        # None, where the mask is False, may stand for a whole subtree of the parameters.
        return jax.tree.map(_unless_none, moved, params, is_leaf=_is_none), state

    return WeightMap(lambda params: weights.init(chosen(params)), apply)


def _transformation(
    init: Callable[[PyTree], Any],
    update: Callable[..., tuple[PyTree, Any]],
    mask: Mask,
) -> optax.GradientTransformation:
    def checked(updates: PyTree, state: Any, params: PyTree | None = None) -> tuple[PyTree, Any]:
        if params is None:
            raise ValueError(NO_PARAMS_MESSAGE)
        return update(updates, state, params)

    transformation = optax.GradientTransformation(init, checked)
    return transformation if mask is None else optax.masked(transformation, mask)
