"""The optimiser of a player under a method."""

from functools import partial

import optax
from jax.typing import ArrayLike

from normsweep.models.families.contract import Params
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.method import Method
from normsweep.models.optimizers import OPTIMIZERS, OptimizerSettings
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import select


def player_optimizer(
    name: str, method: Method, rate: ArrayLike, hyperparameters: Hyperparameters
) -> optax.GradientTransformation:
    """The optimiser called `name` at a learning rate, for the parameters of networks by name.

    Where it decays weights, it decays those that the method selects in each network.
    """
    h = hyperparameters
    settings = OptimizerSettings(rate, h.beta1, h.beta2, h.decay, h.momentum, h.weight_decay)
    return OPTIMIZERS[name].build(settings, partial(_decayed, method))


def _decayed(method: Method, params: Params) -> dict[str, PyTree]:
    return {name: select(tree, method.weights) for name, tree in params.items()}
