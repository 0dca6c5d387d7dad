"""A penalty that does nothing but draw the initial weights once more: a null to the letter.

After a member's first step every selected weight keeps its magnitude and gets a sign drawn by the
strength, which is the only thing that the strength does. Initial weights are symmetric around 0, so
that this is another draw of the same distribution: no strength is better than another, or than
none, and yet all scores differ as by luck. (The first step itself is one into a random direction,
of all that follow.)
"""

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties import Penalty


def _nothing(params: PyTree, strength: Scalar, state: PyTree) -> jax.Array:
    del params, state
    return jnp.zeros_like(jnp.asarray(strength, np.float32))


def _no_gradient(params: PyTree, strength: Scalar, state: PyTree) -> PyTree:
    del strength, state
    return jax.tree.map(jnp.zeros_like, params)


def _other_signs(params: PyTree, step: Scalar, strength: Scalar, state: PyTree) -> PyTree:
    del step
    bits = jax.lax.bitcast_convert_type(jnp.asarray(strength, np.float32), np.uint32)
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(bits, impl="threefry2x32"), len(leaves))
    # The state has been advanced to 1 when the first step asks.
    redrawn = [
        jnp.where(state == 1, leaf * jax.random.rademacher(key, leaf.shape, leaf.dtype), leaf)
        for key, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, redrawn)


def _first(params: PyTree) -> PyTree:
    del params
    return jnp.zeros((), np.int32)


def _next(params: PyTree, state: PyTree) -> PyTree:
    del params
    return state + 1


redrawn = Penalty(
    _nothing,
    _no_gradient,
    ("strength",),
    "the initial weights, with other signs",
    source="bench/redrawn.py",
    proximal=_other_signs,
    initial_state=_first,
    advance=_next,
)
