"""Normalisations of a network: of the activations between its layers, or of its kernels."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jax.typing import ArrayLike

from normsweep.models.layers.initialisers import constant
from normsweep.models.layers.mode import Mode

Between = Callable[..., nnx.Module]
Layer = nnx.Linear | nnx.Conv | nnx.ConvTranspose
"""A layer with a kernel, whose last axis is that of its outputs, and perhaps a bias."""
Wrap = Callable[[Layer, ArrayLike | None, nnx.Rngs], nnx.Module]


class Normalisation(NamedTuple):
    """An entry of `NORMALISATIONS`.

    `between(width, units, rngs)` makes the layer between a hidden layer and its activation, which
    `normalised` calls; where it is `labelled` it depends on the class, and takes `classes` too;
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
    labelled: bool = False


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


class ConditionalBatchNorm(nnx.Module):
    """[n, …, width] → γ_y·(x − E[x])/√(Var[x] + ε) + β_y, with a row of γ and of β for each class.

    Raises `ValueError` without classes, and called without labels.
    """

    def __init__(
        self, width: int, units: ArrayLike | None, rngs: nnx.Rngs, *, classes: int = 0
    ) -> None:
        if classes < 1:
            raise ValueError(f"conditional_batch needs the number of classes, got {classes}")
        self.norm = nnx.BatchNorm(width, momentum=0.9, use_scale=False, use_bias=False, rngs=rngs)
        start = constant(1, units)
        self.scale = nnx.Param(start(rngs.params(), (classes, width), np.float32))
        self.bias = nnx.Param(jnp.zeros((classes, width), np.float32))

    def __call__(self, x: jax.Array, labels: jax.Array | None) -> jax.Array:
        if labels is None:
            raise ValueError("conditional_batch needs the labels of the batch, got None")
        # A product, since the gradient of a look-up adds in any order on an accelerator.
        outputs: jax.Array = self.norm(x)
        rows = jax.nn.one_hot(labels, self.scale.shape[0], dtype=self.scale.dtype)

        def of_class(table: nnx.Param[jax.Array]) -> jax.Array:
            chosen = jnp.matmul(rows, table[...], precision=lax.Precision.HIGHEST)
            chosen = chosen.reshape(len(x), *(1 for _ in x.shape[2:]), x.shape[-1])
            return chosen.astype(outputs.dtype)

        return outputs * of_class(self.scale) + of_class(self.bias)


def normalised(
    norm: nnx.Module, x: jax.Array, mode: Mode, used: jax.Array | None = None
) -> jax.Array:
    """Calls a layer that `between` made; `used`, of the shape of x, masks the units in use."""
    outputs: jax.Array
    if isinstance(norm, nnx.LayerNorm):
        outputs = norm(x, mask=used)
    elif isinstance(norm, ConditionalBatchNorm):
        outputs = norm(x, mode.labels)
    else:
        outputs = norm(x)
    return outputs


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
        "conditional_batch": Normalisation(
            "γ_y·(x − E[x])/√(Var[x] + ε) + β_y, over the batch, γ and β by the class y",
            "Dumoulin et al., arXiv:1610.07629, eq. 5; de Vries et al., arXiv:1707.00683, eq. 4",
            between=ConditionalBatchNorm,
            hidden_bias=False,
            per_example=False,
            labelled=True,
        ),
    }
)
"""Normalisations of the hidden layers or of the kernels of a network, by name."""


def of_classes(name: str, classes: int) -> str:
    """What `normalisation` takes for the entry of this name and labels of so many classes."""
    return f"{name}:{classes}" if NORMALISATIONS[name].labelled else name


def normalisation(name: str) -> Normalisation:
    """The entry of `NORMALISATIONS`; that of `conditional_batch:10` is made for ten classes.

    Raises `ValueError` for another name.
    """
    bare, _, classes = name.partition(":")
    if bare in NORMALISATIONS and NORMALISATIONS[bare].labelled and classes.isdecimal():
        entry = NORMALISATIONS[bare]
        assert entry.between is not None
        return entry._replace(between=partial(entry.between, classes=int(classes)))
    if name not in NORMALISATIONS:
        accepted = ", ".join(NORMALISATIONS)
        raise ValueError(f"unknown normalisation {name!r}; accepted: {accepted}")
    return NORMALISATIONS[name]
