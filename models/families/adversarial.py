"""What families with a network that tells real images from generated ones have in common."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from normsweep.models.data import Data, drawn
from normsweep.models.families.contract import Params, Turn
from normsweep.models.networks.contract import Variables
from normsweep.objectives.adaptive import OVERFITTING_SIGNALS
from normsweep.objectives.augmentation import augment
from normsweep.objectives.gradient_penalties import gradient_penalty_value

Images = jax.Array


class Batches(NamedTuple):
    """Real and generated images for a network to tell apart, and what it gets to see of them.

    That is what the method's augmentation, drawn by `key`, makes of them.
    """

    real: Images
    fake: Images
    seen_real: Images
    seen_fake: Images
    key: jax.Array


def batches(turn: Turn, key: jax.Array, real: Images, fake: Images) -> Batches:
    """Real and generated images with what a network that judges them gets to see."""
    seen_real = augmented(turn, key, real, fake=False)
    return Batches(real, fake, seen_real, augmented(turn, key, fake, fake=True), key)


def augmented(turn: Turn, key: jax.Array, images: Images, *, fake: bool) -> Images:
    """Images as a network that judges them gets to see them; one key for real and fake ones."""
    method = turn.method
    if not method.augmentation or (fake and not method.augment_fakes):
        return images
    strength = turn.hyperparameters.augment_strength
    return augment(method.augmentation, jax.random.fold_in(key, int(fake)), images, strength)


def gradient_penalty(
    turn: Turn, network: str, images: Batches, key: jax.Array
) -> Callable[[Params], Params] | None:
    """The gradient of strength · every · penalty of the one that judges; in every so many steps.

    0 in the others, and None where the method has no gradient penalty. Lazy regularisation: the
    rarer, the stronger (Karras et al. 2020, arXiv:1912.04958, sec. 3.1).

    Points lie among the images as they are, and the slope is that of D(T(x)), T the augmentation;
    with `slope_at_seen` among those that D sees, and the slope is that of D.
    """
    method, h = turn.method, turn.hyperparameters
    entry = method.gradient_penalty
    if entry is None:
        return None
    points_key, dropout_key = jax.random.split(key)
    real, fake = images.real, images.fake
    if method.slope_at_seen:
        real, fake = images.seen_real, images.seen_fake

    def value(params: Params) -> jax.Array:
        def critic(points: Images) -> jax.Array:
            if not method.slope_at_seen:
                points = augmented(turn, images.key, points, fake=entry.generated)
            variables = Variables(params[network], turn.networks[network].stats)
            return turn.apply(network, variables, points, dropout_key)[0]

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
    turn: Turn, network: str, data: Data, key: jax.Array
) -> Callable[[tuple[jax.Array, jax.Array]], jax.Array]:
    """The method's signal of overfitting, of the logits of real and generated images."""
    signal = OVERFITTING_SIGNALS[turn.method.signal]

    def value(logits: tuple[jax.Array, jax.Array]) -> jax.Array:
        validation_logits = logits[0]
        if signal.needs_validation:
            draw_key, augment_key, dropout_key = jax.random.split(key, 3)
            images = drawn(draw_key, turn.batch, data.images, data.validation)
            images = augmented(turn, augment_key, images, fake=False)
            variables = turn.networks[network]
            validation_logits, _ = turn.apply(network, variables, images, dropout_key)
        return signal.value(*logits, validation_logits)

    return value
