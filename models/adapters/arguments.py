"""What the call of a network takes, by the names of its parameters."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

LABELS = ("y", "label", "labels", "c", "classes")
"""How the argument of a network that takes the labels may be called."""
_TRAINING = ("train", "training", "is_training", "update_stats")
_EVALUATING = ("deterministic", "use_running_average", "eval", "inference")
_KEYS = ("key", "rng", "rngs")


class Arguments(NamedTuple):
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call_arguments(
    function: Callable[..., Any], x: Any, y: Any, key: Any, train: bool
) -> Arguments:
    """What a network's call takes, by the names of its parameters."""
    found: dict[str, Any] = {}
    for name in list(parameters_of(function))[1:]:
        if name in LABELS and y is not None:
            found[name] = y
        elif name in _TRAINING:
            found[name] = train
        elif name in _EVALUATING:
            found[name] = not train
        elif name in _KEYS:
            found[name] = key
    return Arguments((x,), found)


def example_labels(function: Callable[..., Any]) -> jax.Array | None:
    """A label for a call that cannot do without."""
    needed = [
        name
        for name, each in parameters_of(function).items()
        if name in LABELS and each.default is each.empty
    ]
    return jnp.zeros((1,), np.int32) if needed else None


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function by name."""
    return inspect.signature(function).parameters


def count_positional(function: Callable[..., Any]) -> int:
    """How many arguments a call by position cannot do without."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in parameters_of(function).values() if each.default is each.empty]
    return sum(each.kind in kinds for each in needed)
