"""The generative adversarial network: a generator and a discriminator, each its own player."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import jax

from normsweep.models.data import Data, drawn
from normsweep.models.families.adversarial import (
    Images,
    augmented,
    batches,
    gradient_penalty,
    overfitting,
)
from normsweep.models.families.contract import Family, Objective, Outcome, Params, Shapes, Turn
from normsweep.models.latents import LATENTS
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.adversarial import adversarial_loss
from normsweep.objectives.aliases import PyTree

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


@dataclass(frozen=True)
class GAN(Family):
    """Two networks that play against each other (arXiv:1406.2661).

    `latent` is the dimension of the generator's input, drawn from `latent_distribution`, a name in
    `LATENTS`; `loss` is one in `ADVERSARIAL_LOSSES`. The discriminator has `discriminator_steps`
    turns in each step, then the generator one, each on a fresh batch, as in algorithm 1.
    """

    latent: int = 64
    latent_distribution: str = "normal"
    loss: str = "non_saturating"
    discriminator_steps: int = 1

    players: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {GENERATOR: (GENERATOR,), DISCRIMINATOR: (DISCRIMINATOR,)}
    )
    sampled: ClassVar[tuple[str, ...]] = (GENERATOR,)
    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType({"label_smoothing": 0.0})

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Latent vectors to images, and images to logits, larger for those taken to be real."""
        return {
            GENERATOR: Shapes((self.latent,), image_shape),
            DISCRIMINATOR: Shapes(image_shape, ()),
        }

    def turns(self) -> tuple[str, ...]:
        """The discriminator's, then the generator's."""
        return (*(DISCRIMINATOR for _ in range(self.discriminator_steps)), GENERATOR)

    def objective(self, player: str, turn: Turn, data: Data, key: jax.Array) -> Objective:
        """The adversarial loss of a player."""
        if player == GENERATOR:
            return self._of_generator(turn, key)
        return self._of_discriminator(turn, data, key)

    def sample(
        self,
        apply: Callable[[str, jax.Array], jax.Array],
        key: jax.Array,
        count: int,
        data: Data | None,
    ) -> jax.Array:
        """Images of fresh latent vectors."""
        del data
        return apply(GENERATOR, self._latents(key, count))

    def _of_generator(self, turn: Turn, key: jax.Array) -> Objective:
        keys = jax.random.split(key, 4)
        before, judge = turn.networks[GENERATOR], turn.networks[DISCRIMINATOR]

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            generator = Variables(params[GENERATOR], before.stats)
            fake, stats = self._generated(turn, generator, keys[0], keys[1])
            fake = augmented(turn, keys[2], fake, fake=True)
            logits, _ = turn.apply(DISCRIMINATOR, judge, fake, keys[3])
            return adversarial_loss(self.loss).generator(logits), Outcome({GENERATOR: stats})

        return Objective(loss)

    def _of_discriminator(self, turn: Turn, data: Data, key: jax.Array) -> Objective:
        adversarial = adversarial_loss(self.loss)
        smoothing = turn.hyperparameters.coefficients["label_smoothing"]
        settings = (smoothing,) if adversarial.labels else ()
        keys = jax.random.split(key, 8)
        real = drawn(keys[0], turn.batch, data.images, data.train)
        fake, _ = self._generated(turn, turn.networks[GENERATOR], keys[1], keys[2])
        images = batches(turn, keys[3], real, fake)
        before = turn.networks[DISCRIMINATOR]

        def judged(params: PyTree, stats: PyTree, images: Images, key: jax.Array) -> PyTree:
            return turn.apply(DISCRIMINATOR, Variables(params, stats), images, key)

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            own = params[DISCRIMINATOR]
            real_logits, stats = judged(own, before.stats, images.seen_real, keys[4])
            fake_logits, stats = judged(own, stats, images.seen_fake, keys[5])
            value = adversarial.discriminator(real_logits, fake_logits, *settings)
            return value, Outcome({DISCRIMINATOR: stats}, seen=(real_logits, fake_logits))

        return Objective(
            loss,
            gradient=gradient_penalty(turn, DISCRIMINATOR, images, keys[6]),
            overfitting=overfitting(turn, DISCRIMINATOR, data, keys[7]),
        )

    def _generated(
        self, turn: Turn, generator: Variables, key: jax.Array, dropout_key: jax.Array
    ) -> tuple[Images, PyTree]:
        """A batch of generated images, and the generator's statistics after it."""
        return turn.apply(GENERATOR, generator, self._latents(key, turn.batch), dropout_key)

    def _latents(self, key: jax.Array, count: int) -> jax.Array:
        return LATENTS[self.latent_distribution](key, (count, self.latent))
