"""One member: a GAN in training, with all that changes while it trains."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.families.gan import Variables, networks
from normsweep.models.players import player_optimizers
from normsweep.models.program import Hyperparameters, Program
from normsweep.models.regulariser import initial_state
from normsweep.objectives.aliases import PyTree

# Keys are drawn from a member's by purpose; the numbers must never change.
INIT, STEPS, SAMPLES = range(3)


class MemberState(NamedTuple):
    """All that changes while one member trains. `generator_average` is None without an EMA.

    The states of the regularisers hold one entry for each method of the program. `log_factor` is
    the logarithm of an adaptive strength's factor.
    """

    step: jax.Array
    generator: Variables
    discriminator: Variables
    generator_optimizer: Any
    discriminator_optimizer: Any
    generator_regularisers: tuple[PyTree, ...]
    discriminator_regularisers: tuple[PyTree, ...]
    log_factor: jax.Array
    generator_average: PyTree | None


def member_key(seed: ArrayLike, fold: ArrayLike) -> jax.Array:
    """The key of a member: of the seed and the fold, and of nothing else."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), fold)


def init(program: Program, hyperparameters: Hyperparameters, key: jax.Array) -> MemberState:
    """A member before its first step."""
    h = hyperparameters
    units = (h.generator_units, h.discriminator_units) if program.masked else (None, None)
    generator, discriminator = networks(program.gan).init(jax.random.fold_in(key, INIT), *units)
    (_, generator_optimizer), (_, discriminator_optimizer) = player_optimizers(
        program, program.methods[0], h, 1.0
    )
    return MemberState(
        step=jnp.zeros((), np.int32),
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=generator_optimizer.init(generator.params),
        discriminator_optimizer=discriminator_optimizer.init(discriminator.params),
        generator_regularisers=tuple(
            initial_state(method, generator.params) for method in program.methods
        ),
        discriminator_regularisers=tuple(
            initial_state(method, discriminator.params) for method in program.methods
        ),
        log_factor=jnp.zeros((), np.float32),
        generator_average=generator.params if program.ema else None,
    )


def averaged(state: MemberState) -> Variables:
    """The generator as it is sampled: with its average weights if they are kept."""
    average = state.generator_average
    return state.generator if average is None else state.generator._replace(params=average)
