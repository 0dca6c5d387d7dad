"""The projections onto the sets of the constraints, by their names in a spec."""

import jax
import jax.numpy as jnp

from normsweep.export.snippets.jax_parts.algebra import (
    as_matrix,
    largest_singular_value,
    soft_threshold,
    unit_norms,
)
from normsweep.export.snippets.jax_parts.penalties import norm


def l1_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """The nearest weights with Σ|w| ≤ radius (Duchi et al., ICML 2008)."""
    sizes = jnp.sort(jnp.concatenate([jnp.abs(w).reshape(-1) for w in weights]))[::-1]
    excess = (jnp.cumsum(sizes) - radius) / jnp.arange(1, sizes.size + 1, dtype=sizes.dtype)
    return [soft_threshold(w, jnp.maximum(jnp.max(excess), 0.0)) for w in weights]


def l2_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """w · min(1, radius/‖w‖₂), over all weights at once."""
    size = norm(weights, 1.0, 2.0)
    return [w * jnp.minimum(1.0, radius / jnp.where(size > 0, size, 1.0)) for w in weights]


def linf_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """Every weight clipped to [−radius, radius]."""
    return [jnp.clip(w, -radius, radius) for w in weights]


def clip(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """The set of linf_ball, under its name in WGAN (arXiv:1701.07875)."""
    return linf_ball(weights, radius)


def max_norm(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """w_unit · min(1, radius/‖w_unit‖₂) for each output unit."""
    sizes = [jnp.where(unit_norms(w) > 0, unit_norms(w), 1.0) for w in weights]
    return [w * jnp.minimum(1.0, radius / size) for w, size in zip(weights, sizes, strict=True)]


def spectral_ball(weights: list[jax.Array], radius: float) -> list[jax.Array]:
    """W · min(1, radius/σ(W)) for each matrix, σ the largest singular value."""

    def scaled(w: jax.Array) -> jax.Array:
        size = largest_singular_value(as_matrix(w))
        return w * jnp.minimum(1.0, radius / jnp.where(size > 0, size, 1.0))

    return [scaled(w) if w.ndim > 1 else w for w in weights]
