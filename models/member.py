"""One member: a model in training, with all that changes while it trains."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.architecture import networks
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.method import NetworkPenalty
from normsweep.models.networks.contract import Variables
from normsweep.models.player import player_optimizer
from normsweep.models.program import Program
from normsweep.models.regulariser import regulariser
from normsweep.objectives.aliases import PyTree

# Keys are drawn from a member's by purpose; the numbers must never change.
INIT, STEPS, SAMPLES, FIGURES, BALANCE = range(5)


class MemberState(NamedTuple):
    """All that changes while one member trains.

    `networks`, `regularisers` and `averages` are by network, `optimizers` by player. The states of
    the regularisers hold one entry for each method of the program. `averages` has the networks that
    are sampled from, with an EMA, their statistics averaged as their weights are; `in_use` bools
    like the parameters, with masks, false for what belongs to units out of use: that never changes.
    `carried` is the family's own. `log_factor` is the logarithm of an adaptive strength's factor.
    """

    step: jax.Array
    networks: dict[str, Variables]
    optimizers: dict[str, Any]
    regularisers: dict[str, tuple[PyTree, ...]]
    log_factor: jax.Array
    averages: dict[str, Variables]
    in_use: dict[str, PyTree]
    carried: PyTree


def member_key(seed: ArrayLike, fold: ArrayLike) -> jax.Array:
    """The key of a member: of the seed and the fold, and of nothing else."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), fold)


def init(
    program: Program,
    hyperparameters: Hyperparameters,
    key: jax.Array,
    initial: Mapping[str, Variables] | None = None,
) -> MemberState:
    """A member before its first step: with variables that the key draws, or the `initial` ones."""
    family, h = program.family, hyperparameters
    units = h.units if program.masked else None
    variables = networks(program.architecture).init(jax.random.fold_in(key, INIT), units)
    if initial:
        variables |= initial
    params = {name: each.params for name, each in variables.items()}
    optimizers = {}
    for player, names in family.players.items():
        method, rate = program.methods[0], h.learning_rates[player]
        optimizer = player_optimizer(program.optimizer, method, rate, h)
        optimizers[player] = optimizer.init({name: params[name] for name in names})
    return MemberState(
        step=jnp.zeros((), np.int32),
        networks=variables,
        optimizers=optimizers,
        regularisers={
            name: tuple(regulariser(each, NetworkPenalty()).init(tree) for each in program.methods)
            for name, tree in params.items()
        },
        log_factor=jnp.zeros((), np.float32),
        averages={name: variables[name] for name in family.sampled} if program.ema else {},
        in_use=jax.tree.map(lambda leaf: leaf != 0, params) if program.masked else {},
        carried=family.carried(program.architecture.image_shape, program.batch),
    )


def averaged(state: MemberState, network: str) -> Variables:
    """A network as it is sampled from: the average of its variables if it is kept."""
    return state.averages.get(network, state.networks[network])
