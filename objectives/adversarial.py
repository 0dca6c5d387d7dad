"""The losses of the two players, as functions of the discriminator's logits.

A logit is the discriminator's log-odds that an image is real. Logits may have any shape; a loss is
the mean over all of them, a scalar of their dtype, to be minimised by its player.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp


class AdversarialLoss(NamedTuple):
    """A pair of losses: `generator(fake_logits)` and `discriminator(real_logits, fake_logits)`."""

    generator: Callable[[jax.Array], jax.Array]
    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    summary: str
    source: str


def non_saturating_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns E[-log D(fake)] = E[softplus(-logit)].

    Where the discriminator wins, log(1 - D) of the minimax game is flat and -log D is not.
    """
    return jnp.mean(jax.nn.softplus(-fake_logits))


def non_saturating_discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Returns E[-log D(real)] + E[-log(1 - D(fake))], twice the binary cross-entropy.

    Softplus of the logits instead of the logarithm of a sigmoid: finite for every finite logit.
    """
    return jnp.mean(jax.nn.softplus(-real_logits)) + jnp.mean(jax.nn.softplus(fake_logits))


ADVERSARIAL_LOSSES: Mapping[str, AdversarialLoss] = MappingProxyType(
    {
        "non_saturating": AdversarialLoss(
            non_saturating_generator,
            non_saturating_discriminator,
            "cross-entropy, with -log D(fake) for the generator",
            "Goodfellow et al. 2014, arXiv:1406.2661, sec. 3",
        ),
    }
)
"""Every adversarial loss by its name."""


def adversarial_loss(name: str) -> AdversarialLoss:
    """Returns the loss called `name`; raises `ValueError` with the accepted names."""
    if name not in ADVERSARIAL_LOSSES:
        accepted = ", ".join(ADVERSARIAL_LOSSES)
        raise ValueError(f"unknown adversarial loss {name!r}; accepted: {accepted}")
    return ADVERSARIAL_LOSSES[name]
