"""The largest singular value σ of each matrix of a tree, by power iteration with a kept state.

A leaf of two axes or more is a matrix W with a column for each output unit, its last axis. Its
state is a unit vector v [out], and σ is estimated as ‖Wv‖₂, never above the true value; the left
vector is u = Wv/σ. One iteration a training step suffices, since W changes little in one. Leaves
of fewer axes have the state `None`.

References:
  Golub and Van Loan, "Matrix Computations", 4th ed., 2013, sec. 7.3.1 (applied to WᵀW);
  Miyato et al., arXiv:1802.05957, algorithm 1.
"""

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.penalties.tree import as_matrix
from normsweep.objectives.penalties.units import l2_norm


def initial_vectors(params: PyTree) -> PyTree:
    """Returns the first state: for each matrix a fixed vector of unit length, in its own dtype.

    It is drawn once and for all, not from the weights: the same for every member and trial, and
    orthogonal to a singular vector with probability 0.
    """

    def vector(w: jax.Array) -> jax.Array | None:
        if jnp.ndim(w) < 2:
            return None
        # The raw output is the same under every version of NumPy, unlike that of `Generator`
        # (NEP 19). Its upper 53 bits are a float64 on [−1, 1).
        raw = np.random.PCG64(0).random_raw(w.shape[-1])
        drawn = (raw >> np.uint64(11)) * 2.0**-52 - 1
        return jnp.asarray(drawn / np.sqrt(np.sum(np.square(drawn))), w.dtype)

    return jax.tree.map(vector, params)


def advance_vectors(params: PyTree, state: PyTree) -> PyTree:
    """Returns the state after one iteration, v ← WᵀWv/‖WᵀWv‖₂, that no gradient flows through.

    A vector that a matrix takes to 0 stays what it is; one of a matrix with NaN becomes NaN.
    """

    def iterate(w: jax.Array, v: jax.Array | None) -> jax.Array | None:
        if v is None:
            return None
        matrix = as_matrix(w)
        product = matrix.T @ _unit(matrix @ v)
        return jnp.where(l2_norm(product, (0,)) == 0, v, _unit(product))

    state = jax.tree.map(iterate, params, state)
    return jax.lax.stop_gradient(state)


def image(w: jax.Array, v: jax.Array) -> jax.Array:
    """Returns Wv = σ·u, a vector [incoming weights]; v is a constant to derivatives."""
    return as_matrix(w) @ jax.lax.stop_gradient(v)


def singular_value(w: jax.Array, v: jax.Array | None) -> jax.Array:
    """Returns the estimate ‖Wv‖₂, a scalar, and 0 for a leaf that is no matrix."""
    if v is None:
        return jnp.zeros((), w.dtype)
    return l2_norm(image(w, v), (0,)).reshape(())


def _unit(vector: jax.Array) -> jax.Array:
    norm = l2_norm(vector, (0,))
    return vector / jnp.where(norm == 0, jnp.ones_like(norm), norm)
