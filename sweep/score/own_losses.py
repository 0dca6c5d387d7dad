"""Losses of the user's own, traced once before anything trains."""

from typing import Any

import jax
import numpy as np

from normsweep.engine.settings import hyperparameters_of
from normsweep.models.data import Data
from normsweep.models.families.own import OwnFamily
from normsweep.models.member import init
from normsweep.models.program import Program
from normsweep.models.turn import Setting, objective_of
from normsweep.objectives.aliases import PyTree
from normsweep.spec.spec import Spec


def trace_own_losses(config: Spec, program: Program, data: Data) -> str | None:
    """Traces a turn of each player whose loss is the user's own; what is wrong, or None.

    Nothing is computed. What the user's code raises is raised, and what JAX says of a loss that is
    no scalar.
    """
    family = program.family
    assert isinstance(family, OwnFamily)
    numbers = hyperparameters_of(config, family=family)

    def turn(key: jax.Array) -> tuple[PyTree, PyTree]:
        state = before = init(program, numbers, key)
        for player in family.model.losses:
            setting = Setting(program, 0, numbers, 1.0, 1.0)
            objective = objective_of(setting, player, state, data, key)
            params = {name: state.networks[name].params for name in family.players[player]}
            (_, outcome), _ = jax.value_and_grad(objective.loss, has_aux=True)(params)
            state = state._replace(carried=outcome.carried)
        return before.carried, state.carried

    before, after = jax.eval_shape(turn, jax.random.key(0))
    if _described(before) == _described(after):
        return None
    return "what its losses carry has other names, shapes or types after a turn; they must stay"


def _described(tree: PyTree) -> tuple[Any, ...]:
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(np.shape(leaf), leaf.dtype) for leaf in leaves]
