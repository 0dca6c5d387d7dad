"""The optimiser of a player under a method."""

from functools import partial

import jax.numpy as jnp
import numpy as np
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


def between_lazy_penalties(
    rate: ArrayLike, hyperparameters: Hyperparameters
) -> tuple[ArrayLike, Hyperparameters]:
    """The learning rate times c and Adam's betas to the power c, c = k/(k + 1).

    For a player with a gradient penalty in every k-th step alone, k > 1 (Karras et al. 2020,
    arXiv:1912.04958, appendix B: a step of the penalty's own after k of the loss). With k = 1 all
    stays.
    """
    h = hyperparameters
    every = jnp.asarray(h.gradient_penalty_every, np.float32)
    share = jnp.where(every > 1, every / (every + 1), 1)
    beta1, beta2 = jnp.power(h.beta1, share), jnp.power(h.beta2, share)
    return rate * share, h._replace(beta1=beta1, beta2=beta2)


def _decayed(method: Method, params: Params) -> dict[str, PyTree]:
    return {name: select(tree, method.weights) for name, tree in params.items()}
