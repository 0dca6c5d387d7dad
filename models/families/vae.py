"""The variational autoencoder: an encoder and a decoder, which one player trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from normsweep.models.data import Data, drawn, images_at
from normsweep.models.families.contract import (
    Family,
    Measured,
    Objective,
    Outcome,
    Params,
    Shapes,
    Stored,
    Turn,
)
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.likelihoods import divergence, log_likelihood

ENCODER, DECODER, AUTOENCODER = "encoder", "decoder", "autoencoder"


@dataclass(frozen=True)
class VAE(Family):
    """An encoder that gives a law of codes, and a decoder, both by the ELBO (arXiv:1312.6114).

    They descend, per image and in nats,

        −E[log p(x | z)] + beta(t) · Σ_j max(free_bits, E[KL_j]),    z ~ N(mean(x), variance(x)),

    KL_j the divergence of dimension j of the code from N(0, 1), and E the mean over the batch, one
    z an image. `latent` is the dimension of the code, of which the encoder gives the means and the
    logarithms of the variances; `likelihood` a name in `LIKELIHOODS`, with `likelihood_scale`.
    `beta` (arXiv:1804.03599) rises from 0 over the share `kl_warmup` of the training
    (arXiv:1602.02282, sec. 2.3); `free_bits` are nats of each dimension that cost nothing more
    (arXiv:1606.04934, appendix C.8).

    Samples are what is decoded from N(0, I), without the noise of the likelihood.
    """

    latent: int = 64
    likelihood: str = "bernoulli"

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {AUTOENCODER: (ENCODER, DECODER)}
    )
    # The ELBO is of both: an average of one would be measured with the last of the other.
    sampled: ClassVar[tuple[str, ...]] = (ENCODER, DECODER)
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType(
        {"likelihood_scale": 0.25, "beta": 1.0, "kl_warmup": 0.0, "free_bits": 0.0}
    )
    figures: ClassVar[tuple[str, ...]] = ("elbo", "reconstruction_error", "kl")

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Images to means and log variances of codes, and codes to images."""
        return {
            ENCODER: Shapes(image_shape, (2 * self.latent,)),
            DECODER: Shapes((self.latent,), image_shape),
        }

    def turns(self) -> tuple[str, ...]:
        """One."""
        return (AUTOENCODER,)

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The negative ELBO of a batch, its divergence weighted."""
        del player
        keys = jax.random.split(key, 4)
        images = drawn(keys[0], turn.batch, data.images, data.train)
        noise = jax.random.normal(keys[1], (turn.batch, self.latent), np.float32)
        numbers, before = turn.hyperparameters.coefficients, turn.networks
        beta = jnp.asarray(numbers["beta"]) * _risen(turn, numbers["kl_warmup"])

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            encoder = Variables(params[ENCODER], before[ENCODER].stats)
            decoder = Variables(params[DECODER], before[DECODER].stats)
            law, encoder_stats = turn.apply(ENCODER, encoder, images, keys[2])
            mean, log_variance = jnp.split(law, 2, axis=1)
            codes = mean + jnp.exp(log_variance / 2) * noise
            decoded, decoder_stats = turn.apply(DECODER, decoder, codes, keys[3])
            scale = numbers["likelihood_scale"]
            fit = jnp.mean(log_likelihood(self.likelihood, images, decoded, scale))
            each = jnp.mean(divergence(mean, log_variance), axis=0)
            price = jnp.sum(jnp.maximum(each, numbers["free_bits"]))
            stats = {ENCODER: encoder_stats, DECODER: decoder_stats}
            return beta * price - fit, Outcome(stats)

        return Objective(loss)

    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Data | None,
    ) -> jax.Array:
        """Images of fresh codes."""
        del data
        return apply(DECODER, jax.random.normal(key, (count, self.latent), np.float32))

    def measured(
        self,
        apply: Stored,
        coefficients: Mapping[str, ArrayLike],
        key: jax.Array,
        data: Data,
    ) -> dict[str, Measured]:
        """The ELBO by one code an image, whatever `beta`; the error is of the mean code."""
        images = images_at(data.train, data.images)
        mean, log_variance = jnp.split(apply(ENCODER, images), 2, axis=1)
        noise = jax.random.normal(key, mean.shape, np.float32)
        decoded = apply(DECODER, mean + jnp.exp(log_variance / 2) * noise)
        scale = coefficients["likelihood_scale"]
        fit = log_likelihood(self.likelihood, images, decoded, scale)
        kl = jnp.sum(divergence(mean, log_variance), axis=1)
        return {
            "elbo": Measured(jnp.mean(fit) - jnp.mean(kl), fit - kl),
            "reconstruction_error": Measured.mean_of((apply(DECODER, mean) - images) ** 2),
            "kl": Measured.mean_of(kl),
        }


def _risen(turn: Turn, warmup: ArrayLike) -> jax.Array:
    """The factor on `beta` at a step, which rises from 0 to 1 over a share of all steps."""
    done, share = (turn.step / turn.steps).astype(np.float32), jnp.asarray(warmup, np.float32)
    return jnp.where(done < share, done / jnp.where(share > 0, share, 1), 1)
