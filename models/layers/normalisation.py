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
Layer = nnx.Linear | nnx.Conv | nnx.ConvTranspose
"""A layer with a kernel, whose last axis is that of its outputs, and perhaps a bias."""
Wrap = Callable[[Layer, ArrayLike | None, nnx.Rngs], nnx.Module]


class Normalisation(NamedTuple):
    """An entry of `NORMALISATIONS`.

    `between(width, units, rngs)` makes the layer between a hidden layer and its activation;
    `wrap(layer, units, rngs)` puts one around each layer with a kernel, the last too. `units` says
    how many outputs are in use, None: all. `hidden_bias` is False where a bias in front of the
    normalisation would have no effect, `per_example` where an output depends on the other examples
    of the batch. `rescales` is True where every kernel is divided by a norm of itself, `positions`
    where the averages are over the positions of an image, of which a vector has none.
    """

    summary: str
    source: str
    between: Between | None = None
    wrap: Wrap | None = None
    hidden_bias: bool = True
    per_example: bool = True
    rescales: bool = False
    positions: bool = False


def drop_bias(layer: Layer) -> None:
    """Takes the bias out of a layer that exists."""
    layer.bias = nnx.data(None)
    layer.use_bias = False


def along_outputs(x: jax.Array, vector: jax.Array) -> jax.Array:
    """A vector of numbers by output, like the outputs [n, …, outputs] to be broadcast to them."""
    return jnp.expand_dims(vector, tuple(range(x.ndim - 1))).astype(x.dtype)


class ScaledWeightNorm(nnx.Module):
    """[n, …, inputs] → [n, …, outputs]: g·(x·v/‖v‖) + b by columns of the kernel v, g learned.

    The scale of nnx.WeightNorm is no parameter and never learns, so g stands here. It starts at
    √2, the expected norm of He's initial columns for any number of inputs; times the stride where
    the layer is a transposed convolution, whose outputs each see a part of the window.
    """

    def __init__(self, layer: Layer, units: ArrayLike | None, rngs: nnx.Rngs) -> None:
        start = constant(np.sqrt(2) * _stride(layer), units)
        self.scale = nnx.Param(start(rngs.params(), layer.kernel.shape[-1:], np.float32))
        self.bias = layer.bias
        drop_bias(layer)
        self.direction = nnx.WeightNorm(layer, use_scale=False, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        outputs: jax.Array = self.direction(x)
        outputs = outputs * along_outputs(outputs, self.scale[...])
        return outputs if self.bias is None else outputs + along_outputs(outputs, self.bias[...])


def _stride(layer: Layer) -> float:
    """That of a transposed convolution, the mean of its two; 1 of other layers."""
    if not isinstance(layer, nnx.ConvTranspose):
        return 1.0
    # Our own have one number, Flax's one or two or none.
    strides = getattr(layer, "stride", layer.strides)
    return float(np.sqrt(np.prod(np.broadcast_to(strides or 1, 2))))


def batch_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer of batch normalisation; its averages forget with momentum 0.9, for short chunks."""
    return nnx.BatchNorm(width, momentum=0.9, scale_init=constant(1, units), rngs=rngs)


def layer_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer of layer normalisation; its call takes a mask of the units in use."""
    return nnx.LayerNorm(width, scale_init=constant(1, units), rngs=rngs)


def instance_norm(width: int, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer of instance normalisation, of images alone."""
    return nnx.InstanceNorm(width, scale_init=constant(1, units), rngs=rngs)


def over_positions(norm: nnx.Module) -> nnx.Module:
    """The same layer for images: layer norm is over all units of an example, at all positions."""
    if isinstance(norm, nnx.LayerNorm):
        norm.reduction_axes = (-3, -2, -1)
    return norm


def spectral_norm(layer: Layer, units: ArrayLike | None, rngs: nnx.Rngs) -> nnx.Module:
    """A layer whose kernel is divided by its spectral norm, one power iteration a call."""
    return nnx.SpectralNorm(layer, rngs=rngs)


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
        "instance": Normalisation(
            "γ·(x − E[x])/√(Var[x] + ε) + β, over the positions, for each unit and example",
            "Ulyanov et al., arXiv:1607.08022, eq. 4",
            between=instance_norm,
            hidden_bias=False,
            positions=True,
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
