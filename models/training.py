"""The training of one member, as pure functions that JAX can map, shard and compile.

A member is one model in training. All its randomness comes from its key and its step counter: the
same member gives the same bits alone, in a population, or taken up again in the middle.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.models.architecture import networks
from normsweep.models.data import Data
from normsweep.models.families.contract import Measured
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.layers.mode import Mode
from normsweep.models.member import FIGURES, SAMPLES, MemberState, averaged
from normsweep.models.method import Method
from normsweep.models.program import Program
from normsweep.models.regulariser import weight_norm, zero_share
from normsweep.models.step import Losses, train_step

_ByNetwork = dict[str, jax.Array]
_Carry = tuple[MemberState, Losses]


class ChunkMetrics(NamedTuple):
    """Scalars of one chunk: means of the players' losses over its steps, and what is at its end.

    `strength_factor` is what the penalty's strength was multiplied with in the last step. By
    network, `zeros` are the shares of exact zeros among the kernels that the method selects, and
    `norms` their √Σw², of the weights that are trained and not of their average.
    """

    losses: dict[str, jax.Array]
    strength_factor: jax.Array
    zeros: _ByNetwork
    norms: _ByNetwork
    finite: jax.Array


def train_chunk(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> tuple[MemberState, ChunkMetrics]:
    """`program.chunk_steps` training steps in one loop on the device."""

    def run(index: int, carry: _Carry) -> tuple[MemberState, Losses, tuple[_ByNetwork, _ByNetwork]]:
        def body(_: jax.Array, carry: _Carry) -> _Carry:
            state, totals = carry
            state, losses = train_step(program, index, state, hyperparameters, data, key)
            summed = jax.tree.map(jnp.add, totals, losses)
            return state, summed._replace(strength_factor=losses.strength_factor)

        state, totals = lax.fori_loop(0, program.chunk_steps, body, carry)
        return state, totals, _of_weights(program.methods[index], state)

    # The method is chosen once a chunk: inside the loop a branch would keep the penalty from
    # being computed in one pass with the optimiser. In `lax.map` the others cost nothing.
    zero = jnp.zeros((), np.float32)
    nothing = Losses(dict.fromkeys(program.family.players, zero), zero)
    branches = [partial(run, index) for index in range(len(program.methods))]
    state, totals, (zeros, norms) = lax.switch(hyperparameters.method, branches, (state, nothing))
    steps = np.float32(program.chunk_steps)
    losses = {player: total / steps for player, total in totals.players.items()}
    watched = (state.networks, losses, totals.strength_factor)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(watched)]))
    return state, ChunkMetrics(losses, totals.strength_factor, zeros, norms, finite)


def _of_weights(method: Method, state: MemberState) -> tuple[_ByNetwork, _ByNetwork]:
    """The share of zeros of each network, and its norm, over the weights in use."""
    params = {name: each.params for name, each in state.networks.items()}
    return (
        {name: zero_share(method, tree, state.in_use.get(name)) for name, tree in params.items()},
        {name: weight_norm(method, tree) for name, tree in params.items()},
    )


def sample(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
    count: int,
) -> jax.Array:
    """`count` images [count, h, w, c] float32, from averaged variables if they are kept.

    They depend on the key alone: each chunk and each trial is judged on the same random numbers.
    """

    apply = partial(_applied, program, state, hyperparameters)
    return program.family.sample(apply, jax.random.fold_in(key, SAMPLES), count, data)


def sampled_labels(program: Program, data: Data, key: jax.Array, count: int) -> jax.Array | None:
    """The classes that the images of `sample` were asked for; None where there are no such."""
    return program.family.sampled_labels(jax.random.fold_in(key, SAMPLES), count, data)


def measured(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    data: Data,
    key: jax.Array,
) -> dict[str, Measured]:
    """The family's figures on held-out images, which are those of `data.train`."""
    apply = partial(_applied, program, state, hyperparameters)
    figures_key, coefficients = jax.random.fold_in(key, FIGURES), hyperparameters.coefficients
    return program.family.measured(apply, coefficients, figures_key, data)


def _applied(
    program: Program,
    state: MemberState,
    hyperparameters: Hyperparameters,
    network: str,
    inputs: jax.Array,
    labels: jax.Array | None = None,
) -> jax.Array:
    units = hyperparameters.units[network] if program.masked else None
    mode = Mode(units=units, labels=labels)
    function = networks(program.architecture).apply[network]
    return function(averaged(state, network), inputs, mode)[0]
