"""The convolutional networks of the Flax peer: 28×28×1, 32 channels next to the images.

Those of InfoGAN as arXiv:1711.10337 has them, at half the width and without normalisation: what
`model.network = "dcgan"` with `generator_channels = discriminator_channels = 32` is.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from bench.peers.flax_script import LATENT, linear

CHANNELS = 32
DENSE = 16 * CHANNELS
SIDE = 28

convolution = partial(
    nnx.Conv, kernel_size=(4, 4), strides=2, kernel_init=nnx.initializers.he_normal()
)
transposed = partial(
    nnx.ConvTranspose, kernel_size=(4, 4), strides=2, kernel_init=nnx.initializers.he_normal()
)


class Generator(nnx.Module):
    """Latent [n, 64] to pixels [n, 784] in (-1, 1)."""

    def __init__(self, pixels: int, rngs: nnx.Rngs) -> None:
        del pixels
        self.first = linear(LATENT, DENSE, rngs=rngs)
        self.second = linear(DENSE, (SIDE // 4) ** 2 * 2 * CHANNELS, rngs=rngs)
        self.third = transposed(2 * CHANNELS, CHANNELS, rngs=rngs)
        self.last = transposed(CHANNELS, 1, rngs=rngs)

    def __call__(self, latent: jax.Array) -> jax.Array:
        x = nnx.leaky_relu(self.first(latent), 0.2)
        x = nnx.leaky_relu(self.second(x), 0.2)
        x = x.reshape(-1, SIDE // 4, SIDE // 4, 2 * CHANNELS)
        x = nnx.leaky_relu(self.third(x), 0.2)
        return jnp.tanh(self.last(x)).reshape(-1, SIDE**2)


class Discriminator(nnx.Module):
    """Pixels [n, 784] to logits [n, 1]."""

    def __init__(self, pixels: int, rngs: nnx.Rngs) -> None:
        del pixels
        self.first = convolution(1, CHANNELS, rngs=rngs)
        self.second = convolution(CHANNELS, 2 * CHANNELS, rngs=rngs)
        self.third = linear((SIDE // 4) ** 2 * 2 * CHANNELS, DENSE, rngs=rngs)
        self.last = linear(DENSE, 1, rngs=rngs)

    def __call__(self, pixels: jax.Array) -> jax.Array:
        x = nnx.leaky_relu(self.first(pixels.reshape(-1, SIDE, SIDE, 1)), 0.2)
        x = nnx.leaky_relu(self.second(x), 0.2)
        x = nnx.leaky_relu(self.third(x.reshape(len(x), -1)), 0.2)
        return self.last(x)
