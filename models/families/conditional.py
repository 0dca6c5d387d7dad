"""The conditional generative adversarial network: images of a class that is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.models.data import Data, drawn_rows
from normsweep.models.families.adversarial import Images
from normsweep.models.families.contract import Labelled, Shapes, Stored, Turn
from normsweep.models.families.gan import DISCRIMINATOR, GAN, GENERATOR, Judged
from normsweep.models.networks.contract import Shape, Variables
from normsweep.objectives.aliases import PyTree

EMBEDDING, BATCH_NORM = "embedding", "batch_norm"
PROJECTION, CONCATENATION = "projection", "concatenation"

GENERATOR_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        EMBEDDING: "√classes · one-hot(y) beside the latent; the rows of the first kernel for it "
        "are the embedding (Mirza and Osindero, arXiv:1411.1784)",
        BATCH_NORM: "by conditional_batch normalisation alone (de Vries et al., arXiv:1707.00683)",
    }
)
"""How the label enters the generator."""

DISCRIMINATOR_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        PROJECTION: "ψ(φ(x)) + ⟨v_y, φ(x)⟩ of the last features φ, with a bias for each class "
        "(Miyato and Koyama, arXiv:1802.05637, eq. 3)",
        CONCATENATION: "a plane for each class beside the channels, 1 for the image's class and "
        "else 0 (Mirza and Osindero, arXiv:1411.1784)",
    }
)
"""How the label enters the discriminator."""

_LABELS = 1
"""Sets the key of the labels apart from that of the latent vectors."""


@dataclass(frozen=True)
class Conditional(GAN):
    """A GAN whose two networks know the class of an image (arXiv:1411.1784, 1802.05637).

    The settings are those of a GAN and how the label y enters each network, names in
    `GENERATOR_CONDITIONS` and `DISCRIMINATOR_CONDITIONS`. Labels of generated images are those of
    random training images.

    The last layer of the discriminator is linear in its features φ: with 1 + `classes` outputs, the
    first plus that of the class y is the projection, ψ = w₀·φ + b₀ and v_y the column of y. One
    normalisation of its kernel is of both together.

    With an `auxiliary` classifier (arXiv:1610.09585) there are `classes` outputs more, of which the
    cross-entropy with the labels, times `auxiliary_weight`, is added to both losses: for the
    discriminator that of real and that of generated images.
    """

    classes: int = 0
    generator_condition: str = EMBEDDING
    discriminator_condition: str = PROJECTION
    auxiliary: bool = field(default=False, metadata={"coefficient": "auxiliary_weight"})

    coefficients: ClassVar[Mapping[str, float]] = MappingProxyType(
        {**GAN.coefficients, "auxiliary_weight": 0.0}
    )
    needs_labels: ClassVar[bool] = True
    by_class: ClassVar[bool] = True

    def shapes(self, image_shape: Shape) -> dict[str, Shapes]:
        """Those of a GAN, with what the labels add to inputs and outputs."""
        *sides, channels = image_shape
        planes = self.classes if self.discriminator_condition == CONCATENATION else 0
        embedded = self.classes if self.generator_condition == EMBEDDING else 0
        outputs = 1 + sum(self._heads())
        return {
            GENERATOR: Shapes((self.latent + embedded,), image_shape),
            DISCRIMINATOR: Shapes((*sides, channels + planes), () if outputs == 1 else (outputs,)),
        }

    def labelled(self, network: str, image_shape: Shape) -> Labelled:
        """The label beside the latent vector, planes beside the channels, outputs of classes."""
        if network == GENERATOR:
            if self.generator_condition != EMBEDDING:
                return Labelled()
            words = (
                f'model.generator_condition = "{EMBEDDING}": latent + classes, the label as one-hot'
            )
            return Labelled(words, bare=(self.latent,))
        how = f'model.discriminator_condition = "{self.discriminator_condition}"'
        planes = self.discriminator_condition == CONCATENATION
        heads = " + classes" * sum(count > 0 for count in self._heads())
        why = f"{how} and train.auxiliary_weight above 0" if self.auxiliary else how
        return Labelled(
            f"{how}: channels + classes, a plane for each class" if planes else "",
            f"{why}: 1{heads}" if heads else "",
            image_shape if planes else None,
        )

    def sampled_labels(self, key: jax.Array, count: int, data: Data | None) -> jax.Array:
        """Those of random images of `data.train`; each class as likely as any other without data.

        Raises `ValueError` for data without labels.
        """
        key = jax.random.fold_in(key, _LABELS)
        if data is None:
            return jax.random.randint(key, (count,), 0, self.classes, np.int32)
        if data.labels is None:
            raise ValueError("data.labels are needed for this family, got None")
        labels: jax.Array = data.labels[drawn_rows(key, count, data.train)]
        return labels

    def sample(self, apply: Stored, key: jax.Array, count: int, data: Data | None) -> jax.Array:
        """Images of fresh latent vectors, of the classes that `sampled_labels` draws."""
        return self.sample_of(apply, key, self.sampled_labels(key, count, data))

    def sample_of(self, apply: Stored, key: jax.Array, labels: jax.Array) -> jax.Array:
        """Images of fresh latent vectors, of these classes."""
        return apply(GENERATOR, self._inputs(key, labels), labels)

    def _generated(
        self,
        turn: Turn,
        generator: Variables,
        labels: jax.Array | None,
        key: jax.Array,
        dropout_key: jax.Array,
    ) -> tuple[Images, PyTree]:
        assert labels is not None
        return turn.apply(GENERATOR, generator, self._inputs(key, labels), dropout_key, labels)

    def _inputs(self, key: jax.Array, labels: jax.Array) -> jax.Array:
        latents = self._latents(key, len(labels))
        if self.generator_condition != EMBEDDING:
            return latents
        # Of mean square 1 in each place, as latents are, which He's initial kernels reckon with.
        scale = np.float32(np.sqrt(self.classes))
        return jnp.concatenate([latents, scale * self._one_hot(labels)], axis=1)

    def _judged(
        self,
        turn: Turn,
        discriminator: Variables,
        images: Images,
        labels: jax.Array | None,
        key: jax.Array,
    ) -> Judged:
        assert labels is not None
        rows = self._one_hot(labels)
        if self.discriminator_condition == CONCATENATION:
            planes = jnp.broadcast_to(rows[:, None, None], (*images.shape[:3], self.classes))
            images = jnp.concatenate([images, planes], axis=3)
        outputs, stats = turn.apply(DISCRIMINATOR, discriminator, images, key, labels)
        projected, auxiliary = self._heads()
        logits = outputs[:, 0] if projected or auxiliary else outputs
        if projected:
            logits = logits + jnp.sum(rows * outputs[:, 1 : 1 + projected], axis=1)
        if not auxiliary:
            return Judged(logits, stats)
        likely = jax.nn.log_softmax(outputs[:, 1 + projected :])
        cross_entropy = -jnp.mean(jnp.sum(rows * likely, axis=1))
        weight = jnp.asarray(turn.hyperparameters.coefficients["auxiliary_weight"])
        return Judged(logits, stats, weight * cross_entropy)

    def _heads(self) -> tuple[int, int]:
        """The outputs of the discriminator behind the first: of the projection, and to classify."""
        projected = self.classes if self.discriminator_condition == PROJECTION else 0
        return projected, self.classes if self.auxiliary else 0

    def _one_hot(self, labels: jax.Array) -> jax.Array:
        rows: jax.Array = jax.nn.one_hot(labels, self.classes, dtype=np.float32)
        return rows
