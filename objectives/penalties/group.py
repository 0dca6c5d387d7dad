"""The group lasso: strength · Σ‖w_unit‖₂, the L2,1 norm over output units.

It takes whole units to zero, where the lasso takes single weights. What a unit is stands in
`normsweep.objectives.penalties.units`.

References:
  Yuan and Lin, "Model Selection and Estimation in Regression with Grouped Variables", Journal of
  the Royal Statistical Society B 68(1), 2006, eq. 2.2, with equal weights for all groups.
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.proximal import shrink
from normsweep.objectives.penalties.tree import prepare, total, unless_off, weighted
from normsweep.objectives.penalties.units import unit_norms


def group_norm(params: PyTree, strength: Scalar = 1.0) -> jax.Array:
    """Returns strength · Σ‖w_unit‖₂ over the output units of all leaves, a scalar.

    `strength` is a Python number or a scalar that may be traced. Differentiable in both arguments.
    Exactly 0 at strength 0, infinite only where the sum exceeds the dtype's range, NaN if any
    weight is NaN. Raises `ValueError` for a strength that is not a scalar, `TypeError` for leaves
    that are not floating point.
    """
    tree, scale = prepare(params, strength=strength)
    return weighted(scale, total(unit_norms, tree, scale))


def group_norm_gradient(params: PyTree, strength: Scalar = 1.0) -> PyTree:
    """Returns ∂/∂w of `group_norm`: strength · w/‖w_unit‖₂, a tree like `params`.

    Exactly 0 in a unit whose weights are all 0, NaN in one with a NaN. Arguments and errors are
    those of `group_norm`.
    """
    tree, scale = prepare(params, strength=strength)

    def formula(w: jax.Array) -> jax.Array:
        norms = unit_norms(w)
        direction = w / jnp.where(norms == 0, jnp.ones_like(norms), norms)
        return unless_off(scale, scale.astype(w.dtype) * direction)

    return jax.tree.map(formula, tree)


def group_norm_proximal(params: PyTree, step: Scalar, strength: Scalar) -> PyTree:
    """Returns w · max(0, 1 − step·strength/‖w_unit‖₂) unit by unit, a tree like `params`.

    Errors are those of `elastic_net_proximal`.
    """
    tree, rate, scale = prepare(params, step=step, strength=strength)
    return jax.tree.map(lambda w: shrink(w, unit_norms(w), rate * scale), tree)


GROUP = Penalty(
    group_norm,
    group_norm_gradient,
    ("strength",),
    "strength · Σ‖w_unit‖₂ over output units",
    "Yuan and Lin, J. R. Stat. Soc. B 68(1), 2006",
    group_norm_proximal,
)
