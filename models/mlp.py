"""Fully connected generators and discriminators."""

import itertools
import math

import jax
from flax import nnx

from models.activations import ACTIVATIONS, IMAGE_OUTPUTS, Activation


class MLP(nnx.Module):
    """Linear layers of the widths in `widths`, an activation between them and none at the end."""

    def __init__(self, widths: tuple[int, ...], activation: Activation, *, rngs: nnx.Rngs) -> None:
        self.activation = activation
        self.layers = nnx.List(
            nnx.Linear(before, after, kernel_init=nnx.initializers.he_normal(), rngs=rngs)
            for before, after in itertools.pairwise(widths)
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """[n, widths[0]] float32 → [n, widths[-1]] float32."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class MLPGenerator(nnx.Module):
    """Latent vectors [n, latent] → images [n, h, w, c] in the range of the output function."""

    def __init__(
        self,
        latent: int,
        hidden: tuple[int, ...],
        activation: str,
        output: str,
        image_shape: tuple[int, int, int],
        *,
        rngs: nnx.Rngs,
    ) -> None:
        self.image_shape = image_shape
        self.output = IMAGE_OUTPUTS[output]
        widths = (latent, *hidden, math.prod(image_shape))
        self.network = MLP(widths, ACTIVATIONS[activation], rngs=rngs)

    def __call__(self, latent: jax.Array) -> jax.Array:
        return self.output(self.network(latent)).reshape(-1, *self.image_shape)


class MLPDiscriminator(nnx.Module):
    """Images [n, h, w, c] → logits [n], larger for images taken to be real."""

    def __init__(
        self,
        hidden: tuple[int, ...],
        activation: str,
        image_shape: tuple[int, int, int],
        *,
        rngs: nnx.Rngs,
    ) -> None:
        widths = (math.prod(image_shape), *hidden, 1)
        self.network = MLP(widths, ACTIVATIONS[activation], rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        return self.network(images.reshape(images.shape[0], -1))[:, 0]
