"""A network of the user's own, as two functions."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.networks.contract import Network, PureNetwork, Shape, Variables
from normsweep.objectives.aliases import PyTree

ANY: Shape = (-1,)
"""The shape of what the family does not know: it is taken as it comes."""


@dataclass(frozen=True)
class OwnNetwork(Network):
    """A network of the user's own.

    `init(key)` → (params, state) from a typed key: parameters, and all that is not trained, such as
    averages of batch statistics; {} without any. Both are nested dicts of arrays, by whose names a
    spec selects weights. An `init(key, x)` is given an input [1, …] of zeros too.

    `apply(params, state, x, y, key, train)` → (out, state) of a batch x [n, …], images [n, h, w, c]
    in [−1, 1]; y [n] int32 are labels, None where there are none; `key` is for dropout. With
    `train`, a Python bool, state may move on, in the same shapes; without, it stays. A column of
    logits [n, 1] is taken as [n], and vectors [n, h·w·c] as images.

    `inputs` is the shape of one input where that is not what the family gives.
    """

    init: Callable[..., tuple[PyTree, PyTree]]
    apply: Callable[..., tuple[Any, PyTree]]
    inputs: Shape | None = None

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The functions as the training step calls them, which know no units and no masks."""
        shape = inputs if self.inputs is None else self.inputs

        def init(rngs: nnx.Rngs, units: ArrayLike | None) -> Variables:
            if units is not None:
                raise ValueError("networks of your own have no units to mask")
            example = (jnp.zeros((1, *shape), np.float32),) if _takes_input(self.init) else ()
            params, state = _pair(self.init(rngs.params(), *example), "init", "(params, state)")
            return Variables(params, {} if state is None else state)

        def apply(
            variables: Variables, inputs: Any, mode: Mode = EVALUATION
        ) -> tuple[jax.Array, PyTree]:
            # Families with labels hand them over beside the inputs.
            x, y = inputs if isinstance(inputs, tuple) else (inputs, mode.labels)
            key = jax.random.key(0) if mode.key is None else mode.key
            params, stats = variables
            found = self.apply(params, stats, x, y, key, mode.training)
            out, state = _pair(found, "apply", "(out, state)")
            return _shaped(out, x.shape[0], outputs), state if mode.training else stats

        return PureNetwork(init, apply)


class OutputError(ValueError):
    """A network's output is of another shape than the family wants."""


def _pair(found: Any, function: str, accepted: str) -> tuple[Any, Any]:
    # A sequence of two others, such as an array of two rows, would come apart as one.
    if not isinstance(found, tuple | list) or len(found) != 2:
        what = "array" if isinstance(found, jax.Array) else type(found).__name__
        raise TypeError(f"{function} returns no pair: {what}; accepted: {accepted}")
    return found[0], found[1]


def _shaped(out: Any, count: int, outputs: Shape) -> jax.Array:
    found = jnp.asarray(out).astype(np.float32)
    if outputs == ANY:
        return found
    wanted = (count, *outputs)
    # Of vectors no axes are in another order, as those of [n, c, h, w] are.
    vectors = found.ndim <= 2 or len(wanted) <= 2
    plain = vectors or _without_ones(found.shape) == _without_ones(wanted)
    if found.shape[:1] != wanted[:1] or found.size != np.prod(wanted) or not plain:
        raise OutputError(f"returns {list(found.shape)}; accepted: {list(wanted)}")
    return found.reshape(wanted)


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


@cache
def _takes_input(init: Callable[..., Any]) -> bool:
    needed = [
        each
        for each in inspect.signature(init).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        and each.default is each.empty
    ]
    return len(needed) > 1
