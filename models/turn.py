"""One turn of one player of a family."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from normsweep.models.architecture import networks
from normsweep.models.data import Data
from normsweep.models.families.contract import Objective, Params, Turn
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.layers.mode import Mode
from normsweep.models.member import MemberState
from normsweep.models.method import ADAPTIVE
from normsweep.models.networks.contract import Variables
from normsweep.models.player import between_lazy_penalties, player_optimizer
from normsweep.models.program import Program
from normsweep.models.regulariser import regularised_update, regulariser
from normsweep.objectives.adaptive import adapt
from normsweep.objectives.aliases import PyTree


class Setting(NamedTuple):
    """Under what a turn is taken: by which of the program's methods, given as an index, and with
    which factors on strengths and learning rates at this step."""

    program: Program
    method_index: int
    hyperparameters: Hyperparameters
    strength_factor: ArrayLike
    rate_factor: ArrayLike


def take_turn(
    setting: Setting, player: str, state: MemberState, data: Data, key: jax.Array
) -> tuple[MemberState, jax.Array]:
    """One step of the networks of a player; the state, and the loss before it."""
    program, index, h, strength_factor, rate_factor = setting
    method, names = program.methods[index], program.family.players[player]
    objective = objective_of(setting, player, state, data, key)
    params = {name: state.networks[name].params for name in names}
    (loss, outcome), gradient = jax.value_and_grad(objective.loss, has_aux=True)(params)
    if objective.gradient is not None:
        gradient = jax.tree.map(jnp.add, gradient, objective.gradient(params))
    rate, of_optimizer = h.learning_rates[player] * rate_factor, h
    if method.rescale_adam and objective.gradient is not None:
        rate, of_optimizer = between_lazy_penalties(rate, h)
    params, optimizer_state, regularisers = regularised_update(
        {n: regulariser(method, h.penalties[n].scaled(strength_factor), rate) for n in names},
        player_optimizer(program.optimizer, method, rate, of_optimizer),
        gradient,
        state.optimizers[player],
        {name: state.regularisers[name][index] for name in names},
        params,
    )
    log_factor = state.log_factor
    if method.schedule == ADAPTIVE and objective.overfitting is not None:
        signal = objective.overfitting(outcome.seen)
        log_factor = adapt(log_factor, signal, h.adaptive_target, h.adaptive_speed)
    carried = state.carried if outcome.carried is None else outcome.carried
    networks = _advanced(state.networks, params, outcome.stats)
    state = state._replace(
        networks=networks,
        optimizers={**state.optimizers, player: optimizer_state},
        regularisers=state.regularisers
        | {n: _replaced(state.regularisers[n], index, regularisers[n]) for n in names},
        log_factor=log_factor,
        averages=_followed(state.averages, networks, names, h.ema_decay),
        carried=carried,
    )
    return state, loss


def objective_of(
    setting: Setting, player: str, state: MemberState, data: Data, key: jax.Array
) -> Objective:
    """What a player would descend in a turn at this state, on the batch that the key draws."""
    program, index, h, *_ = setting
    turn = Turn(
        program.methods[index],
        h,
        program.batch,
        state.step,
        program.steps,
        state.networks,
        state.carried,
        partial(_apply, setting),
    )
    return program.family.objective(player, turn, data, key)


def _apply(
    setting: Setting,
    network: str,
    variables: Variables,
    inputs: jax.Array,
    key: jax.Array,
    labels: jax.Array | None = None,
) -> tuple[jax.Array, PyTree]:
    program, index, h, *_ = setting
    drops = program.methods[index].dropout
    mode = Mode(
        training=True,
        units=h.units[network] if program.masked else None,
        dropout=h.dropout[network] if drops else None,
        key=key,
        labels=labels,
    )
    return networks(program.architecture).apply[network](variables, inputs, mode)


def _advanced(
    before: dict[str, Variables], params: Params, stats: dict[str, PyTree]
) -> dict[str, Variables]:
    """The networks with new parameters and statistics, where there are any."""
    return {
        name: Variables(params.get(name, each.params), stats.get(name, each.stats))
        for name, each in before.items()
    }


def _followed(
    averages: dict[str, Variables],
    networks: dict[str, Variables],
    trained: tuple[str, ...],
    decay: ArrayLike,
) -> dict[str, Variables]:
    """The averages after a turn that trained some of the networks.

    Averaged weights give a layer other inputs than the last ones: its statistics are averaged too.
    """
    return {
        name: jax.tree.map(partial(_average, decay), networks[name], each)
        if name in trained
        else each
        for name, each in averages.items()
    }


def _average(decay: ArrayLike, new: jax.Array, old: jax.Array) -> jax.Array:
    # Of a counter or a key there is no average.
    if not jnp.issubdtype(old.dtype, np.floating):
        return new
    found: jax.Array = optax.incremental_update(new, old, 1 - decay)
    return found


def _replaced(states: tuple[PyTree, ...], index: int, state: PyTree) -> tuple[PyTree, ...]:
    """States of all methods, with that of one of them anew."""
    return (*states[:index], state, *states[index + 1 :])
