"""What the proximal operators of the penalties are made of: argmin_v ½‖v − w‖² + step · penalty(v).

A proximal step gives exact zeros, where a step along the gradient only swings around them. `step`
is the learning rate. Both it and the coefficients are Python numbers or scalars that may be traced,
not below 0; with a step or a strength of 0 each operator is the identity, to the bit.

References:
  Parikh and Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1(3), 2014,
  sec. 6.5.
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import Scalar


def soft_threshold(w: jax.Array, threshold: jax.Array) -> jax.Array:
    """Returns sign(w)·max(|w| − threshold, 0), entry by entry; the threshold is a scalar."""
    excess = jnp.abs(w) - threshold.astype(w.dtype)
    return jnp.sign(w) * jnp.maximum(excess, jnp.zeros_like(excess))


def shrink(w: jax.Array, norm: jax.Array, threshold: jax.Array) -> jax.Array:
    """Returns w · max(0, 1 − threshold/norm), and 0 where the norm is 0."""
    safe = jnp.where(norm == 0, jnp.ones_like(norm), norm).astype(w.dtype)
    factor = 1 - threshold.astype(w.dtype) / safe
    return w * jnp.maximum(factor, jnp.zeros_like(factor))


def check_order(order: Scalar) -> None:
    """Raises `ValueError` for a Python order other than 1 and 2."""
    if isinstance(order, (int, float)) and order not in (1, 2):
        raise ValueError(f"a proximal step exists for the orders 1 and 2, got {order!r}")


def by_order(order: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
    """Returns the one for order 1 or the other for order 2, and NaN for any other."""
    nothing = jnp.full_like(first, jnp.nan)
    return jnp.where(order == 1, first, jnp.where(order == 2, second, nothing))
