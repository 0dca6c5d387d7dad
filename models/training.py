"""The training of one member, as pure functions that JAX can map, shard and compile.

A member is one GAN in training. All its randomness comes from its key and its step counter: the
same member gives the same bits alone, in a population, or taken up again in the middle.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.models.families.gan import networks
from normsweep.models.latents import LATENTS
from normsweep.models.layers.conditions import Conditions
from normsweep.models.member import SAMPLES, MemberState, averaged, init
from normsweep.models.method import Method
from normsweep.models.program import Hyperparameters, Program
from normsweep.models.regulariser import weight_norm, zero_share
from normsweep.models.step import Data, Losses, train_step

_Carry = tuple[MemberState, Losses]
_OfTwo = tuple[jax.Array, jax.Array]


class ChunkMetrics(NamedTuple):
    """Scalars of one chunk: means of the losses over its steps, and what is at its end.

    `strength_factor` is what the penalty's strength was multiplied with in the last step; the zeros
    are the shares of exact zeros among the kernels that the method selects, the norms are their
    √Σw², of the weights that are trained and not of their average.
    """

    generator_loss: jax.Array
    discriminator_loss: jax.Array
    strength_factor: jax.Array
    generator_zeros: jax.Array
    discriminator_zeros: jax.Array
    generator_norm: jax.Array
    discriminator_norm: jax.Array
    finite: jax.Array


def train_chunk(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> tuple[MemberState, ChunkMetrics]:
    """`program.chunk_steps` training steps in one loop on the device."""

    def run(place: int, carry: _Carry) -> tuple[MemberState, Losses, tuple[_OfTwo, _OfTwo]]:
        def body(_: jax.Array, carry: _Carry) -> _Carry:
            state, totals = carry
            state, losses = train_step(program, place, state, hyperparameters, data, key)
            summed = jax.tree.map(jnp.add, totals, losses)
            return state, summed._replace(strength_factor=losses.strength_factor)

        state, totals = lax.fori_loop(0, program.chunk_steps, body, carry)
        method = program.methods[place]
        return state, totals, _of_weights(program, method, state, hyperparameters, key)

    # The method is chosen once a chunk: inside the loop a branch would keep the penalty from
    # being computed in one pass with the optimiser. In `lax.map` the others cost nothing.
    zero = jnp.zeros((), np.float32)
    branches = [partial(run, place) for place in range(len(program.methods))]
    state, totals, (zeros, norms) = lax.switch(
        hyperparameters.method, branches, (state, Losses(zero, zero, zero))
    )
    steps = np.float32(program.chunk_steps)
    means = Losses(totals.generator / steps, totals.discriminator / steps, totals.strength_factor)
    watched = (state.generator, state.discriminator, means)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(watched)]))
    shares: _OfTwo = zeros
    lengths: _OfTwo = norms
    return state, ChunkMetrics(*means, *shares, *lengths, finite)


def _of_weights(
    program: Program,
    method: Method,
    state: MemberState,
    hyperparameters: Hyperparameters,
    key: jax.Array,
) -> tuple[_OfTwo, _OfTwo]:
    """The shares of zeros of both networks, and their norms, over the weights in use."""
    start = init(program, hyperparameters, key) if program.masked else None
    generator, discriminator = state.generator.params, state.discriminator.params
    return (
        zero_share(method, generator, start and start.generator.params),
        zero_share(method, discriminator, start and start.discriminator.params),
    ), (weight_norm(method, generator), weight_norm(method, discriminator))


def sample(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    key: jax.Array,
    count: int,
) -> jax.Array:
    """`count` images [count, h, w, c] float32 from the generator, or from its average if kept.

    The latents depend on the key alone: each chunk and each trial is judged on the same ones.
    """
    gan = program.gan
    latent = LATENTS[gan.latent_distribution](jax.random.fold_in(key, SAMPLES), (count, gan.latent))
    units = hyperparameters.generator_units if program.masked else None
    images, _ = networks(gan).generator(averaged(state), latent, Conditions(units=units))
    return images
