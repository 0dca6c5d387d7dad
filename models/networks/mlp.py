"""Fully connected generators and discriminators."""

import itertools
import math

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import ACTIVATIONS, IMAGE_OUTPUTS
from normsweep.models.layers.conditions import EVALUATION, Conditions, dropout, in_use
from normsweep.models.layers.initialisers import he_normal
from normsweep.models.layers.normalisation import Normalisation, drop_bias, normalisation


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


class MLP(nnx.Module):
    """Linear layers of the widths in `widths`, an activation between them and none at the end.

    `units`, int32, is the number of units in use of each hidden layer, None: all. Initial values of
    the others are 0.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        activation: str,
        normalised: str,
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        kind = normalisation(normalised)
        self.activation = ACTIVATIONS[activation]
        self.layers = nnx.List(linear_layers(widths, units, kind, rngs))
        hidden = widths[1:-1] if kind.between else ()
        self.norms = nnx.List(kind.between(width, units, rngs) for width in hidden)  # type: ignore[misc]

    def __call__(self, x: jax.Array, conditions: Conditions = EVALUATION) -> jax.Array:
        """[n, widths[0]] float32 → [n, widths[-1]] float32."""
        for index in range(len(self.layers) - 1):
            x = self._hidden(index, x, conditions)
        outputs: jax.Array = self.layers[-1](x)
        return outputs

    def _hidden(self, index: int, x: jax.Array, conditions: Conditions) -> jax.Array:
        x = self.layers[index](x)
        used = None
        if conditions.units is not None:
            used = jnp.expand_dims(in_use(x.shape[-1], conditions.units), 0)
        if self.norms:
            norm = self.norms[index]
            x = norm(x, mask=used) if isinstance(norm, nnx.LayerNorm) else norm(x)
        x = self.activation(x)
        if used is not None:
            x = jnp.where(used, x, jnp.zeros_like(x))
        key = conditions.dropout_key
        if key is not None and conditions.dropout is not None:
            x = dropout(x, conditions.dropout, jax.random.fold_in(key, index))
        return x


class MLPGenerator(nnx.Module):
    """Latent vectors [n, latent] → images [n, h, w, c] in the range of the output function."""

    def __init__(
        self,
        latent: int,
        hidden: tuple[int, ...],
        activation: str,
        output: str,
        image_shape: tuple[int, int, int],
        normalised: str = "none",
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.image_shape = image_shape
        self.output = IMAGE_OUTPUTS[output]
        widths = (latent, *hidden, math.prod(image_shape))
        self.network = MLP(widths, activation, normalised, units, rngs=rngs)

    def __call__(self, latent: jax.Array, conditions: Conditions = EVALUATION) -> jax.Array:
        return self.output(self.network(latent, conditions)).reshape(-1, *self.image_shape)


class MLPDiscriminator(nnx.Module):
    """Images [n, h, w, c] → logits [n], larger for images taken to be real."""

    def __init__(
        self,
        hidden: tuple[int, ...],
        activation: str,
        image_shape: tuple[int, int, int],
        normalised: str = "none",
        units: ArrayLike | None = None,
        *,
        rngs: nnx.Rngs,
    ) -> None:
        widths = (math.prod(image_shape), *hidden, 1)
        self.network = MLP(widths, activation, normalised, units, rngs=rngs)

    def __call__(self, images: jax.Array, conditions: Conditions = EVALUATION) -> jax.Array:
        return self.network(images.reshape(images.shape[0], -1), conditions)[:, 0]
