"""Proximal operators of the penalties: argmin_v ½‖v − w‖² + step · penalty(v), in closed form.

A proximal step gives exact zeros, where a step along the gradient only swings around them. `step`
is the learning rate. Both it and the coefficients are Python numbers or scalars that may be traced,
not below 0; with a step or a strength of 0 each is the identity, to the bit.

References:
  Parikh and Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1(3), 2014,
  sec. 6.5.
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.norm import lp_norm
from normsweep.objectives.penalties.tree import prepare
from normsweep.objectives.penalties.units import unit_norms


def elastic_net_proximal(params: PyTree, step: Scalar, l1: Scalar, l2: Scalar) -> PyTree:
    """Returns sign(w)·max(|w| − step·l1, 0) / (1 + 2·step·l2), a tree like `params`.

    Raises `ValueError` for arguments that are not scalars, `TypeError` for leaves that are not
    floating point.
    """
    tree, rate, first, second = prepare(params, step=step, l1=l1, l2=l2)

    def formula(w: jax.Array) -> jax.Array:
        divisor: jax.Array = 1 + 2 * rate * second
        return soft_threshold(w, rate * first) / divisor.astype(w.dtype)

    return jax.tree.map(formula, tree)


def lp_power_proximal(params: PyTree, step: Scalar, order: Scalar, strength: Scalar) -> PyTree:
    """Returns the proximal step of strength · Σ|w|^order for order 1 or 2, a tree like `params`.

    Raises `ValueError` for any other Python order; a traced one gives NaN. Other errors are those
    of `elastic_net_proximal`.
    """
    _check(order)
    tree, rate, exponent, scale = prepare(params, step=step, order=order, strength=strength)
    zero = jnp.zeros_like(scale)
    l1 = _by_order(exponent, scale, zero)
    l2 = _by_order(exponent, zero, scale)
    return elastic_net_proximal(tree, rate, l1, l2)


def lp_norm_proximal(params: PyTree, step: Scalar, order: Scalar, strength: Scalar) -> PyTree:
    """Returns the proximal step of strength · ‖w‖_order for order 1 or 2, a tree like `params`.

    Order 1 is the soft threshold; order 2 is w · max(0, 1 − step·strength/‖w‖₂), with the norm
    over all leaves. Raises `ValueError` for any other Python order; a traced one gives NaN. Other
    errors are those of `elastic_net_proximal`.
    """
    _check(order)
    tree, rate, exponent, scale = prepare(params, step=step, order=order, strength=strength)
    norm = lp_norm(tree, 2.0)

    def formula(w: jax.Array) -> jax.Array:
        first = soft_threshold(w, rate * scale)
        return _by_order(exponent, first, _shrink(w, norm, rate * scale))

    return jax.tree.map(formula, tree)


def group_norm_proximal(params: PyTree, step: Scalar, strength: Scalar) -> PyTree:
    """Returns w · max(0, 1 − step·strength/‖w_unit‖₂) unit by unit, a tree like `params`.

    Errors are those of `elastic_net_proximal`.
    """
    tree, rate, scale = prepare(params, step=step, strength=strength)
    return jax.tree.map(lambda w: _shrink(w, unit_norms(w), rate * scale), tree)


def soft_threshold(w: jax.Array, threshold: jax.Array) -> jax.Array:
    """Returns sign(w)·max(|w| − threshold, 0), entry by entry; the threshold is a scalar."""
    excess = jnp.abs(w) - threshold.astype(w.dtype)
    return jnp.sign(w) * jnp.maximum(excess, jnp.zeros_like(excess))


def _shrink(w: jax.Array, norm: jax.Array, threshold: jax.Array) -> jax.Array:
    safe = jnp.where(norm == 0, jnp.ones_like(norm), norm).astype(w.dtype)
    factor = 1 - threshold.astype(w.dtype) / safe
    return w * jnp.maximum(factor, jnp.zeros_like(factor))


def _check(order: Scalar) -> None:
    if isinstance(order, (int, float)) and order not in (1, 2):
        raise ValueError(f"a proximal step exists for the orders 1 and 2, got {order!r}")


def _by_order(order: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
    nothing = jnp.full_like(first, jnp.nan)
    return jnp.where(order == 1, first, jnp.where(order == 2, second, nothing))
