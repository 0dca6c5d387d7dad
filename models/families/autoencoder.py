"""The adversarial autoencoder of images: a GAN whose generator is a decoder too."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from normsweep.models.data import Data, drawn, images_at
from normsweep.models.families.contract import (
    Measured,
    Objective,
    Outcome,
    Params,
    Shapes,
    Stored,
    Turn,
)
from normsweep.models.families.gan import DISCRIMINATOR, GAN, GENERATOR
from normsweep.models.networks.contract import Shape, Variables

ENCODER, AUTOENCODER = "encoder", "autoencoder"


@dataclass(frozen=True)
class Autoencoder(GAN):
    """A GAN whose generator decodes the codes of real images too (after arXiv:1512.09300).

    Encoder and generator descend

        adversarial loss of G(z) + reconstruction_weight · (squared error of a pixel of G(E(x)))
            + code_weight · ½‖E(x)‖²,    both on average,

    z noise, x real images; the discriminator descends that of a `GAN`, on G(z) and real images. The
    paper compares images by the discriminator's features, and codes with noise by a divergence.
    """

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {AUTOENCODER: (ENCODER, GENERATOR), DISCRIMINATOR: (DISCRIMINATOR,)}
    )
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType(
        {**GAN.coefficients, "reconstruction_weight": 1.0, "code_weight": 1e-4}
    )
    # What is reconstructed is measured with the average of both, where one is kept.
    sampled: ClassVar[tuple[str, ...]] = (ENCODER, GENERATOR)
    figures: ClassVar[tuple[str, ...]] = ("reconstruction_error",)

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Images to codes, these or latent vectors to images, and images to logits."""
        return {ENCODER: Shapes(image_shape, (self.latent,)), **super().shapes(image_shape)}

    def turns(self) -> tuple[str, ...]:
        """The discriminator's, then the one of encoder and generator."""
        return tuple(AUTOENCODER if player == GENERATOR else player for player in super().turns())

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The adversarial loss of a player, and for the encoder's that of reconstruction."""
        if player == DISCRIMINATOR:
            return super().objective(player, turn, data, key)
        keys = jax.random.split(key, 4)
        adversarial = super().objective(GENERATOR, turn, data, keys[0])
        images = drawn(keys[1], turn.batch, data.images, data.train)
        weights, encoder_stats = turn.hyperparameters.coefficients, turn.networks[ENCODER].stats

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            value, outcome = adversarial.loss(params)
            encoder = Variables(params[ENCODER], encoder_stats)
            codes, stats = turn.apply(ENCODER, encoder, images, keys[2])
            generator = Variables(params[GENERATOR], outcome.stats[GENERATOR])
            decoded, generator_stats = turn.apply(GENERATOR, generator, codes, keys[3])
            value += weights["reconstruction_weight"] * jnp.mean((decoded - images) ** 2)
            value += weights["code_weight"] * 0.5 * jnp.mean(jnp.sum(codes**2, axis=1))
            return value, Outcome({ENCODER: stats, GENERATOR: generator_stats})

        return Objective(loss)

    def measured(
        self,
        apply: Stored,
        coefficients: Mapping[str, ArrayLike],
        key: jax.Array,
        data: Data,
    ) -> dict[str, Measured]:
        """The mean squared error of a pixel."""
        del coefficients, key
        images = images_at(data.train, data.images)
        decoded = apply(GENERATOR, apply(ENCODER, images))
        return {"reconstruction_error": Measured.mean_of((decoded - images) ** 2)}
