"""Fully connected networks."""

import itertools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.dropout import dropout
from normsweep.models.layers.initialisers import he_normal
from normsweep.models.layers.masks import in_use_along
from normsweep.models.layers.mode import EVALUATION, Mode
from normsweep.models.layers.normalisation import (
    Normalisation,
    drop_bias,
    normalisation,
    normalised,
)
from normsweep.models.networks.contract import Network, PureNetwork, Shape
from normsweep.models.networks.modules import of_modules


@dataclass(frozen=True)
class MLP(Network):
    """Fully connected networks, as in the first GANs (arXiv:1406.2661).

    Hidden layers have the widths in `hidden`, of which only the first `layers` are used, None: all.
    `output` names the function behind the last layer. Raises `ValueError` for more layers than
    there are widths, and for a normalisation that is not in `NORMALISATIONS`.
    """

    hidden: tuple[int, ...] = (128, 128)
    layers: int | None = None
    activation: str = "leaky_relu"
    output: str = "linear"
    normalisation: str = "none"

    def __post_init__(self) -> None:
        normalisation(self.normalisation)
        if self.layers is not None and not 0 <= self.layers <= len(self.hidden):
            raise ValueError(
                f"layers = {self.layers} does not fit hidden = {self.hidden}; "
                f"accepted: 0 to {len(self.hidden)}"
            )
        # All layers said in two ways are one description.
        if self.layers == len(self.hidden):
            object.__setattr__(self, "layers", None)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the hidden layers, as many as `layers` says."""
        return self.hidden[: self.layers]

    def pure(self, inputs: Shape, outputs: Shape) -> PureNetwork:
        """The network between these shapes, whatever they are: what is no vector is flattened."""
        return of_modules(lambda units, rngs: MLPModule(self, inputs, outputs, units, rngs=rngs))


class MLPModule(nnx.Module):
    """[n, *inputs] → [n, *outputs] in the range of the output function."""

    def __init__(
        self,
        settings: MLP,
        inputs: Shape,
        outputs: Shape,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.outputs = outputs
        self.output = IMAGE_OUTPUTS[settings.output]
        widths = (math.prod(inputs), *settings.widths, math.prod(outputs))
        self.network = Layers(widths, settings.activation, settings.normalisation, units, rngs=rngs)

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        y = self.output(self.network(x.reshape(x.shape[0], -1), mode))
        return y.reshape(-1, *self.outputs) if self.outputs else y[:, 0]


class Layers(nnx.Module):
    """Linear layers of the widths in `widths`, an activation between them and none at the end.

    `units`, int32, is the number of units in use of each hidden layer, None: all. Initial values of
    the others are 0.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        activation: str,
        name: str,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        kind = normalisation(name)
        self.activation = ACTIVATIONS[activation]
        self.layers = nnx.List(linear_layers(widths, units, kind, rngs))
        hidden = widths[1:-1] if kind.between else ()
        self.norms = nnx.List(kind.between(width, units, rngs) for width in hidden)  # type: ignore[misc]

    def __call__(self, x: jax.Array, mode: Mode = EVALUATION) -> jax.Array:
        """[n, widths[0]] float32 → [n, widths[-1]] float32."""
        for index in range(len(self.layers) - 1):
            x = self._hidden(index, x, mode)
        outputs: jax.Array = self.layers[-1](x)
        return outputs

    def _hidden(self, index: int, x: jax.Array, mode: Mode) -> jax.Array:
        x = self.layers[index](x)
        used = None if mode.units is None else in_use_along(x.shape, -1, mode.units)
        if self.norms:
            x = normalised(self.norms[index], x, mode, used)
        x = self.activation(x)
        if used is not None:
            x = jnp.where(used, x, jnp.zeros_like(x))
        key = mode.dropout_key
        if key is not None and mode.dropout is not None:
            x = dropout(x, mode.dropout, jax.random.fold_in(key, index))
        return x


def linear_layers(
    widths: tuple[int, ...], units: ArrayLike | None, kind: Normalisation, rngs: nnx.Rngs
) -> list[nnx.Module]:
    """Linear layers of the widths in `widths`, of which the inner ones have `units` in use."""
    last = len(widths) - 2
    used = (None, *(units for _ in widths[1:-1]), None)
    layers = [
        nnx.Linear(before, after, kernel_init=he_normal(*used[index : index + 2]), rngs=rngs)
        for index, (before, after) in enumerate(itertools.pairwise(widths))
    ]
    # Dropped and wrapped after all kernels are drawn: those are the same in each normalisation.
    for layer in layers[: 0 if kind.hidden_bias else last]:
        drop_bias(layer)
    if kind.wrap is None:
        return list(layers)
    return [kind.wrap(layer, used[index + 1], rngs) for index, layer in enumerate(layers)]
