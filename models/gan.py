"""A GAN as a pair of networks: what a spec says of them, and the pair as pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import jax
from flax import nnx

from models.mlp import MLPDiscriminator, MLPGenerator
from objectives.aliases import PyTree


@dataclass(frozen=True)
class GAN:
    """The static description of a pair: everything that fixes shapes and structure."""

    image_shape: tuple[int, int, int]
    kind: str = "mlp"
    latent: int = 64
    latent_distribution: str = "normal"
    generator_hidden: tuple[int, ...] = (128, 128)
    generator_activation: str = "leaky_relu"
    generator_output: str = "tanh"
    discriminator_hidden: tuple[int, ...] = (128, 128)
    discriminator_activation: str = "leaky_relu"


def mlp_pair(gan: GAN, rngs: nnx.Rngs) -> tuple[nnx.Module, nnx.Module]:
    """Fully connected networks, as in the first GANs (arXiv:1406.2661)."""
    generator = MLPGenerator(
        gan.latent,
        gan.generator_hidden,
        gan.generator_activation,
        gan.generator_output,
        gan.image_shape,
        rngs=rngs,
    )
    discriminator = MLPDiscriminator(
        gan.discriminator_hidden, gan.discriminator_activation, gan.image_shape, rngs=rngs
    )
    return generator, discriminator


GAN_KINDS: Mapping[str, Callable[[GAN, nnx.Rngs], tuple[nnx.Module, nnx.Module]]] = (
    MappingProxyType({"mlp": mlp_pair})
)
"""Pairs of modules by name: the generator maps latents to images, the discriminator to logits."""


class Networks(NamedTuple):
    """A pair as pure functions of its parameters.

    `init(key)` gives the parameters of generator and discriminator; `generator(params, latent)`
    maps [n, latent] to images [n, h, w, c]; `discriminator(params, images)` maps to logits [n].
    """

    init: Callable[[jax.Array], tuple[PyTree, PyTree]]
    generator: Callable[[PyTree, jax.Array], jax.Array]
    discriminator: Callable[[PyTree, jax.Array], jax.Array]


@lru_cache(maxsize=64)
def networks(gan: GAN) -> Networks:
    """Splits the modules of a GAN once into graph definitions, and returns the pure functions.

    The modules hold parameters (`nnx.Param`) only; a plain pytree of arrays travels through the
    transforms of JAX, and the module is put together again inside the traced function.
    """
    build = GAN_KINDS[gan.kind]

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        pair = build(gan, nnx.Rngs(params=key))
        generator, discriminator = (nnx.to_pure_dict(nnx.state(network)) for network in pair)
        return generator, discriminator

    abstract = nnx.eval_shape(lambda: build(gan, nnx.Rngs(params=jax.random.key(0))))
    generator_graph, discriminator_graph = (nnx.graphdef(network) for network in abstract)

    def generate(params: PyTree, latent: jax.Array) -> jax.Array:
        images: jax.Array = nnx.merge(generator_graph, nnx.State(params))(latent)
        return images

    def discriminate(params: PyTree, images: jax.Array) -> jax.Array:
        logits: jax.Array = nnx.merge(discriminator_graph, nnx.State(params))(images)
        return logits

    return Networks(init, generate, discriminate)
