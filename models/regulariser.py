"""One step of an optimiser under a method: penalty, coupling and constraint."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from normsweep.models.method import Method, NetworkPenalty
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import keep, select
from normsweep.objectives.transform import add_where_given, advanced


def initial_state(method: Method, params: PyTree) -> tuple[PyTree, PyTree]:
    """What the method's penalty and constraint carry from step to step; None where nothing."""
    weights = selected(method, params)
    entries = (method.penalty, method.constraint)
    penalty, constraint = (
        entry.initial_state(weights) if entry is not None and entry.initial_state else None
        for entry in entries
    )
    return penalty, constraint


def selected(method: Method, params: PyTree) -> PyTree:
    """The weights that the method's pattern selects, None for the others."""
    return keep(params, select(params, method.weights))


def regularised_update(
    method: Method,
    optimizer: optax.GradientTransformation,
    learning_rate: ArrayLike,
    penalty: NetworkPenalty,
    gradient: PyTree,
    optimizer_state: Any,
    state: tuple[PyTree, PyTree],
    params: PyTree,
) -> tuple[PyTree, Any, tuple[PyTree, PyTree]]:
    """One step on the gradient, the penalty's with it or after it, then the constraint.

    `optimizer` already knows its learning rate; the decoupled and the proximal step take
    `learning_rate` times the penalty. Returns parameters, the optimiser's state and the method's.
    """
    penalty_state, constraint_state = state
    weights = selected(method, params)
    penalty_state, named = advanced(method.penalty, weights, penalty_state)
    coefficients = {name: getattr(penalty, name) for name in method.penalty.coefficients}
    if method.coupling == "loss":
        addend = method.penalty.gradient(weights, **coefficients, **named)
        gradient = add_where_given(gradient, addend)
    # Adam's bias correction in Optax raises a traced float32 to its int32 count, which strict
    # promotion (on in our tests, and in some users' code) would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
    if method.coupling == "decoupled":
        slope = method.penalty.gradient(weights, **coefficients, **named)
        updates = add_where_given(
            updates, jax.tree.map(lambda g: g * jnp.negative(learning_rate), slope)
        )
    params = optax.apply_updates(params, updates)
    if method.coupling == "proximal":
        assert method.penalty.proximal is not None
        stepped = selected(method, params)
        moved = method.penalty.proximal(stepped, learning_rate, **coefficients, **named)
        params = _replaced(params, moved)
    if method.constraint is not None:
        weights = selected(method, params)
        constraint_state, named = advanced(method.constraint, weights, constraint_state)
        params = _replaced(params, method.constraint.project(weights, penalty.radius, **named))
    return params, optimizer_state, (penalty_state, constraint_state)


def _replaced(params: PyTree, some: PyTree) -> PyTree:
    """`params` with the leaves of `some`, where it has any."""
    return jax.tree.map(
        lambda old, new: old if new is None else new, params, some, is_leaf=lambda x: x is None
    )


def zero_share(method: Method, params: PyTree, initial: PyTree | None = None) -> jax.Array:
    """The share of exact zeros in the selected kernels, float32; 0 where none is selected.

    With the parameters before the first step, entries that were 0 then are left out: those of units
    that a mask keeps out of use.
    """
    leaves = _kernels(method, params)
    before = leaves if initial is None else _kernels(method, initial)
    used = [
        jnp.ones(leaf.shape, bool) if initial is None else start != 0
        for leaf, start in zip(leaves, before, strict=True)
    ]
    zero = [(leaf == 0) & use for leaf, use in zip(leaves, used, strict=True)]
    zeros, count = _count(zero), _count(used)
    return zeros.astype(np.float32) / jnp.maximum(count, 1).astype(np.float32)


def weight_norm(method: Method, params: PyTree) -> jax.Array:
    """√Σw² of the selected kernels, float32; 0 where none is selected.

    Units that a mask keeps out of use are 0 and add nothing.
    """
    squares = [jnp.sum(jnp.square(leaf)) for leaf in _kernels(method, params)]
    return jnp.sqrt(sum(squares, jnp.zeros((), np.float32)))


def _kernels(method: Method, params: PyTree) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(selected(method, params)) if leaf.ndim > 1]


def _count(flags: list[jax.Array]) -> jax.Array:
    return sum((jnp.sum(flag, dtype=np.int32) for flag in flags), jnp.zeros((), np.int32))
