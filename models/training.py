"""The training of one member, as pure functions that JAX can map, shard and compile.

A member is one GAN in training. All its randomness comes from its key and its step counter: the
same member gives the same bits alone, in a population, or taken up again in the middle.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.typing import ArrayLike

from models.gan import networks
from models.penalty import Formula, penalised_update
from models.program import Hyperparameters, Program
from models.random import LATENTS, indices
from objectives.adversarial import adversarial_loss
from objectives.aliases import PyTree

_INIT, _STEPS, _SAMPLES = range(3)


class MemberState(NamedTuple):
    """All that changes while one member trains. `generator_average` is None without an EMA."""

    step: jax.Array
    generator: PyTree
    discriminator: PyTree
    generator_optimizer: Any
    discriminator_optimizer: Any
    generator_average: PyTree | None


Carry = tuple[MemberState, jax.Array, jax.Array]
"""A member in the loop of a chunk: its state, and the sums of both losses."""


class ChunkMetrics(NamedTuple):
    """Scalars of one chunk: losses averaged over its steps, and whether all weights are finite."""

    generator_loss: jax.Array
    discriminator_loss: jax.Array
    finite: jax.Array


def member_key(seed: ArrayLike, fold: ArrayLike) -> jax.Array:
    """The key of a member: of the seed and the fold, and of nothing else."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), fold)


def optimizers(
    hyperparameters: Hyperparameters,
) -> tuple[optax.GradientTransformation, optax.GradientTransformation]:
    """The generator's and the discriminator's optimiser: Adam (arXiv:1412.6980)."""
    betas = {"b1": hyperparameters.beta1, "b2": hyperparameters.beta2}
    return (
        optax.adam(hyperparameters.generator_learning_rate, **betas),
        optax.adam(hyperparameters.discriminator_learning_rate, **betas),
    )


def init(program: Program, hyperparameters: Hyperparameters, key: jax.Array) -> MemberState:
    """A member before its first step."""
    generator, discriminator = networks(program.gan).init(jax.random.fold_in(key, _INIT))
    generator_optimizer, discriminator_optimizer = optimizers(hyperparameters)
    return MemberState(
        step=jnp.zeros((), np.int32),
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=generator_optimizer.init(generator),
        discriminator_optimizer=discriminator_optimizer.init(discriminator),
        generator_average=generator if program.ema else None,
    )


def train_step(
    program: Program,
    formula: Formula,
    state: MemberState,
    hyperparameters: Hyperparameters,
    images: jax.Array,
    train_indices: jax.Array,
    key: jax.Array,
) -> tuple[MemberState, jax.Array, jax.Array]:
    """D steps, then one G step, each on a fresh batch of latents (arXiv:1406.2661, algorithm 1).

    `images` is [n, h, w, c] float32, `train_indices` [m] int32 into it: batches are drawn from
    those with replacement. Returns the state and the losses of the generator and of the last D
    step, without the penalties, before the update.
    """
    pair = networks(program.gan)
    loss = adversarial_loss(program.loss)
    draw_latent = LATENTS[program.gan.latent_distribution]
    generator_optimizer, discriminator_optimizer = optimizers(hyperparameters)
    step_key = jax.random.fold_in(jax.random.fold_in(key, _STEPS), state.step)
    keys = jax.random.split(step_key, 2 * program.discriminator_steps + 1)

    def latents(latent_key: jax.Array) -> jax.Array:
        return draw_latent(latent_key, (program.batch, program.gan.latent))

    def discriminator_loss(params: PyTree, real: jax.Array, fake: jax.Array) -> jax.Array:
        judge = partial(pair.discriminator, params)
        return loss.discriminator(judge(real), judge(fake))

    def generator_loss(params: PyTree, discriminator: PyTree, latent: jax.Array) -> jax.Array:
        return loss.generator(pair.discriminator(discriminator, pair.generator(params, latent)))

    discriminator, discriminator_state = state.discriminator, state.discriminator_optimizer
    for turn in range(program.discriminator_steps):
        chosen = indices(keys[2 * turn], program.batch, train_indices.shape[0])
        real = images[train_indices[chosen]]
        fake = pair.generator(state.generator, latents(keys[2 * turn + 1]))
        d_loss, gradient = jax.value_and_grad(discriminator_loss)(discriminator, real, fake)
        discriminator, discriminator_state = penalised_update(
            discriminator_optimizer,
            formula,
            hyperparameters.discriminator_penalty,
            program.penalised,
            gradient,
            discriminator_state,
            discriminator,
        )

    g_loss, gradient = jax.value_and_grad(generator_loss)(
        state.generator, discriminator, latents(keys[-1])
    )
    generator, generator_state = penalised_update(
        generator_optimizer,
        formula,
        hyperparameters.generator_penalty,
        program.penalised,
        gradient,
        state.generator_optimizer,
        state.generator,
    )
    average = state.generator_average
    if average is not None:
        average = optax.incremental_update(generator, average, 1 - hyperparameters.ema_decay)
    advanced = MemberState(
        step=state.step + 1,
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=generator_state,
        discriminator_optimizer=discriminator_state,
        generator_average=average,
    )
    return advanced, g_loss, d_loss


def train_chunk(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    images: jax.Array,
    train_indices: jax.Array,
    key: jax.Array,
) -> tuple[MemberState, ChunkMetrics]:
    """`program.chunk_steps` training steps in one loop on the device."""

    def run(formula: Formula, carry: Carry) -> Carry:
        def body(_: jax.Array, carry: Carry) -> Carry:
            state, g_total, d_total = carry
            state, g_loss, d_loss = train_step(
                program, formula, state, hyperparameters, images, train_indices, key
            )
            return state, g_total + g_loss, d_total + d_loss

        end: Carry = lax.fori_loop(0, program.chunk_steps, body, carry)
        return end

    # The formula is chosen once a chunk: inside the loop a branch would keep the penalty from
    # being computed in one pass with the optimiser. In `lax.map` the others cost nothing.
    zero = jnp.zeros((), np.float32)
    branches = [partial(run, formula) for formula in Formula]
    carry: Carry = lax.switch(hyperparameters.formula, branches, (state, zero, zero))
    state, g_total, d_total = carry
    weights = (state.generator, state.discriminator, g_total, d_total)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(weights)]))
    steps = np.float32(program.chunk_steps)
    return state, ChunkMetrics(g_total / steps, d_total / steps, finite)


def sample(program: Program, state: MemberState, key: jax.Array, count: int) -> jax.Array:
    """`count` images [count, h, w, c] float32 from the generator, or from its average if kept.

    The latents depend on the key alone: each chunk and each trial is judged on the same ones.
    """
    draw_latent = LATENTS[program.gan.latent_distribution]
    latent = draw_latent(jax.random.fold_in(key, _SAMPLES), (count, program.gan.latent))
    params = state.generator if state.generator_average is None else state.generator_average
    return networks(program.gan).generator(params, latent)
