"""The elastic net: l1·Σ|w| + l2·Σw², a lasso and a ridge term with a strength each.

References:
  Zou and Hastie, "Regularization and Variable Selection via the Elastic Net", Journal of the
  Royal Statistical Society B 67(2), 2005, eq. 3.
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.proximal import soft_threshold
from normsweep.objectives.penalties.tree import prepare, total, unless_off


def elastic_net(params: PyTree, l1: Scalar, l2: Scalar) -> jax.Array:
    """Returns l1·Σ|w| + l2·Σw² over all entries of all leaves, a scalar of the leaves' dtype.

    `l1` and `l2` are Python numbers or scalars that may be traced. Differentiable (in reverse
    mode) in all three arguments. A term whose strength is 0 counts as 0 even where its sum exceeds
    the dtype's range; NaN if any weight is NaN and a strength is not 0. Raises `ValueError` for a
    strength that is not a scalar, `TypeError` for leaves that are not floating point.
    """
    return _value(*prepare(params, l1=l1, l2=l2))


def elastic_net_gradient(params: PyTree, l1: Scalar, l2: Scalar) -> PyTree:
    """Returns ∂/∂w of `elastic_net`: l1·sign(w) + 2·l2·w, a tree like `params`.

    Exactly 0 wherever w is 0, NaN where the weight is NaN. Arguments and errors are those of
    `elastic_net`.
    """
    return _gradient(*prepare(params, l1=l1, l2=l2))


@jax.custom_vjp
def _value(params: PyTree, l1: jax.Array, l2: jax.Array) -> jax.Array:
    return _forward(params, l1, l2)[0]


def _gradient(params: PyTree, l1: jax.Array, l2: jax.Array) -> PyTree:
    def formula(w: jax.Array) -> jax.Array:
        return l1.astype(w.dtype) * jnp.sign(w) + (2 * l2).astype(w.dtype) * w

    return jax.tree.map(formula, params)


_Residuals = tuple[PyTree, jax.Array, jax.Array, jax.Array, jax.Array]


def _forward(params: PyTree, l1: jax.Array, l2: jax.Array) -> tuple[jax.Array, _Residuals]:
    magnitudes = total(jnp.abs, params, l1)
    squares = total(jnp.square, params, l2)
    value = unless_off(l1, l1 * magnitudes) + unless_off(l2, l2 * squares)
    return value, (params, l1, l2, magnitudes, squares)


def _backward(residuals: _Residuals, cotangent: jax.Array) -> tuple[PyTree, jax.Array, jax.Array]:
    params, l1, l2, magnitudes, squares = residuals
    return (
        _gradient(params, cotangent * l1, cotangent * l2),
        cotangent * magnitudes,
        cotangent * squares,
    )


_value.defvjp(_forward, _backward)


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


ELASTIC = Penalty(
    elastic_net,
    elastic_net_gradient,
    ("l1", "l2"),
    "l1 · Σ|w| + l2 · Σw²",
    "Zou and Hastie, J. R. Stat. Soc. B 67(2), 2005, eq. 3",
    elastic_net_proximal,
)
