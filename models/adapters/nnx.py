"""Modules of Flax NNX."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from normsweep.models.adapters.arguments import call_arguments
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives.aliases import PyTree


def from_nnx(make: Callable[..., Any]) -> OwnNetwork:
    """An NNX module that `make(rngs)` returns; all of it but `nnx.Param` is the state.

    Its `__call__` takes inputs, perhaps labels (`y`), `rngs`, and perhaps one of `train`,
    `is_training`, `deterministic` and `use_running_average`; `train()` and `eval()` are called on
    the module. Streams of random numbers inside it begin anew, from its key, with each call.
    """

    @cache
    def blueprint() -> tuple[Any, PyTree]:
        """The graph, and the streams of random numbers as shapes."""
        made = nnx.eval_shape(lambda: make(nnx.Rngs(jax.random.key(0))))
        parts: Any = nnx.split(made, nnx.Param, nnx.RngState, ...)
        graph, _, streams, _ = parts
        return graph, nnx.to_pure_dict(streams)

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        return _of_module(make(nnx.Rngs(key)))

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        graph, streams = blueprint()
        # NumPy's arrays would be written in place, which the variables of a module must not be.
        params, state = jax.tree.map(jnp.asarray, (params, state))
        drawn = nnx.State(_begun(streams, key))
        module = nnx.merge(graph, nnx.State(params), drawn, nnx.State(state))
        module.train() if train else module.eval()
        rngs = nnx.Rngs(jax.random.fold_in(key, 0))
        arguments = call_arguments(module.__call__, x, y, rngs, train)
        out = module(*arguments.args, **arguments.kwargs)
        return out, _of_module(module)[1] if train else state

    return OwnNetwork(init, apply)


def _of_module(module: nnx.Module) -> tuple[PyTree, PyTree]:
    params, _, state = nnx.state(module, nnx.Param, nnx.RngState, ...)
    return nnx.to_pure_dict(params), nnx.to_pure_dict(state)


def _begun(streams: PyTree, key: jax.Array) -> PyTree:
    """Streams of random numbers at their beginning, each with a key of its own."""
    leaves, structure = jax.tree.flatten(streams)
    begun = [
        jax.random.fold_in(key, place + 1)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jnp.zeros(leaf.shape, leaf.dtype)
        for place, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, begun)
