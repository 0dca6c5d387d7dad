"""What several formulas need: powers, sums, units, matrices and thresholds."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp


def magnitude_power(w: jax.Array, order: float) -> jax.Array:
    """|w|^order; the derivative is 0 where w is 0."""
    nonzero = w != 0
    return jnp.where(nonzero, jnp.abs(jnp.where(nonzero, w, 1.0)) ** order, 0.0)


def added(terms: Iterable[jax.Array]) -> jax.Array:
    """The sum of scalars."""
    return jnp.sum(jnp.stack(list(terms)))


def l2_norm(w: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """√Σw² over some axes, which are kept; the derivative is 0 at 0."""
    squares = jnp.sum(w * w, axis=axes, keepdims=True)
    return magnitude_power(squares, 0.5)


def unit_norms(w: jax.Array) -> jax.Array:
    """The norm of the weights into each output unit, the last axis; of a vector, each entry's."""
    return l2_norm(w, tuple(range(w.ndim - 1)) if w.ndim > 1 else ())


def as_matrix(w: jax.Array) -> jax.Array:
    """[incoming weights, output units]."""
    return w.reshape(-1, w.shape[-1])


def matrices_of(weights: list[jax.Array]) -> list[jax.Array]:
    """The weights of two axes or more, each as [incoming weights, output units]."""
    return [as_matrix(w) for w in weights if w.ndim > 1]


def largest_singular_value(matrix: jax.Array) -> jax.Array:
    """σ of a matrix, by an SVD."""
    largest: jax.Array = jnp.linalg.norm(matrix, 2)
    return largest


def soft_threshold(w: jax.Array, threshold: Any) -> jax.Array:
    """sign(w) · max(|w| − threshold, 0)."""
    return jnp.sign(w) * jnp.maximum(jnp.abs(w) - threshold, 0.0)


def shrink(w: jax.Array, size: jax.Array, threshold: Any) -> jax.Array:
    """w · max(0, 1 − threshold/size)."""
    return w * jnp.maximum(1 - threshold / jnp.where(size > 0, size, 1.0), 0.0)
