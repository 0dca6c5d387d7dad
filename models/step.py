"""A training step of one member: the turns of its family's players."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.data import Data
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.member import STEPS, MemberState
from normsweep.models.method import ADAPTIVE, Method
from normsweep.models.program import Program
from normsweep.models.turn import Setting, take_turn
from normsweep.objectives.schedules import STRENGTH_SCHEDULES, strength_factor


class Losses(NamedTuple):
    """Scalars of one step: each player's loss before its last update, without penalties."""

    players: dict[str, jax.Array]
    strength_factor: jax.Array


def train_step(
    program: Program,
    index: int,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> tuple[MemberState, Losses]:
    """The turns of one step, under the program's method of this index."""
    method = program.methods[index]
    strength = _strength_factor(method, program, state, hyperparameters)
    rate = program.learning_rate_schedule.factor(state.step, program.steps)
    setting = Setting(program, index, hyperparameters, strength, rate)
    step_key = jax.random.fold_in(jax.random.fold_in(key, STEPS), state.step)
    turns = program.family.turns()
    losses = {}
    for player, turn_key in zip(turns, jax.random.split(step_key, len(turns)), strict=True):
        state, losses[player] = take_turn(setting, player, state, data, turn_key)
    factor = jnp.asarray(strength, np.float32)
    return state._replace(step=state.step + 1), Losses(losses, factor)


def _strength_factor(
    method: Method, program: Program, state: MemberState, h: Hyperparameters
) -> ArrayLike:
    if method.schedule == "constant":
        return 1.0
    if method.schedule == ADAPTIVE:
        return jnp.exp(state.log_factor)
    progress = state.step.astype(np.float32) / np.float32(program.steps)
    return strength_factor(
        STRENGTH_SCHEDULES[method.schedule],
        progress,
        h.schedule_start,
        h.schedule_end,
        h.schedule_begin,
        h.schedule_finish,
    )
