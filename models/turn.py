"""What the turns of the two players share: their data, and the networks under a method."""

from typing import NamedTuple

import jax
from jax.typing import ArrayLike

from normsweep.models.families.gan import Variables, networks
from normsweep.models.latents import LATENTS
from normsweep.models.layers.conditions import Conditions
from normsweep.models.method import Method
from normsweep.models.program import Hyperparameters, Program
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.augmentation import augment

Images = jax.Array


class Data(NamedTuple):
    """What a member may see: images [n, h, w, c] float32, and int32 indices into them.

    It trains on those of `train`; those of `validation`, on which nobody trains, tell an adaptive
    strength how much the discriminator overfits.
    """

    images: jax.Array
    train: jax.Array
    validation: jax.Array


class Turn(NamedTuple):
    """A turn in the making: what its parts need to know. Its method is at `place`."""

    program: Program
    place: int
    hyperparameters: Hyperparameters
    strength_factor: ArrayLike
    rate_factor: ArrayLike

    @property
    def method(self) -> Method:
        """The method that the turn runs."""
        return self.program.methods[self.place]

    def augmented(self, key: jax.Array, images: Images, *, fake: bool) -> Images:
        """Images as the discriminator gets to see them."""
        method = self.method
        if not method.augmentation or (fake and not method.augment_fakes):
            return images
        strength = self.hyperparameters.augment_strength
        return augment(method.augmentation, jax.random.fold_in(key, int(fake)), images, strength)

    def generate(
        self, generator: Variables, key: jax.Array, dropout_key: jax.Array
    ) -> tuple[Images, PyTree]:
        """A batch of generated images, and the generator's statistics after it."""
        gan, h = self.program.gan, self.hyperparameters
        latent = LATENTS[gan.latent_distribution](key, (self.program.batch, gan.latent))
        conditions = self._conditions(h.generator_units, h.generator_dropout, dropout_key)
        return networks(gan).generator(generator, latent, conditions)

    def judge(
        self, discriminator: Variables, images: Images, dropout_key: jax.Array
    ) -> tuple[jax.Array, PyTree]:
        """Logits, and the discriminator's statistics after them."""
        h = self.hyperparameters
        conditions = self._conditions(h.discriminator_units, h.discriminator_dropout, dropout_key)
        return networks(self.program.gan).discriminator(discriminator, images, conditions)

    def _conditions(self, units: ArrayLike, rate: ArrayLike, key: jax.Array) -> Conditions:
        method = self.method
        return Conditions(
            training=True,
            units=units if self.program.masked else None,
            dropout=rate if method.dropout else None,
            key=key if method.dropout else None,
        )


def replaced(states: tuple[PyTree, ...], place: int, state: PyTree) -> tuple[PyTree, ...]:
    """States of all methods, with that of the method at `place` anew."""
    return (*states[:place], state, *states[place + 1 :])
