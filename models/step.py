"""A training step of one member: the discriminator's turns, then the generator's."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.discriminator_turn import discriminator_turn
from normsweep.models.generator_turn import generator_turn
from normsweep.models.member import STEPS, MemberState
from normsweep.models.method import ADAPTIVE, Method
from normsweep.models.program import Hyperparameters, Program
from normsweep.models.turn import Data, Turn
from normsweep.objectives.schedules import STRENGTH_SCHEDULES, strength_factor

__all__ = ["Data", "Losses", "train_step"]


class Losses(NamedTuple):
    """Scalars of one step, before its update and without penalties; D's are of its last turn."""

    generator: jax.Array
    discriminator: jax.Array
    strength_factor: jax.Array


def train_step(
    program: Program,
    place: int,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> tuple[MemberState, Losses]:
    """D steps, then one G step, each on a fresh batch of latents (arXiv:1406.2661, algorithm 1).

    Under the program's method at `place`. Batches are drawn with replacement.
    """
    method = program.methods[place]
    strength = _strength_factor(method, program, state, hyperparameters)
    rate = program.learning_rate_schedule.factor(state.step, program.steps)
    turn = Turn(program, place, hyperparameters, strength, rate)
    step_key = jax.random.fold_in(jax.random.fold_in(key, STEPS), state.step)
    keys = jax.random.split(step_key, program.discriminator_steps + 1)
    for turn_key in keys[:-1]:
        state, d_loss = discriminator_turn(turn, state, data, turn_key)
    state, g_loss = generator_turn(turn, state, keys[-1])
    factor = jnp.asarray(strength, np.float32)
    return state._replace(step=state.step + 1), Losses(g_loss, d_loss, factor)


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
