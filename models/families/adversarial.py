"""What families with a network that tells real images from generated ones have in common."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.models.data import Data, drawn_rows, images_at
from normsweep.models.families.contract import Params, Turn
from normsweep.models.networks.contract import Variables
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS
from normsweep.objectives.augmentation import augment
from normsweep.objectives.gradient_penalties import gradient_penalty_value

Images = jax.Array

Judge = Callable[[Variables, Images, jax.Array | None, jax.Array], jax.Array]
"""(variables, images, their labels, key of the dropout) → logits [n]."""


class Batches(NamedTuple):
    """Real and generated images for a network to tell apart, and what it gets to see of them.

    That is what the method's augmentation, drawn by `key`, makes of them. The labels are None for a
    network that judges without.
    """

    real: Images
    fake: Images
    seen_real: Images
    seen_fake: Images
    key: jax.Array
    real_labels: jax.Array | None = None
    fake_labels: jax.Array | None = None


def batches(turn: Turn, key: jax.Array, real: Images, fake: Images) -> Batches:
    """Real and generated images with what a network that judges them gets to see."""
    seen_real = augmented(turn, key, real, fake=False)
    return Batches(real, fake, seen_real, augmented(turn, key, fake, fake=True), key)


def judging(turn: Turn, network: str) -> Judge:
    """Judges by a network whose outputs are the logits, whatever the labels."""

    def judge(
        variables: Variables, images: Images, labels: jax.Array | None, key: jax.Array
    ) -> jax.Array:
        del labels
        return turn.apply(network, variables, images, key)[0]

    return judge


def augmented(turn: Turn, key: jax.Array, images: Images, *, fake: bool) -> Images:
    """Images as a network that judges them gets to see them; one key for real and fake ones."""
    method = turn.method
    if not method.augmentation or (fake and not method.augment_fakes):
        return images
    strength = turn.hyperparameters.augment_strength
    return augment(method.augmentation, jax.random.fold_in(key, int(fake)), images, strength)


def gradient_penalty(
    turn: Turn, network: str, images: Batches, key: jax.Array, judge: Judge | None = None
) -> Callable[[Params], Params] | None:
    """The gradient of strength · every · penalty of the one that judges; in every so many steps.

    0 in the others, and None where the method has no gradient penalty. Lazy regularisation: the
    rarer, the stronger (Karras et al. 2020, arXiv:1912.04958, sec. 3.1).

    Points lie among the images as they are, and the slope is that of D(T(x)), T the augmentation;
    with `slope_at_seen` among those that D sees, and the slope is that of D. Of what lies between a
    real and a generated image, the label is the real one's. `judge` is by default `judging`.
    """
    method, h = turn.method, turn.hyperparameters
    entry = method.gradient_penalty
    if entry is None:
        return None
    points_key, dropout_key = jax.random.split(key)
    real, fake = images.real, images.fake
    if method.slope_at_seen:
        real, fake = images.seen_real, images.seen_fake
    labels = images.fake_labels if entry.generated else images.real_labels
    judge = judge or judging(turn, network)

    def value(params: Params) -> jax.Array:
        def critic(points: Images) -> jax.Array:
            if not method.slope_at_seen:
                points = augmented(turn, images.key, points, fake=entry.generated)
            variables = Variables(params[network], turn.networks[network].stats)
            return judge(variables, points, labels, dropout_key)

        every = jnp.asarray(h.gradient_penalty_every, np.float32)
        weight = every * h.gradient_penalty_strength
        return weight * gradient_penalty_value(entry, critic, real, fake, points_key)

    def gradient(params: Params) -> Params:
        due = turn.step % h.gradient_penalty_every == 0
        found: Params = lax.cond(
            due, jax.grad(value), partial(jax.tree.map, jnp.zeros_like), params
        )
        return found

    return gradient


def overfitting(
    turn: Turn, network: str, data: Data, key: jax.Array, judge: Judge | None = None
) -> Callable[[tuple[jax.Array, jax.Array]], jax.Array]:
    """The method's signal of overfitting, of the logits of real and generated images."""
    signal = OVERFITTING_SIGNALS[turn.method.signal]
    judge = judge or judging(turn, network)

    def value(logits: tuple[jax.Array, jax.Array]) -> jax.Array:
        validation_logits = logits[0]
        if signal.needs_validation:
            draw_key, augment_key, dropout_key = jax.random.split(key, 3)
            rows = drawn_rows(draw_key, turn.batch, data.validation)
            images = augmented(turn, augment_key, images_at(rows, data.images), fake=False)
            labels = None if data.labels is None else data.labels[rows]
            validation_logits = judge(turn.networks[network], images, labels, dropout_key)
        return signal.value(*logits, validation_logits)

    return value
