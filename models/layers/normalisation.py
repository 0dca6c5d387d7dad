"""Normalisations of a network: of the activations between its layers, or of its kernels."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.initialisers import constant

Between = Callable[[int, ArrayLike | None, nnx.Rngs], nnx.Module]
Wrap = Callable[[nnx.Linear, ArrayLike | None, nnx.Rngs], nnx.Module]


class Normalisation(NamedTuple):
    """An entry of `NORMALISATIONS`.

    `between(width, units, rngs)` makes the layer between a hidden linear layer and its activation;
    `wrap(linear, units, rngs)` puts a layer around each linear layer, the last too. `units` says
    how many outputs are in use, None: all. `hidden_bias` is False where a bias in front of the
    normalisation would have no effect, `per_example` where an output depends on the other examples
    of the batch. `rescales` is True where every kernel is divided by a norm of itself.
    """

    summary: str
    source: str
    between: Between | None = None
    wrap: Wrap | None = None
    hidden_bias: bool = True
    per_example: bool = True
    rescales: bool = False


def drop_bias(linear: nnx.Linear) -> None:
    """Takes the bias out of a linear layer that exists."""
    linear.bias = nnx.data(None)
    linear.use_bias = False


class ScaledWeightNorm(nnx.Module):
    """[n, inputs] → [n, outputs]: g·(x·v/‖v‖) + b by columns of the kernel v, with g learned.

    The scale of nnx.WeightNorm is no parameter and never learns, so g stands here. It starts at
    √2, the expected norm of He's initial columns for any number of inputs.
    """

    def __init__(self, linear: nnx.Linear, units: ArrayLike | None, rngs: nnx.Rngs) -> None:
        start = constant(np.sqrt(2), units)
        self.scale = nnx.Param(start(rngs.params(), (linear.out_features,), np.float32))
        self.bias = linear.bias
        drop_bias(linear)
        self.direction = nnx.WeightNorm(linear, use_scale=False, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        outputs: jax.Array = self.direction(x) * jnp.expand_dims(self.scale[...], 0)
        return outputs if self.bias is None else outputs + jnp.expand_dims(self.bias[...], 0)


def batch_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer of batch normalisation; its averages forget with momentum 0.9, for short chunks."""
    return nnx.BatchNorm(width, momentum=0.9, scale_init=constant(1, units), rngs=rngs)


def layer_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer of layer normalisation; its call takes a mask of the units in use."""
    return nnx.LayerNorm(width, scale_init=constant(1, units), rngs=rngs)


def spectral_norm(linear: nnx.Linear, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A linear layer whose kernel is divided by its spectral norm, one power iteration a call."""
    return nnx.SpectralNorm(linear, rngs=rngs)


NORMALISATIONS: Mapping[str, Normalisation] = MappingProxyType(
    {
        "none": Normalisation("x", "Goodfellow et al., arXiv:1406.2661"),
        "batch": Normalisation(
            "γ·(x − E[x])/√(Var[x] + ε) + β, over the batch, for each unit",
            "Ioffe and Szegedy, arXiv:1502.03167, algorithm 1",
            between=batch_norm,
            hidden_bias=False,
            per_example=False,
        ),
        "layer": Normalisation(
            "γ·(x − E[x])/√(Var[x] + ε) + β, over the units in use, for each example",
            "Ba et al., arXiv:1607.06450, eq. 4",
            between=layer_norm,
        ),
        "weight": Normalisation(
            "kernel columns g·v/‖v‖ with g learned",
            "Salimans and Kingma, arXiv:1602.07868, eq. 2",
            wrap=ScaledWeightNorm,
            rescales=True,
        ),
        "spectral": Normalisation(
            "kernels W/σ(W), the largest singular value σ by power iteration",
            "Miyato et al., arXiv:1802.05957, eq. 8 and algorithm 1",
            wrap=spectral_norm,
            rescales=True,
        ),
    }
)
"""Normalisations of the hidden layers or of the kernels of a network, by name."""


def normalisation(name: str) -> Normalisation:
    """The entry of `NORMALISATIONS`. Raises `ValueError` for another name."""
    if name not in NORMALISATIONS:
        accepted = ", ".join(NORMALISATIONS)
        raise ValueError(f"unknown normalisation {name!r}; accepted: {accepted}")
    return NORMALISATIONS[name]
