"""Penalties on the discriminator's gradient with respect to its images.

Each is the mean over a batch of a term of ‖∇ₓ D(x)‖², at points x of its own choice; D is the
logit. They differ in those two alone, and a table holds both. The strength is the caller's.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp

Critic = Callable[[jax.Array], jax.Array]
"""A discriminator with its weights: images [n, …] → logits [n], image by image."""


class GradientPenalty(NamedTuple):
    """One gradient penalty: E[term(‖∇D(x)‖²)] over x = points(key, real, fake).

    `points` takes a typed key and two batches [n, …] and returns one; `term` takes the squared
    norms [n] of the gradients there and returns [n]. `generated` is True where the points are
    generated images and no mixture: they are augmented as these are.
    """

    points: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
    term: Callable[[jax.Array], jax.Array]
    summary: str
    source: str
    generated: bool = False


def gradient_penalty_value(
    entry: GradientPenalty, critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array
) -> jax.Array:
    """Returns the mean of entry.term(‖∇ₓ critic(x)‖²) over x = entry.points(key, real, fake).

    `real` and `fake` are floating point [n, …] of one shape, `key` a typed JAX key; the scalar has
    their dtype and no strength in it. Differentiable in the critic's weights, also where the
    gradient vanishes. `critic` must judge each image by itself: the gradients of all images come
    from one backward pass over the sum of the logits.
    """
    return jnp.mean(entry.term(squared_norms(critic, entry.points(key, real, fake))))


def squared_norms(critic: Critic, images: jax.Array) -> jax.Array:
    """Returns ‖∇ₓ critic(x)‖² [n] for every image of a batch [n, …], summed over all its axes."""

    def total(batch: jax.Array) -> jax.Array:
        return jnp.sum(critic(batch))

    gradient: jax.Array = jax.grad(total)(images)
    return jnp.sum(jnp.square(gradient), axis=tuple(range(1, images.ndim)))


def at_real(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns the real images."""
    del key, fake
    return real


def at_fake(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns the generated images."""
    del key, real
    return fake


def between(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns ε·real + (1 − ε)·fake, ε uniform on [0, 1), one for each pair of images."""
    share = _share(key, real)
    return share * real + (1 - share) * fake


def around_real(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns real + α·½·std(real)·u: u uniform on [0, 1) for each pixel, α for each image.

    The standard deviation is over the whole batch. Scale and one-sided noise are those of the
    authors' own program (github.com/kodalinaveen3/DRAGAN, `get_perturbed_batch`); the paper's
    algorithm leaves the distribution of the noise open.
    """
    del fake
    noise_key, share_key = jax.random.split(key)
    # Flat: the same bits, and of four axes it takes XLA five times as long to compile.
    noise = jax.random.uniform(noise_key, (real.size,), real.dtype).reshape(real.shape)
    return real + _share(share_key, real) * (jnp.std(real) / 2) * noise


def _share(key: jax.Array, images: jax.Array) -> jax.Array:
    shape = (images.shape[0],) + (1,) * (images.ndim - 1)
    return jax.random.uniform(key, shape, images.dtype)


def one_centred(squares: jax.Array) -> jax.Array:
    """Returns (‖∇‖ − 1)² of ‖∇‖²; its gradient is 0 where ‖∇‖ is, the kink of the norm."""
    # The root of a stand-in at 0: an unused branch of `where` with an infinite slope gives NaN.
    flat = squares == 0
    root = jnp.sqrt(jnp.where(flat, jnp.ones_like(squares), squares))
    return jnp.square(jnp.where(flat, jnp.zeros_like(root), root) - 1)


def half_square(squares: jax.Array) -> jax.Array:
    """Returns ½‖∇‖² of ‖∇‖²."""
    return squares / 2


def square(squares: jax.Array) -> jax.Array:
    """Returns ‖∇‖² as it is."""
    return squares


GRADIENT_PENALTIES: Mapping[str, GradientPenalty] = MappingProxyType(
    {
        "wgan_gp": GradientPenalty(
            between,
            one_centred,
            "(‖∇D‖ − 1)² between real and generated images",
            "Gulrajani et al. 2017, arXiv:1704.00028, eq. 3",
        ),
        "r1": GradientPenalty(
            at_real,
            half_square,
            "½‖∇D‖² at real images",
            "Mescheder et al. 2018, arXiv:1801.04406, eq. 9",
        ),
        "r2": GradientPenalty(
            at_fake,
            half_square,
            "½‖∇D‖² at generated images",
            "Mescheder et al. 2018, arXiv:1801.04406, eq. 10",
            generated=True,
        ),
        "dragan": GradientPenalty(
            around_real,
            one_centred,
            "(‖∇D‖ − 1)² around real images",
            "Kodali et al. 2017, arXiv:1705.07215, algorithm 1",
        ),
        "zero_centred": GradientPenalty(
            between,
            square,
            "‖∇D‖² between real and generated images",
            "Thanh-Tung et al. 2019, arXiv:1902.03984",
        ),
    }
)
"""Every gradient penalty by its name."""


def gradient_penalty(name: str) -> GradientPenalty:
    """Returns the gradient penalty called `name`; raises `ValueError` with the accepted names."""
    if name not in GRADIENT_PENALTIES:
        accepted = ", ".join(GRADIENT_PENALTIES)
        raise ValueError(f"unknown gradient penalty {name!r}; accepted: {accepted}")
    return GRADIENT_PENALTIES[name]
