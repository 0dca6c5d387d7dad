"""The generative adversarial network: a generator and a discriminator, each its own player."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import jax

from normsweep.models.data import Data, drawn_rows, images_at
from normsweep.models.families.adversarial import (
    Images,
    augmented,
    batches,
    gradient_penalty,
    overfitting,
)
from normsweep.models.families.contract import (
    Family,
    Objective,
    Outcome,
    Params,
    Shapes,
    Stored,
    Turn,
)
from normsweep.models.latents import LATENTS
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.adversarial import adversarial_loss
from normsweep.objectives.aliases import PyTree

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


class Judged(NamedTuple):
    """What a discriminator says of a batch: logits [n], its statistics after it, a further loss."""

    logits: jax.Array
    stats: PyTree
    further: jax.Array | None = None


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
            return self._of_generator(turn, data, key)
        return self._of_discriminator(turn, data, key)

    def sample(
        self,
        apply: Stored,
        key: jax.Array,
        count: int,
        data: Data | None,
    ) -> jax.Array:
        """Images of fresh latent vectors."""
        del data
        return apply(GENERATOR, self._latents(key, count))

    def _of_generator(self, turn: Turn, data: Data, key: jax.Array) -> Objective:
        keys = jax.random.split(key, 4)
        before, judge = turn.networks[GENERATOR], turn.networks[DISCRIMINATOR]
        labels = self.sampled_labels(keys[0], turn.batch, data)

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            generator = Variables(params[GENERATOR], before.stats)
            fake, stats = self._generated(turn, generator, labels, keys[0], keys[1])
            fake = augmented(turn, keys[2], fake, fake=True)
            judged = self._judged(turn, judge, fake, labels, keys[3])
            value = adversarial_loss(self.loss).generator(judged.logits)
            return self._and_further(value, judged), Outcome({GENERATOR: stats})

        return Objective(loss)

    def _of_discriminator(self, turn: Turn, data: Data, key: jax.Array) -> Objective:
        adversarial = adversarial_loss(self.loss)
        smoothing = turn.hyperparameters.coefficients["label_smoothing"]
        settings = (smoothing,) if adversarial.labels else ()
        keys = jax.random.split(key, 8)
        rows = drawn_rows(keys[0], turn.batch, data.train)
        labels = self.sampled_labels(keys[1], turn.batch, data)
        generator = turn.networks[GENERATOR]
        fake, _ = self._generated(turn, generator, labels, keys[1], keys[2])
        images = batches(turn, keys[3], images_at(rows, data.images), fake)
        if data.labels is not None:
            images = images._replace(real_labels=data.labels[rows], fake_labels=labels)
        before = turn.networks[DISCRIMINATOR]

        def loss(params: Params) -> tuple[jax.Array, Outcome]:
            own = Variables(params[DISCRIMINATOR], before.stats)
            real = self._judged(turn, own, images.seen_real, images.real_labels, keys[4])
            own = own._replace(stats=real.stats)
            fake = self._judged(turn, own, images.seen_fake, images.fake_labels, keys[5])
            value = adversarial.discriminator(real.logits, fake.logits, *settings)
            outcome = Outcome({DISCRIMINATOR: fake.stats}, seen=(real.logits, fake.logits))
            return self._and_further(value, real, fake), outcome

        def judge(
            variables: Variables, images: Images, labels: jax.Array | None, key: jax.Array
        ) -> jax.Array:
            return self._judged(turn, variables, images, labels, key).logits

        return Objective(
            loss,
            gradient=gradient_penalty(turn, DISCRIMINATOR, images, keys[6], judge),
            overfitting=overfitting(turn, DISCRIMINATOR, data, keys[7], judge),
        )

    def _generated(
        self,
        turn: Turn,
        generator: Variables,
        labels: jax.Array | None,
        key: jax.Array,
        dropout_key: jax.Array,
    ) -> tuple[Images, PyTree]:
        """A batch of generated images, and the generator's statistics after it."""
        del labels
        return turn.apply(GENERATOR, generator, self._latents(key, turn.batch), dropout_key)

    def _judged(
        self,
        turn: Turn,
        discriminator: Variables,
        images: Images,
        labels: jax.Array | None,
        key: jax.Array,
    ) -> Judged:
        """What the discriminator says of images."""
        del labels
        return Judged(*turn.apply(DISCRIMINATOR, discriminator, images, key))

    def _and_further(self, value: jax.Array, *judged: Judged) -> jax.Array:
        """An adversarial loss and, where there are any, the further losses beside it."""
        for each in judged:
            value = value if each.further is None else value + each.further
        return value

    def _latents(self, key: jax.Array, count: int) -> jax.Array:
        return LATENTS[self.latent_distribution](key, (count, self.latent))
