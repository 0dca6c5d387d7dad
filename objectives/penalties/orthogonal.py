"""Orthogonal regularisation: strength · Σ‖WᵀW ⊙ (1 − I)‖²_F, over the matrices of a tree.

It asks that the output units of a layer be orthogonal, and leaves their lengths free. A leaf of
two axes or more is a matrix W with a column for each output unit, its last axis; other leaves do
not count.

References:
  Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image
  Synthesis", arXiv:1809.11096, eq. 3.
"""

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.tree import as_matrix, prepare, total, unless_off, weighted


def orthogonal(params: PyTree, strength: Scalar = 1.0) -> jax.Array:
    """Returns strength · Σ‖WᵀW ⊙ (1 − I)‖²_F over all matrices of the tree, a scalar.

    `strength` is a Python number or a scalar that may be traced. Differentiable in both arguments.
    Exactly 0 at strength 0, infinite where the sum exceeds the dtype's range, NaN if any entry of
    a matrix of more than one unit is NaN. Raises `ValueError` for a strength that is not a
    scalar, `TypeError` for leaves that are not floating point.
    """
    tree, scale = prepare(params, strength=strength)

    def term(w: jax.Array) -> jax.Array:
        return jnp.square(_correlations(as_matrix(w))) if w.ndim > 1 else jnp.zeros_like(w)

    return weighted(scale, total(term, tree, scale))


def orthogonal_gradient(params: PyTree, strength: Scalar = 1.0) -> PyTree:
    """Returns ∂/∂W of `orthogonal`: strength · 4·W·(WᵀW ⊙ (1 − I)), a tree like `params`.

    0 for leaves that are no matrices. Arguments and errors are those of `orthogonal`.
    """
    tree, scale = prepare(params, strength=strength)

    def formula(w: jax.Array) -> jax.Array:
        if w.ndim < 2:
            return jnp.zeros_like(w)
        matrix = as_matrix(w)
        slope = (4 * scale).astype(w.dtype) * (matrix @ _correlations(matrix))
        return unless_off(scale, slope.reshape(w.shape))

    return jax.tree.map(formula, tree)


def _correlations(matrix: jax.Array) -> jax.Array:
    """Returns WᵀW with zeros on its diagonal, also where a unit's square exceeds the range."""
    products = matrix.T @ matrix
    return jnp.where(jnp.eye(len(products), dtype=bool), jnp.zeros_like(products), products)


ORTHOGONAL = Penalty(
    orthogonal,
    orthogonal_gradient,
    ("strength",),
    "strength · Σ‖WᵀW ⊙ (1 − I)‖²_F over layers",
    "Brock, Donahue and Simonyan, arXiv:1809.11096, eq. 3",
    matrices=True,
)
