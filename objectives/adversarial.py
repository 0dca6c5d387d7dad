"""The losses of the two players, as functions of the discriminator's logits.

A logit is the discriminator's log-odds that an image is real, or a critic's score without that
reading. Logits may have any shape; a loss is the mean over all of them, a scalar of their dtype,
to be minimised by its player.

Label smoothing is one-sided: the label of the real images is 1 − smoothing, that of the generated
ones stays 0 (Salimans et al. 2016, arXiv:1606.03498, sec. 3.4). Only losses with labels know it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import Scalar


class AdversarialLoss(NamedTuple):
    """A pair of losses: `generator(fake_logits)` and `discriminator(real_logits, fake_logits)`.

    Where `labels` is True the discriminator's loss takes `smoothing` as a third argument, a Python
    number or a traced scalar in [0, 1]; at 0, its default, the loss has the bits of one without.
    Where `boundary` is True the discriminator's loss puts the border between real and generated at
    the logit 0, and the sign of a logit says on which side it takes the image to be.
    """

    generator: Callable[[jax.Array], jax.Array]
    discriminator: Callable[..., jax.Array]
    labels: bool
    boundary: bool
    summary: str
    source: str


def minimax_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns E[log(1 - D(fake))] = -E[softplus(logit)].

    The discriminator's own term with its sign turned, and so a zero-sum game.
    """
    return -jnp.mean(jax.nn.softplus(fake_logits))


def non_saturating_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns E[-log D(fake)] = E[softplus(-logit)].

    Where the discriminator wins, log(1 - D) of the minimax game is flat and -log D is not.
    """
    return jnp.mean(jax.nn.softplus(-fake_logits))


def cross_entropy_discriminator(
    real_logits: jax.Array, fake_logits: jax.Array, smoothing: Scalar = 0.0
) -> jax.Array:
    """Returns E[-(1 - s)·log D(real) - s·log(1 - D(real))] + E[-log(1 - D(fake))].

    That is twice the binary cross-entropy, with s for `smoothing`. Softplus of the logits instead
    of the logarithm of a sigmoid: finite for every finite logit.
    """
    # (1 - s)·softplus(-l) + s·softplus(l) = softplus(-l) + s·l, which s = 0 leaves untouched.
    s = jnp.asarray(smoothing, real_logits.dtype)
    real = jax.nn.softplus(-real_logits) + s * real_logits
    return jnp.mean(real) + jnp.mean(jax.nn.softplus(fake_logits))


def least_squares_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns ½·E[(D(fake) - 1)²], where D is the logit itself (b = c = 1 of the paper's eq. 2)."""
    return jnp.mean(jnp.square(fake_logits - 1)) / 2


def least_squares_discriminator(
    real_logits: jax.Array, fake_logits: jax.Array, smoothing: Scalar = 0.0
) -> jax.Array:
    """Returns ½·E[(D(real) - (1 - smoothing))²] + ½·E[D(fake)²], where D is the logit itself."""
    label = 1 - jnp.asarray(smoothing, real_logits.dtype)
    return (jnp.mean(jnp.square(real_logits - label)) + jnp.mean(jnp.square(fake_logits))) / 2


def critic_generator(fake_logits: jax.Array) -> jax.Array:
    """Returns -E[f(fake)] for a critic f."""
    return -jnp.mean(fake_logits)


def wasserstein_discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Returns E[f(fake)] - E[f(real)]: minus the Wasserstein-1 distance for the best 1-Lipschitz f.

    Nothing here keeps f Lipschitz: weight clipping or a gradient penalty does.
    """
    return jnp.mean(fake_logits) - jnp.mean(real_logits)


def hinge_discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Returns E[max(0, 1 - f(real))] + E[max(0, 1 + f(fake))]; its gradient at the kinks is 0."""
    return jnp.mean(jax.nn.relu(1 - real_logits)) + jnp.mean(jax.nn.relu(1 + fake_logits))


ADVERSARIAL_LOSSES: Mapping[str, AdversarialLoss] = MappingProxyType(
    {
        "non_saturating": AdversarialLoss(
            non_saturating_generator,
            cross_entropy_discriminator,
            True,
            True,
            "cross-entropy, with -log D(fake) for the generator",
            "Goodfellow et al. 2014, arXiv:1406.2661, sec. 3",
        ),
        "minimax": AdversarialLoss(
            minimax_generator,
            cross_entropy_discriminator,
            True,
            True,
            "cross-entropy, with log(1 - D(fake)) for the generator",
            "Goodfellow et al. 2014, arXiv:1406.2661, eq. 1",
        ),
        "hinge": AdversarialLoss(
            critic_generator,
            hinge_discriminator,
            False,
            True,
            "max(0, 1 - f(real)) + max(0, 1 + f(fake)), with -f(fake) for the generator",
            "Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, eq. 16-17",
        ),
        "wasserstein": AdversarialLoss(
            critic_generator,
            wasserstein_discriminator,
            False,
            False,
            "f(fake) - f(real), with -f(fake) for the generator",
            "Arjovsky et al. 2017, arXiv:1701.07875, sec. 3",
        ),
        "least_squares": AdversarialLoss(
            least_squares_generator,
            least_squares_discriminator,
            True,
            False,
            "½(D(real) - 1)² + ½D(fake)², with ½(D(fake) - 1)² for the generator",
            "Mao et al. 2017, arXiv:1611.04076, eq. 2 and 9",
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
