"""Balls of the norms 2 and ∞ over all weights jointly, and max-norm, a ball for each output unit.

References:
  Parikh and Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1(3), 2014,
  sec. 6.5.1 and 6.2.1;
  Srivastava et al., "Dropout", Journal of Machine Learning Research 15, 2014, sec. 5.1.
"""

import jax
import optax

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints.constraint import Constraint, prepare_ball, scale_into
from normsweep.objectives.penalties.norm import lp_norm
from normsweep.objectives.penalties.tree import largest_magnitude, zero_like
from normsweep.objectives.penalties.units import largest_over_leaves, unit_norms


def l2_size(params: PyTree) -> jax.Array:
    """Returns ‖w‖₂ over all leaves, a scalar."""
    return lp_norm(params, 2.0)


def project_l2_ball(params: PyTree, radius: Scalar) -> PyTree:
    """Returns w · min(1, radius/‖w‖₂), the norm over all leaves: the nearest point of the ball.

    NaN everywhere if any weight is NaN. Unlike in Optax a radius of 0 gives zeros for zeros, and
    weights whose squares exceed the dtype's range keep their direction.
    """
    tree, bound = prepare_ball(params, radius)
    norm = l2_size(tree)
    return jax.tree.map(lambda w: scale_into(w, norm, bound), tree)


def linf_size(params: PyTree) -> jax.Array:
    """Returns max |w| over all leaves, a scalar."""
    return largest_magnitude(params, zero_like(params))


def project_linf_ball(params: PyTree, radius: Scalar) -> PyTree:
    """Returns every weight clipped to [−radius, radius], the nearest point of the ball."""
    tree, bound = prepare_ball(params, radius)
    return optax.projections.projection_linf_ball(tree, bound)


def max_norm_size(params: PyTree) -> jax.Array:
    """Returns max ‖w_unit‖₂ over the output units of all leaves, a scalar."""
    return largest_over_leaves(unit_norms, params)


def project_max_norm(params: PyTree, radius: Scalar) -> PyTree:
    """Returns w_unit · min(1, radius/‖w_unit‖₂) for each output unit, the nearest such point.

    What a unit is stands in `objectives/penalties/units.py`: in a leaf of one axis, such as a bias,
    each entry is one, and is clipped.
    """
    tree, bound = prepare_ball(params, radius)
    return jax.tree.map(lambda w: scale_into(w, unit_norms(w), bound), tree)


L2_BALL = Constraint(
    project_l2_ball,
    l2_size,
    "‖w‖₂ ≤ radius",
    "Parikh and Boyd, Proximal Algorithms, 2014, sec. 6.5.1",
)

LINF_BALL = Constraint(
    project_linf_ball,
    linf_size,
    "max |w| ≤ radius",
    "Parikh and Boyd, Proximal Algorithms, 2014, sec. 6.2.1",
)

CLIP = Constraint(
    project_linf_ball,
    linf_size,
    "|w| ≤ radius for every weight, the set of linf_ball under its name in WGAN",
    "Arjovsky, Chintala and Bottou, arXiv:1701.07875, algorithm 1",
)

MAX_NORM = Constraint(
    project_max_norm,
    max_norm_size,
    "‖w_unit‖₂ ≤ radius for every output unit",
    "Srivastava et al., J. Mach. Learn. Res. 15, 2014, sec. 5.1",
)
