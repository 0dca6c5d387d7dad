"""Spectral norm regularisation: strength · Σσ(W)², σ the largest singular value of each matrix.

σ comes from a power iteration whose vectors are the penalty's state: start with `initial_vectors`
and call `advance_vectors` once a step (`objectives.penalties.power_iteration`). Leaves of fewer
than two axes do not count.

References:
  Yoshida and Miyato, "Spectral Norm Regularization for Improving the Generalizability of Deep
  Learning", arXiv:1705.10941, sec. 3.2 (there with a factor ½).
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.power_iteration import advance_vectors, image, initial_vectors
from normsweep.objectives.penalties.tree import prepare, unless_off, weighted, zero_like


def spectral(params: PyTree, strength: Scalar = 1.0, *, state: PyTree) -> jax.Array:
    """Returns strength · Σσ(W)² over all matrices of the tree, a scalar; σ = ‖Wv‖₂, v of `state`.

    `strength` is a Python number or a scalar that may be traced. Differentiable in params and
    strength, with v held constant, which at the true singular vector changes nothing. Exactly 0
    at strength 0, NaN if any entry of a matrix is NaN. Raises `ValueError` for a strength that is
    not a scalar, `TypeError` for leaves that are not floating point.
    """
    (tree, vectors), scale = prepare((params, state), strength=strength)

    def term(w: jax.Array, v: jax.Array | None) -> jax.Array:
        squares = jnp.zeros_like(scale) if v is None else jnp.sum(jnp.square(image(w, v)))
        return squares.astype(scale.dtype)

    squares = jax.tree.leaves(jax.tree.map(term, tree, vectors))
    return weighted(scale, sum(squares, start=zero_like(tree)))


def spectral_gradient(params: PyTree, strength: Scalar = 1.0, *, state: PyTree) -> PyTree:
    """Returns ∂/∂W of `spectral`: strength · 2σ·uvᵀ, a tree like `params`.

    0 for leaves that are no matrices, and for a matrix of zeros. Arguments and errors are those
    of `spectral`.
    """
    (tree, vectors), scale = prepare((params, state), strength=strength)

    def formula(w: jax.Array, v: jax.Array | None) -> jax.Array:
        if v is None:
            return jnp.zeros_like(w)
        slope = (2 * scale).astype(w.dtype) * jnp.outer(image(w, v), v)
        return unless_off(scale, slope.reshape(w.shape))

    return jax.tree.map(formula, tree, vectors)


SPECTRAL = Penalty(
    spectral,
    spectral_gradient,
    ("strength",),
    "strength · Σσ(W)² over layers, σ the largest singular value",
    "Yoshida and Miyato, arXiv:1705.10941",
    initial_state=initial_vectors,
    advance=advance_vectors,
    matrices=True,
)
