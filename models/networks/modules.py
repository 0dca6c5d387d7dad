"""Flax NNX modules as pure functions.

A plain pytree of arrays travels through the transforms of JAX, and the module is put together again
inside the traced function.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.networks.contract import PureNetwork, Variables
from normsweep.objectives.aliases import PyTree

Build = Callable[[ArrayLike | None, nnx.Rngs], nnx.Module]
"""(units in use, rngs) → a module, which is called with inputs and a `Mode`."""


def of_modules(build: Build) -> PureNetwork:
    """The pure functions of the modules that `build` makes."""
    graph = nnx.graphdef(nnx.eval_shape(lambda: build(None, nnx.Rngs(params=jax.random.key(0)))))

    def init(rngs: nnx.Rngs, units: ArrayLike | None) -> Variables:
        return _variables(build(units, rngs))

    def apply(
        variables: Variables, inputs: jax.Array, mode: Mode = EVALUATION
    ) -> tuple[jax.Array, PyTree]:
        # NumPy's arrays would be written in place, which the variables of a module must not be.
        params, stats = jax.tree.map(jnp.asarray, variables)
        module = nnx.merge(graph, nnx.State(params), nnx.State(stats))
        if not mode.training:
            module.eval()
            return module(inputs, mode), stats
        module.train()
        outputs: jax.Array = module(inputs, mode)
        # Not the parameters: weight and spectral norm write the normalised kernels over them.
        return outputs, _variables(module).stats

    return PureNetwork(init, apply)


def _variables(module: nnx.Module) -> Variables:
    params, stats = nnx.state(module, nnx.Param, ...)
    return Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
