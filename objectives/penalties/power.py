"""The power form: strength · Σ|w|^p, the p-th power of the p-norm.

Order 1 is the lasso's term, order 2 is L2 regularisation (twice ½·Σw²); orders in between and
above are the bridge penalties of Frank and Friedman (1993). The sum separates over the weights,
so each one feels a force that depends on itself alone.

The derivative is written by hand: at w = 0 automatic differentiation of |w|^p gives infinity or
NaN for some orders, where 0 is both a subgradient (p ≤ 1) and the derivative (p > 1).
"""

from functools import partial

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.cases import Case, choose, static_case
from normsweep.objectives.penalties.elastic import elastic_net_proximal
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.proximal import by_order, check_order
from normsweep.objectives.penalties.tree import (
    magnitude_power,
    prepare,
    total,
)


def lp_power(params: PyTree, order: Scalar, strength: Scalar = 1.0) -> jax.Array:
    """Returns strength · Σ|w|^order over all entries of all leaves, a scalar of the leaves' dtype.

    `order` > 0 and `strength` are Python numbers or scalars that may be traced; a traced order
    is not checked. Differentiable (in reverse mode) in all three arguments, and exactly 0, with
    gradient 0, at strength 0. Infinite where the sum exceeds the dtype's range (1e30 squared, in
    float32), NaN if any weight is NaN. Raises `ValueError` for a Python order that is not above 0
    and for arguments that are not scalars, `TypeError` for leaves that are not floating point.

    References:
      Frank and Friedman, "A Statistical View of Some Chemometrics Regression Tools",
      Technometrics 35(2), 1993.
    """
    return _value(static_case(order), *prepare(params, strength=strength, order=order))


def lp_power_gradient(
    params: PyTree, order: Scalar, strength: Scalar = 1.0, *, general: bool = False
) -> PyTree:
    """Returns ∂/∂w of `lp_power`: strength · p·|w|^(p-1)·sign(w), a tree like `params`.

    Exactly 0 wherever w is 0, for every order above 0. Infinite only where the true value exceeds
    the dtype's range, NaN where the weight is NaN. Arguments and errors are those of `lp_power`.
    With `general` a traced order takes the formula for any order without looking for 1 and 2,
    which have cheaper ones: no branch is compiled, and the result fuses with what uses it.
    """
    return _gradient(
        static_case(order, general=general), *prepare(params, strength=strength, order=order)
    )


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _value(case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array) -> jax.Array:
    def off(tree: PyTree) -> jax.Array:
        del tree
        return jnp.zeros_like(strength)

    def first(tree: PyTree) -> jax.Array:
        return strength * total(jnp.abs, tree, strength)

    def second(tree: PyTree) -> jax.Array:
        return strength * total(jnp.square, tree, strength)

    def general(tree: PyTree) -> jax.Array:
        return strength * total(lambda w: magnitude_power(jnp.abs(w), order), tree, strength)

    branches = {Case.OFF: off, Case.FIRST: first, Case.SECOND: second, Case.GENERAL: general}
    return choose(case, strength, order, branches, params)


def _gradient(case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array) -> PyTree:
    def off(w: jax.Array) -> jax.Array:
        return jnp.zeros_like(w)

    def first(w: jax.Array) -> jax.Array:
        return strength.astype(w.dtype) * jnp.sign(w)

    def second(w: jax.Array) -> jax.Array:
        return (2 * strength).astype(w.dtype) * w

    def general(w: jax.Array) -> jax.Array:
        slope = (strength * order).astype(w.dtype) * jnp.sign(w)
        return slope * magnitude_power(jnp.abs(w), order - 1)

    formulas = {Case.OFF: off, Case.FIRST: first, Case.SECOND: second, Case.GENERAL: general}
    branches = {each: partial(jax.tree.map, formula) for each, formula in formulas.items()}
    return choose(case, strength, order, branches, params)


def _order_derivative(params: PyTree, order: jax.Array) -> jax.Array:
    """Returns ∂/∂p Σ|w|^p = Σ|w|^p·log|w|, where an entry of 0 counts as 0, its limit."""

    def term(w: jax.Array) -> jax.Array:
        magnitude = jnp.abs(w)
        logarithm = jnp.log(jnp.where(magnitude == 0, jnp.ones_like(magnitude), magnitude))
        return magnitude_power(magnitude, order) * logarithm

    return total(term, params, order)


_Residuals = tuple[PyTree, jax.Array, jax.Array]


def _forward(
    case: Case | None, params: PyTree, strength: jax.Array, order: jax.Array
) -> tuple[jax.Array, _Residuals]:
    return _value(case, params, strength, order), (params, strength, order)


def _backward(
    case: Case | None, residuals: _Residuals, cotangent: jax.Array
) -> tuple[PyTree, jax.Array, jax.Array]:
    # Compiled programs drop the derivatives that nobody asked for.
    params, strength, order = residuals
    scale = cotangent * strength
    unit = jnp.ones_like(strength)
    return (
        _gradient(case, params, scale, order),
        cotangent * _value(case, params, unit, order),
        scale * _order_derivative(params, order),
    )


_value.defvjp(_forward, _backward)


def lp_power_proximal(params: PyTree, step: Scalar, order: Scalar, strength: Scalar) -> PyTree:
    """Returns the proximal step of strength · Σ|w|^order for order 1 or 2, a tree like `params`.

    Raises `ValueError` for any other Python order; a traced one gives NaN. Other errors are those
    of `elastic_net_proximal`.
    """
    check_order(order)
    tree, rate, exponent, scale = prepare(params, step=step, order=order, strength=strength)
    zero = jnp.zeros_like(scale)
    l1 = by_order(exponent, scale, zero)
    l2 = by_order(exponent, zero, scale)
    return elastic_net_proximal(tree, rate, l1, l2)


POWER = Penalty(
    lp_power,
    lp_power_gradient,
    ("strength", "order"),
    "strength · Σ|w|^order",
    "Frank and Friedman, Technometrics 35(2), 1993",
    lp_power_proximal,
)
