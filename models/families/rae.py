"""The regularised autoencoder: a deterministic one, sampled from the law of its codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
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
from normsweep.objectives.mixture import Mixture, drawn_from, fitted_mixture

ENCODER, DECODER, AUTOENCODER = "encoder", "decoder", "autoencoder"

CODE_LAWS = {
    "gaussian": "one normal law with the moments of the codes (Ghosh et al. 2019)",
    "mixture": "a mixture of 10 normal laws, by 50 steps of EM (Ghosh et al. 2019)",
}
"""What codes are drawn from for samples, by name; fitted to the codes of training images."""

_COMPONENTS = {"gaussian": 1, "mixture": 10}
_EM_STEPS, _FITTED = 50, 1024
"""The law is fitted to the codes of so many training images, or of all if there are fewer."""


@dataclass(frozen=True)
class RAE(Family):
    """An autoencoder without noise, sampled from a law of its codes (arXiv:1903.12436).

    Encoder and decoder descend, per image, ‖x − D(E(x))‖² + code_weight · ½‖E(x)‖² +
    jacobian_weight · ‖∂D/∂z‖² at z = E(x), the last the squared Frobenius norm, by one random
    projection an image, which does not move the encoder. The other regularisers of the decoder are
    ours: a penalty on its weights, or spectral normalisation.

    `latent` is the dimension of the code. For samples a law of codes, `code_law` in `CODE_LAWS`, is
    fitted to those of training images.
    """

    latent: int = 64
    code_law: str = "mixture"

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {AUTOENCODER: (ENCODER, DECODER)}
    )
    sampled: ClassVar[tuple[str, ...]] = (ENCODER, DECODER)
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType(
        {"code_weight": 1e-4, "jacobian_weight": 0.0}
    )
    figures: ClassVar[tuple[str, ...]] = ("reconstruction_error",)

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Images to codes, and codes to images."""
        return {
            ENCODER: Shapes(image_shape, (self.latent,)),
            DECODER: Shapes((self.latent,), image_shape),
        }

    def turns(self) -> tuple[str, ...]:
        """One."""
        return (AUTOENCODER,)

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The squared error of a batch, and what regularises codes and decoder."""
        del player
        keys = jax.random.split(key, 4)
        images = drawn(keys[0], turn.batch, data.images, data.train)
        code_weight, before = turn.hyperparameters.coefficients["code_weight"], turn.networks

        def coded(params: Params) -> tuple[jax.Array, Any]:
            encoder = Variables(params[ENCODER], before[ENCODER].stats)
            return turn.apply(ENCODER, encoder, images, keys[1])

        def decoded(params: Params, codes: jax.Array) -> tuple[jax.Array, Any]:
            decoder = Variables(params[DECODER], before[DECODER].stats)
            return turn.apply(DECODER, decoder, codes, keys[2])

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            codes, encoder_stats = coded(params)
            found, decoder_stats = decoded(params, codes)
            error = _mean_square(found - images)
            stats = {ENCODER: encoder_stats, DECODER: decoder_stats}
            return error + 0.5 * code_weight * _mean_square(codes), Outcome(stats)

        def steepness(params: Params) -> jax.Array:
            """The mean over images of ‖vᵀ ∂D/∂z‖², v normal: its expectation is ‖∂D/∂z‖²."""
            codes = lax.stop_gradient(coded(params)[0])
            _, pulled = jax.vjp(lambda codes: decoded(params, codes)[0], codes)
            # Flat: of four axes it takes XLA four times as long to compile.
            direction = jax.random.normal(keys[3], (images.size,), np.float32)
            (slope,) = pulled(direction.reshape(images.shape))
            weight = jnp.asarray(turn.hyperparameters.coefficients["jacobian_weight"])
            return weight * _mean_square(slope)

        def gradient(params: Params) -> Params:
            # Derived twice: as dear as the loss, and asked for by few.
            wanted = jnp.asarray(turn.hyperparameters.coefficients["jacobian_weight"]) > 0
            nothing = partial(jax.tree.map, jnp.zeros_like)
            found: Params = lax.cond(wanted, jax.grad(steepness), nothing, params)
            return found

        return Objective(loss, gradient)

    def fitted(self, apply: Stored, key: jax.Array, data: Data) -> dict[str, jax.Array]:
        """The law of the codes of training images, as the fields of a `Mixture`."""
        rows_key, fit_key = jax.random.split(key)
        rows = jax.random.permutation(rows_key, data.train)[:_FITTED]
        codes = apply(ENCODER, images_at(rows, data.images))
        return fitted_mixture(fit_key, codes, _COMPONENTS[self.code_law], _EM_STEPS)._asdict()

    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Any,
    ) -> jax.Array:
        """Images of codes from their law: that of the data's images, or what `fitted` gave."""
        fit_key, draw_key = jax.random.split(key)
        law = self.fitted(apply, fit_key, data) if isinstance(data, Data) else data
        return apply(DECODER, drawn_from(Mixture(**law), draw_key, count))

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
        decoded = apply(DECODER, apply(ENCODER, images))
        return {"reconstruction_error": Measured.mean_of((decoded - images) ** 2)}


def _mean_square(values: jax.Array) -> jax.Array:
    """The sum of the squares of one entry of a batch, on average."""
    return jnp.sum(values**2) / values.shape[0]
