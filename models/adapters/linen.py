"""Modules of Flax linen."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax.core import meta

from normsweep.models.adapters.arguments import call_arguments, count_positional, example_labels
from normsweep.models.networks.contract import Shape
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives.aliases import PyTree

_STREAMS = ("params", "dropout")
_CONSTRUCTOR = "constructor_key"
"""Where the state of a module keeps the key that its constructor was given."""


def from_linen(make: Callable[..., Any], *, inputs: Shape | None = None) -> OwnNetwork:
    """A linen module that `make()` or `make(key)` returns; its mutable collections are the state.

    Its `__call__` takes inputs, perhaps labels (`y`), and perhaps one of `train`, `is_training`,
    `deterministic` and `use_running_average`. The streams of random numbers other than `params`,
    such as `dropout`, are drawn from the key of each call. `inputs` is the shape of one input where
    the family does not know the network.
    """
    takes_key = count_positional(make) > 0

    def module(key: jax.Array) -> Any:
        return make(key) if takes_key else make()

    def init(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        made_by, *drawn = jax.random.split(key, 3)
        made = module(made_by)
        arguments = call_arguments(made.__call__, x, example_labels(made.__call__), key, False)
        rngs = dict(zip(_STREAMS, drawn, strict=True))
        state = _plain(meta.unbox(made.init(rngs, *arguments.args, **arguments.kwargs)))
        params = state.pop("params", {})
        if takes_key:
            state[_CONSTRUCTOR] = jax.random.key_data(made_by)
        return params, state

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        others = {name: each for name, each in state.items() if name != _CONSTRUCTOR}
        kept = {name: each for name, each in state.items() if name == _CONSTRUCTOR}
        made = module(_wrapped(kept[_CONSTRUCTOR]) if kept else jax.random.key(0))
        arguments = call_arguments(made.__call__, x, y, key, train)
        rngs = dict(zip(_STREAMS, [*jax.random.split(key)], strict=True))
        variables = {"params": params, **others}
        mutable = list(others) if train and others else False
        found = made.apply(
            variables, *arguments.args, rngs=rngs, mutable=mutable, **arguments.kwargs
        )
        if not mutable:
            return found, state
        out, changed = found
        return out, {**_plain(changed), **kept}

    return OwnNetwork(init, apply, inputs)


def _plain(tree: Any) -> Any:
    """Mappings of any kind as dicts."""
    if isinstance(tree, Mapping):
        return {name: _plain(each) for name, each in tree.items()}
    return tree


def _wrapped(data: jax.Array) -> jax.Array:
    key: jax.Array = jax.random.wrap_key_data(data, impl="threefry2x32")
    return key
