"""One step of an optimiser under a method: penalty, coupling and constraint."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from normsweep.models.families.contract import Params
from normsweep.models.method import Method, NetworkPenalty
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import keep, select
from normsweep.objectives.transform import (
    WeightMap,
    add_norm_penalty,
    decoupled_decay,
    projection_map,
    proximal_map,
)


class Regulariser(NamedTuple):
    """What a method does to one network: in front of the optimiser, behind it, and after the step.

    The first two are Optax's own kind. A proximal step and a constraint move the weights instead of
    the updates: as transformations, `proximal_step` and `keep_within`, they would end in
    params + (moved − params), which has lost exact zeros and bits.
    """

    before: optax.GradientTransformation
    after: optax.GradientTransformation
    maps: tuple[WeightMap, ...]

    def init(self, params: PyTree) -> PyTree:
        """What penalty and constraint carry from step to step."""
        return (
            self.before.init(params),
            self.after.init(params),
            tuple(each.init(params) for each in self.maps),
        )


def regulariser(
    method: Method, penalty: NetworkPenalty, learning_rate: ArrayLike = 0.0
) -> Regulariser:
    """The method with its coefficients on one network.

    The decoupled and the proximal step take `learning_rate` times the penalty.
    """
    entry, mask = method.penalty, partial(select, pattern=method.weights)
    coefficients = {name: getattr(penalty, name) for name in entry.coefficients}
    before, after, maps = optax.identity(), optax.identity(), []
    if method.coupling == "loss":
        before = add_norm_penalty(entry, mask=mask, **coefficients)
    elif method.coupling == "decoupled":
        after = decoupled_decay(entry, learning_rate, mask=mask, **coefficients)
    else:
        maps.append(proximal_map(entry, learning_rate, mask=mask, **coefficients))
    if method.constraint is not None:
        maps.append(projection_map(method.constraint, penalty.radius, mask=mask))
    return Regulariser(before, after, tuple(maps))


def regularised_update(
    regularisers: dict[str, Regulariser],
    optimizer: optax.GradientTransformation,
    gradient: Params,
    optimizer_state: Any,
    states: dict[str, PyTree],
    params: Params,
) -> tuple[Params, Any, dict[str, PyTree]]:
    """One step of a player on a gradient, all by the names of its networks.

    Returns parameters, the optimiser's state and those of the regularisers.
    """
    before, after, maps = {}, {}, {}
    for name, each in regularisers.items():
        gradient, before[name] = _updated(each.before, name, gradient, states[name][0], params)
    # Adam's bias correction in Optax raises a traced float32 to its int32 count, which strict
    # promotion (on in our tests, and in some users' code) would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
    for name, each in regularisers.items():
        updates, after[name] = _updated(each.after, name, updates, states[name][1], params)
    params = optax.apply_updates(params, updates)
    for name, each in regularisers.items():
        moved, found = params[name], []
        for step, state in zip(each.maps, states[name][2], strict=True):
            moved, state = step.apply(moved, state)
            found.append(state)
        params, maps[name] = {**params, name: moved}, tuple(found)
    return params, optimizer_state, {n: (before[n], after[n], maps[n]) for n in regularisers}


def _updated(
    transformation: optax.GradientTransformation,
    name: str,
    updates: Params,
    state: PyTree,
    params: Params,
) -> tuple[Params, PyTree]:
    """Updates of which those of one network have gone through a transformation; its state."""
    own, state = transformation.update(updates[name], state, params[name])
    return {**updates, name: own}, state


def selected(method: Method, params: PyTree) -> PyTree:
    """The weights that the method's pattern selects, None for the others."""
    return keep(params, select(params, method.weights))


def zero_share(method: Method, params: PyTree, in_use: PyTree | None = None) -> jax.Array:
    """The share of exact zeros in the selected kernels, float32; 0 where none is selected.

    With `in_use`, bools like the parameters, only entries where it is true count: those of units
    that a mask keeps out of use are 0 for no merit of a penalty.
    """
    leaves = _kernels(method, params)
    used = [jnp.ones(leaf.shape, bool) for leaf in leaves]
    if in_use is not None:
        used = _kernels(method, in_use)
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
