"""The penalties, by their names in a spec."""

import jax
import jax.numpy as jnp

from normsweep.export.snippets.jax_parts.algebra import (
    added,
    largest_singular_value,
    magnitude_power,
    matrices_of,
    unit_norms,
)


def power(weights: list[jax.Array], strength: float, order: float) -> jax.Array:
    """strength · Σ|w|^order."""
    return strength * added(jnp.sum(magnitude_power(w, order)) for w in weights)


def elastic(weights: list[jax.Array], l1: float, l2: float) -> jax.Array:
    """l1 · Σ|w| + l2 · Σw²."""
    return power(weights, l1, 1.0) + power(weights, l2, 2.0)


def norm(weights: list[jax.Array], strength: float, order: float) -> jax.Array:
    """strength · (Σ|w|^order)^(1/order), over all weights at once."""
    # Scaled by the largest, so that no power leaves the range of float32.
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(w)) for w in weights]))
    largest = jax.lax.stop_gradient(jnp.where(largest > 0, largest, 1.0))
    total = power([w / largest for w in weights], 1.0, order)
    return strength * largest * magnitude_power(total, 1 / order)


def group(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σ‖w_unit‖₂ over output units."""
    return strength * added(jnp.sum(unit_norms(w)) for w in weights)


def orthogonal(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σ‖WᵀW ⊙ (1 − I)‖²_F over matrices."""
    matrices = matrices_of(weights)
    products = [matrix.T @ matrix * (1 - jnp.eye(matrix.shape[1])) for matrix in matrices]
    return strength * added(jnp.sum(product**2) for product in products)


def spectral(weights: list[jax.Array], strength: float) -> jax.Array:
    """strength · Σσ(W)² over matrices, σ the largest singular value."""
    return strength * added(largest_singular_value(m) ** 2 for m in matrices_of(weights))
