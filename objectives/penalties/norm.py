"""The norm form: strength · ‖w‖_p = strength · (Σ|w|^p)^(1/p), over all leaves jointly.

Unlike the power form it is homogeneous of degree 1, so one strength means much the same at every
order and scale of the weights. Its gradient couples all weights, and has length 1 in the dual norm.

Magnitudes are divided by the largest one before the power is taken. Then the sum lies between
about 1 and the number of weights, and neither |w|^8 of small weights nor that of large ones
leaves the range of float32.

The derivative is written by hand: the root has none at the all-zero tree, where 0 is a subgradient
and what we return.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.cases import Case, choose, static_case
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.proximal import by_order, check_order, shrink, soft_threshold
from normsweep.objectives.penalties.tree import (
    largest_magnitude,
    magnitude_power,
    prepare,
    total,
)


class _Scaled(NamedTuple):
    """A norm in two factors, ‖w‖_p = largest · sum^(1/p), where sum = Σ(|w|/largest)^p."""

    largest: jax.Array
    sum: jax.Array


def lp_norm(params: PyTree, order: Scalar, strength: Scalar = 1.0) -> jax.Array:
    """Returns strength · (Σ|w|^order)^(1/order), a scalar of the leaves' dtype.

    `order` > 0 and `strength` are Python numbers or scalars that may be traced; a traced order
    is not checked. Below order 1 it is a quasi-norm. Differentiable (in reverse mode) in all three
    arguments, and exactly 0, with gradient 0, at strength 0. Infinite only where the norm itself
    exceeds the dtype's range, NaN if any weight is NaN. Raises `ValueError` for a Python order
    that is not above 0 and for arguments that are not scalars, `TypeError` for leaves that are
    not floating point.

    References:
      Golub and Van Loan, "Matrix Computations", 4th ed., 2013, sec. 2.2.1; the scaling is that of
      `dnrm2` in the BLAS, here for any order.
    """
    return _value(static_case(order), *prepare(params, strength=strength, order=order))


def lp_norm_gradient(params: PyTree, order: Scalar, strength: Scalar = 1.0) -> PyTree:
    """Returns ∂/∂w of `lp_norm`: strength · (|w|/‖w‖_p)^(p-1)·sign(w), a tree like `params`.

    Exactly 0 wherever w is 0 and at the all-zero tree. Finite for all finite weights at orders of
    1 and above. NaN everywhere if any weight is NaN, since every entry depends on the norm (at
    order 1 it does not, and only that entry is NaN). Arguments and errors are those of `lp_norm`.
    """
    case = static_case(order)
    tree, scale, exponent = prepare(params, strength=strength, order=order)
    return _gradient(case, tree, scale, exponent, _scaled(case, tree, scale, exponent))


def _scaled(case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array) -> _Scaled:
    one = jnp.ones_like(strength)

    def off(tree: PyTree) -> _Scaled:
        del tree
        return _Scaled(one, jnp.zeros_like(one))

    def first(tree: PyTree) -> _Scaled:
        return _Scaled(one, total(jnp.abs, tree, one))

    def by_largest(power: Callable[[jax.Array], jax.Array], tree: PyTree) -> _Scaled:
        largest = largest_magnitude(tree, one)
        largest = jnp.where((largest > 0) & jnp.isfinite(largest), largest, one)
        # Compilers divide by multiplying with the reciprocal, and flush one below the normal range.
        limits = jnp.finfo(largest.dtype)  # type: ignore[no-untyped-call]
        largest = jnp.minimum(largest, limits.max / 4)
        return _Scaled(largest, total(lambda w: power(_ratio(w, largest)), tree, one))

    def general(ratio: jax.Array) -> jax.Array:
        return magnitude_power(ratio, order)

    branches: dict[Case, Callable[[PyTree], _Scaled]] = {
        Case.OFF: off,
        Case.FIRST: first,
        Case.SECOND: partial(by_largest, jnp.square),
        Case.GENERAL: partial(by_largest, general),
    }
    return choose(case, strength, order, branches, params)


def _ratio(w: jax.Array, largest: jax.Array) -> jax.Array:
    return jnp.abs(w) / largest.astype(w.dtype)


def _root(scaled: _Scaled, order: jax.Array) -> jax.Array:
    """Returns sum^(1/p), exact for the two orders that have an exact root."""
    return jnp.select(
        [order == 1, order == 2],
        [scaled.sum, jnp.sqrt(scaled.sum)],
        magnitude_power(scaled.sum, 1 / order),
    )


def _gradient(
    case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array, scaled: _Scaled
) -> PyTree:
    root = jnp.where(scaled.sum == 0, jnp.ones_like(scaled.sum), _root(scaled, order))

    def off(w: jax.Array) -> jax.Array:
        return jnp.zeros_like(w)

    def first(w: jax.Array) -> jax.Array:
        return strength.astype(w.dtype) * jnp.sign(w)

    # Divided twice, not by the product: the norm may overflow where its two factors do not.
    def second(w: jax.Array) -> jax.Array:
        return (strength / root).astype(w.dtype) * (w / scaled.largest.astype(w.dtype))

    def general(w: jax.Array) -> jax.Array:
        ratio = _ratio(w, scaled.largest) / root.astype(w.dtype)
        slope = strength.astype(w.dtype) * jnp.sign(w)
        return slope * magnitude_power(ratio, order - 1)

    formulas = {Case.OFF: off, Case.FIRST: first, Case.SECOND: second, Case.GENERAL: general}
    branches = {each: partial(jax.tree.map, formula) for each, formula in formulas.items()}
    return choose(case, strength, order, branches, params)


def _order_derivative(params: PyTree, order: jax.Array) -> jax.Array:
    """Returns ∂‖w‖_p/∂p = ‖w‖_p · (Σ r^p·log r / (p·Σ r^p) - log(Σ r^p)/p²), r = |w|/max|w|."""
    scaled = _scaled(Case.GENERAL, params, jnp.ones_like(order), order)

    def term(w: jax.Array) -> jax.Array:
        ratio = _ratio(w, scaled.largest)
        logarithm = jnp.log(jnp.where(ratio == 0, jnp.ones_like(ratio), ratio))
        return magnitude_power(ratio, order) * logarithm

    safe_sum = jnp.where(scaled.sum == 0, jnp.ones_like(scaled.sum), scaled.sum)
    weighted_logarithm = total(term, params, order) / safe_sum
    relative = (weighted_logarithm - jnp.log(safe_sum) / order) / order
    return scaled.largest * _root(scaled, order) * relative


_Residuals = tuple[PyTree, jax.Array, jax.Array, _Scaled]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _value(case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array) -> jax.Array:
    return _forward(case, params, strength, order)[0]


def _forward(
    case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array
) -> tuple[jax.Array, _Residuals]:
    scaled = _scaled(case, params, strength, order)
    value = strength * scaled.largest * _root(scaled, order)
    return value, (params, strength, order, scaled)


def _backward(
    case: Case | None, residuals: _Residuals, cotangent: jax.Array
) -> tuple[PyTree, jax.Array, jax.Array]:
    # Compiled programs drop the derivatives that nobody asked for.
    params, strength, order, scaled = residuals
    scale = cotangent * strength
    unit = jnp.ones_like(strength)
    return (
        _gradient(case, params, scale, order, scaled),
        cotangent * _value(case, params, unit, order),
        scale * _order_derivative(params, order),
    )


_value.defvjp(_forward, _backward)


def lp_norm_proximal(params: PyTree, step: Scalar, order: Scalar, strength: Scalar) -> PyTree:
    """Returns the proximal step of strength · ‖w‖_order for order 1 or 2, a tree like `params`.

    Order 1 is the soft threshold; order 2 is w · max(0, 1 − step·strength/‖w‖₂), with the norm
    over all leaves. Raises `ValueError` for any other Python order; a traced one gives NaN. Other
    errors are those of `elastic_net_proximal`.
    """
    check_order(order)
    tree, rate, exponent, scale = prepare(params, step=step, order=order, strength=strength)
    norm = lp_norm(tree, 2.0)

    def formula(w: jax.Array) -> jax.Array:
        first = soft_threshold(w, rate * scale)
        return by_order(exponent, first, shrink(w, norm, rate * scale))

    return jax.tree.map(formula, tree)


NORM = Penalty(
    lp_norm,
    lp_norm_gradient,
    ("strength", "order"),
    "strength · (Σ|w|^order)^(1/order)",
    "Golub and Van Loan, Matrix Computations, 2013, sec. 2.2.1",
    lp_norm_proximal,
)
