"""Layers one after the other, as the tables of papers list them."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.convolution import Convolution, ConvolutionTransposed
from normsweep.models.layers.hidden import hidden
from normsweep.models.layers.initialisers import he_normal
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.normalisation import Layer, Normalisation, drop_bias, over_positions
from normsweep.models.networks.contract import Shape

DENSE, CONVOLUTION, TRANSPOSED = "dense", "convolution", "transposed"


@dataclass(frozen=True)
class Row:
    """One layer with a kernel, as a row of a table: what it is, and the shape of its outputs.

    `outputs` is (width,) or (height, width, channels); `window` and `stride` are the sides of the
    kernel of a convolution and of its step. A hidden layer has normalisation, activation and
    dropout behind it, unless it is `bare`, or no normalisation where it is not `normed`.
    """

    kind: str
    outputs: Shape
    window: int = 1
    stride: int = 1
    bare: bool = False
    normed: bool = True

    @property
    def flat(self) -> bool:
        """Whether its outputs are one vector, which may then be read as a map."""
        return self.kind == DENSE

    @property
    def positions(self) -> int:
        """By how many outputs in a row each of its units has, where they are one vector."""
        return math.prod(self.outputs[:-1]) if self.flat else 1

    @property
    def width(self) -> int:
        """The length of the last axis of its outputs, as they leave the kernel."""
        return math.prod(self.outputs) if self.flat else self.outputs[-1]


def dense(*outputs: int, bare: bool = False) -> Row:
    """A fully connected layer to a vector, or to a map, from whatever is before it."""
    return Row(DENSE, outputs, bare=bare)


def convolution(before: Row | Shape, channels: int, window: int, stride: int = 1) -> Row:
    """A convolution of a map: SAME padding, sides divided by the stride."""
    height, width = (before.outputs if isinstance(before, Row) else before)[:2]
    return Row(CONVOLUTION, (-(-height // stride), -(-width // stride), channels), window, stride)


def transposed(before: Row | Shape, channels: int, window: int, stride: int) -> Row:
    """A transposed convolution of a map: SAME padding, sides times the stride."""
    height, width = (before.outputs if isinstance(before, Row) else before)[:2]
    return Row(TRANSPOSED, (height * stride, width * stride, channels), window, stride)


class SequenceModule(nnx.Module):
    """[n, *inputs] → [n, *outputs] in the range of the output function, by the rows of a table.

    For one number, a table that ends in a map gives those of all its positions, [n·h·w].
    """

    def __init__(
        self,
        rows: tuple[Row, ...],
        inputs: Shape,
        outputs: Shape,
        activation: str,
        output: str,
        kind: Normalisation,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.output = IMAGE_OUTPUTS[output]
        self.network = Sequence(rows, inputs, activation, kind, units, rngs=rngs)

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        y = self.output(self.network(x.reshape(x.shape[0], *self.inputs), mode))
        if not self.outputs:
            return y[:, 0] if y.ndim == 2 else y.reshape(-1)
        return y.reshape(-1, *self.outputs)


class Sequence(nnx.Module):
    """The layers of a table, an activation between them and none at the end.

    `units`, int32, is the number of units in use of each hidden layer, None: all. Initial values of
    the others are 0. A unit of a convolution is a channel; of a dense layer between a vector and a
    map it is a channel of the map, whose positions stand one after the other in the vector.
    """

    def __init__(
        self,
        rows: tuple[Row, ...],
        inputs: Shape,
        activation: str,
        kind: Normalisation,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.rows = rows
        self.activation = ACTIVATIONS[activation]
        used = [*(times(units, row.positions) for row in rows[:-1]), None]
        layers: list[Any] = []
        before, units_before = inputs, None
        for row in rows:
            layers.append(layer_of(row, before, units_before, used[len(layers)], rngs))
            before, units_before = row.outputs, units
        # Dropped and wrapped after all kernels are drawn: those are the same in each normalisation.
        between = [kind.between is not None and row.normed and not row.bare for row in rows[:-1]]
        for layer, normed in zip(layers, between, strict=False):
            if normed and not kind.hidden_bias:
                drop_bias(layer)
        if kind.wrap is not None:
            layers = [kind.wrap(each, used[at], rngs) for at, each in enumerate(layers)]
        self.layers = nnx.List(layers)
        self.norms: nnx.List[Any] = nnx.List([])
        for at, row in enumerate(rows[:-1]):
            if between[at]:
                norm = kind.between(row.width, used[at], rngs)  # type: ignore[misc]
                self.norms.append(norm if row.flat else over_positions(norm))
        self.norm_of = tuple(sum(between[:at]) if one else None for at, one in enumerate(between))

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        """[n, *inputs] float32 → [n, *outputs of the last row] float32."""
        for index, row in enumerate(self.rows):
            if row.flat and x.ndim > 2:
                x = as_vector(x)
            x = self.layers[index](x)
            if index < len(self.rows) - 1:
                x = self._hidden(index, x, mode)
            if row.flat and len(row.outputs) > 1:
                x = as_map(x, row.outputs)
        return x

    def _hidden(self, index: int, x: jax.Array, mode: Mode) -> jax.Array:
        row, norm = self.rows[index], self.norm_of[index]
        return hidden(
            x,
            None if norm is None else self.norms[norm],
            None if row.bare else self.activation,
            mode,
            index,
            times(mode.units, row.positions),
        )


def as_vector(x: jax.Array) -> jax.Array:
    """[n, h, w, c] → [n, c·h·w], channel by channel: the first units are the first channels."""
    return jnp.moveaxis(x, -1, 1).reshape(x.shape[0], -1)


def as_map(x: jax.Array, outputs: Shape) -> jax.Array:
    """[n, c·h·w] → [n, h, w, c]: the inverse of `as_vector`."""
    height, width, channels = outputs
    return jnp.moveaxis(x.reshape(-1, channels, height, width), 1, -1)


def times(units: ArrayLike | None, positions: int) -> ArrayLike | None:
    """The outputs in use of units that have so many each; None stays."""
    return units if units is None or positions == 1 else units * positions


def layer_of(
    row: Row, before: Shape, before_used: ArrayLike | None, used: ArrayLike | None, rngs: nnx.Rngs
) -> Layer:
    """A layer with He's initial kernel, from the units in use before it to its own."""
    if row.flat:
        into = times(before_used, math.prod(before[:-1]))
        return nnx.Linear(
            math.prod(before), row.width, kernel_init=he_normal(into, used), rngs=rngs
        )
    sizes, used_of_both = (before[-1], row.width, row.window), (before_used, used)
    if row.kind == CONVOLUTION:
        return Convolution(*sizes, stride=row.stride, used=used_of_both, rngs=rngs)
    layer = ConvolutionTransposed(*sizes, stride=row.stride, used=used_of_both, rngs=rngs)
    # An output sees one of stride² parts of the window: He's formula has so many fewer inputs.
    layer.kernel[...] = layer.kernel[...] * row.stride
    return layer
