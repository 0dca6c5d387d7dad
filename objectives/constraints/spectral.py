"""The ball of the spectral norm: each matrix has a largest singular value σ of at most the radius.

σ comes from a power iteration whose vectors are the constraint's state
(`objectives.penalties.power_iteration`); leaves of fewer than two axes are free.

References:
  Gouk et al., "Regularisation of Neural Networks by Enforcing Lipschitz Continuity",
  arXiv:1804.04368, algorithm 2; the norm and its iteration, Miyato et al., arXiv:1802.05957.
"""

import jax

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints.constraint import Constraint, prepare_ball, scale_into
from normsweep.objectives.penalties.power_iteration import (
    advance_vectors,
    initial_vectors,
    singular_value,
)
from normsweep.objectives.penalties.units import largest_over_leaves


def spectral_size(params: PyTree, *, state: PyTree) -> jax.Array:
    """Returns max σ(W) over all matrices, a scalar; σ = ‖Wv‖₂ with v of `state`."""
    return largest_over_leaves(singular_value, params, state)


def project_spectral_ball(params: PyTree, radius: Scalar, *, state: PyTree) -> PyTree:
    """Returns W · min(1, radius/σ(W)) for each matrix, and other leaves as they are.

    A retraction: inside the ball, but not its nearest point, which would clip every singular
    value. σ is that of `state`, the true one as far as the power iteration has come.
    """
    (tree, vectors), bound = prepare_ball((params, state), radius)

    def formula(w: jax.Array, v: jax.Array | None) -> jax.Array:
        return w if v is None else scale_into(w, singular_value(w, v), bound)

    return jax.tree.map(formula, tree, vectors)


SPECTRAL_BALL = Constraint(
    project_spectral_ball,
    spectral_size,
    "σ(W) ≤ radius for every layer, σ the largest singular value",
    "Gouk et al., arXiv:1804.04368",
    initial_state=initial_vectors,
    advance=advance_vectors,
    matrices=True,
)
