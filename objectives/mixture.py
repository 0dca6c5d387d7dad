"""Mixtures of normal laws, fitted to points by expectation and maximisation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RIDGE = 1e-4
"""Added to every covariance, times the mean variance of the points: a component of few points has
a singular one, which in float32 has no Cholesky factor."""


class Mixture(NamedTuple):
    """`weights` [k], `means` [k, d] and the lower Cholesky factors of covariances [k, d, d]."""

    weights: jax.Array
    means: jax.Array
    factors: jax.Array


def fitted_mixture(key: jax.Array, points: jax.Array, components: int, steps: int) -> Mixture:
    """A mixture of so many normal laws after `steps` of EM on points [n, d] float32.

    It begins with means at points that `key` draws, each but the first with a probability that
    grows with the squared distance to the nearest mean before it (k-means++), the covariance of
    all points, and equal weights. One component is the normal law with the mean and the covariance
    (over n) of the points, whatever `steps`. Of n < `components` points, means coincide.

    References: Dempster et al. 1977, J. R. Stat. Soc. B 39; Bishop, Pattern Recognition and Machine
    Learning, 2006, eq. 9.23 to 9.26; Arthur and Vassilvitskii, SODA 2007.
    """
    points = jnp.asarray(points)
    whole = _maximised(points, jnp.ones((len(points), 1), np.float32))
    if components == 1:
        return whole
    begun = Mixture(
        jnp.full((components,), 1 / components, np.float32),
        _spread(key, points, components),
        jnp.repeat(whole.factors, components, axis=0),
    )

    def step(_: jax.Array, mixture: Mixture) -> Mixture:
        return _maximised(points, jax.nn.softmax(_joint(mixture, points), axis=1))

    found: Mixture = lax.fori_loop(0, steps, step, begun)
    return found


def mixture_log_density(mixture: Mixture, points: jax.Array) -> jax.Array:
    """Returns log p of points [n, d] under a mixture, [n] float32."""
    return jax.nn.logsumexp(_joint(mixture, points), axis=1)


def drawn_from(mixture: Mixture, key: jax.Array, count: int) -> jax.Array:
    """`count` points [count, d] float32 of a mixture."""
    component_key, noise_key = jax.random.split(key)
    logits = jnp.log(jnp.maximum(mixture.weights, np.float32(np.finfo(np.float32).tiny)))
    component = jax.random.categorical(component_key, logits, shape=(count,))
    noise = jax.random.normal(noise_key, (count, mixture.means.shape[1]), np.float32)
    return mixture.means[component] + jnp.einsum("nij,nj->ni", mixture.factors[component], noise)


def _spread(key: jax.Array, points: jax.Array, components: int) -> jax.Array:
    """So many of the points, far from each other as a rule."""
    keys = jax.random.split(key, components)
    first = points[jax.random.randint(keys[0], (), 0, len(points))]
    means = jnp.broadcast_to(first, (components, points.shape[1]))

    def add(index: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        means, nearest = carry
        # Where all distances are 0, any point is as good.
        logits = jnp.log(nearest + np.float32(np.finfo(np.float32).tiny))
        new = points[jax.random.categorical(keys[index], logits)]
        return means.at[index].set(new), jnp.minimum(nearest, _squared(points, new))

    found: jax.Array = lax.fori_loop(1, components, add, (means, _squared(points, first)))[0]
    return found


def _squared(points: jax.Array, mean: jax.Array) -> jax.Array:
    apart: jax.Array = jnp.sum((points - mean[None]) ** 2, axis=1)
    return apart


def _maximised(points: jax.Array, shares: jax.Array) -> Mixture:
    """The mixture of the points' shares [n, k] in components."""
    dimension = points.shape[1]
    sizes = jnp.sum(shares, axis=0) + np.float32(10 * np.finfo(np.float32).eps)
    means = shares.T @ points / sizes[:, None]
    centred = points[None] - means[:, None]
    scattered = jnp.einsum("kni,knj->kij", shares.T[:, :, None] * centred, centred)
    covariances = scattered / sizes[:, None, None]
    spread = jnp.mean(jnp.var(points, axis=0))
    ridge = RIDGE * spread + np.float32(np.finfo(np.float32).tiny)
    eye = jnp.eye(dimension, dtype=np.float32)
    # One by one: a batch of them waits for ever in a program of two CPU devices (jaxlib 0.10).
    factors = lax.map(jnp.linalg.cholesky, covariances + ridge * eye[None])
    return Mixture(sizes / jnp.sum(sizes), means, factors)


def _joint(mixture: Mixture, points: jax.Array) -> jax.Array:
    """log(weight · density) of each point in each component, [n, k]."""
    centred = points[None] - mixture.means[:, None]
    away = jnp.einsum("kni,kji->knj", centred, _inverted(mixture.factors))
    size = jnp.sum(jnp.log(jnp.diagonal(mixture.factors, axis1=1, axis2=2)), axis=1)
    constant = np.float32(0.5 * np.log(2 * np.pi) * points.shape[1])
    density = -0.5 * jnp.sum(away**2, axis=2) - size[:, None] - constant
    return density.T + jnp.log(mixture.weights)[None]


def _inverted(factors: jax.Array) -> jax.Array:
    """The inverses of lower triangular matrices [k, d, d], row by row.

    XLA's triangular solve of a batch waits for ever in a program of two CPU devices (jaxlib 0.10).
    """
    eye = jnp.eye(factors.shape[1], dtype=np.float32)

    def row(index: jax.Array, found: jax.Array) -> jax.Array:
        # Rows that are not found yet are 0.
        own = factors[:, index]
        rest = eye[index][None] - jnp.einsum("ki,kij->kj", own, found)
        return found.at[:, index].set(rest / own[:, index][:, None])

    inverses: jax.Array = lax.fori_loop(0, factors.shape[1], row, jnp.zeros_like(factors))
    return inverses
