"""The optimisers of the two players under a method."""

from functools import partial

import jax
import optax
from jax.typing import ArrayLike

from normsweep.models.method import Method
from normsweep.models.optimizers import OPTIMIZERS, OptimizerSettings
from normsweep.models.program import Hyperparameters, Program
from normsweep.models.regulariser import selected
from normsweep.objectives.aliases import PyTree

RateAndOptimizer = tuple[ArrayLike, optax.GradientTransformation]


def player_optimizers(
    program: Program, method: Method, hyperparameters: Hyperparameters, factor: ArrayLike
) -> tuple[RateAndOptimizer, RateAndOptimizer]:
    """The generator's and the discriminator's learning rate, times `factor`, and optimiser.

    Where an optimiser decays weights, it decays those that the method selects.
    """
    h = hyperparameters
    build = OPTIMIZERS[program.optimizer].build
    decayed = partial(_decayed, method)

    def made(rate: ArrayLike) -> RateAndOptimizer:
        rate = rate * factor
        settings = OptimizerSettings(rate, h.beta1, h.beta2, h.momentum, h.weight_decay)
        return rate, build(settings, decayed)

    return made(h.generator_learning_rate), made(h.discriminator_learning_rate)


def _decayed(method: Method, params: PyTree) -> PyTree:
    kept = selected(method, params)
    return jax.tree.map(lambda _, leaf: leaf is not None, params, kept)
