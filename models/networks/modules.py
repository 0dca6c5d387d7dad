"""Flax NNX modules as pure functions.

A plain pytree of arrays travels through the transforms of JAX, and the module is put together again
inside the traced function.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.precision import FLOAT32, set_precision
from normsweep.models.networks.contract import PureNetwork, Variables
from normsweep.objectives.aliases import PyTree

Build = Callable[[ArrayLike | None, nnx.Rngs], nnx.Module]
"""(units in use, rngs) → a module, which is called with inputs and a `Mode`."""


def of_modules(build: Build) -> PureNetwork:
    """The pure functions of the modules that `build` makes."""

    @lru_cache
    def graph(precision: str) -> nnx.GraphDef[Any]:
        module = nnx.eval_shape(lambda: build(None, nnx.Rngs(params=jax.random.key(0))))
        if precision != FLOAT32:
            set_precision(module, precision)
        return nnx.graphdef(module)

    def init(rngs: nnx.Rngs, units: ArrayLike | None) -> Variables:
        return _variables(build(units, rngs))

    def apply(
        variables: Variables, inputs: jax.Array, mode: Mode = EVALUATION
    ) -> tuple[jax.Array, PyTree]:
        # NumPy's arrays would be written in place, which the variables of a module must not be.
        params, stats = jax.tree.map(jnp.asarray, variables)
        module = nnx.merge(graph(mode.precision), nnx.State(params), nnx.State(stats))
        outputs: jax.Array
        if mode.training:
            module.train()
        else:
            module.eval()
        outputs = module(inputs, mode)
        if mode.precision != FLOAT32:
            outputs = outputs.astype(np.float32)
        if not mode.training:
            return outputs, stats
        # Not the parameters: weight and spectral norm write the normalised kernels over them.
        return outputs, _variables(module).stats

    return PureNetwork(init, apply)


def _variables(module: nnx.Module) -> Variables:
    params, stats = nnx.state(module, nnx.Param, ...)
    return Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
