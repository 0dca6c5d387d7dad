"""Dropout with a rate that may be traced."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def dropout(x: jax.Array, rate: ArrayLike, key: jax.Array) -> jax.Array:
    """x·b/(1 − rate) with independent b ~ Bernoulli(1 − rate): E[dropout(x)] = x, of x's dtype.

    Inverted dropout (Srivastava et al., JMLR 15, 2014, sec. 10). At rate 0 it is x, to the bit.
    nnx.Dropout compares its rate in Python, which a traced rate does not survive.
    """
    kept = np.float32(1) - jnp.asarray(rate, np.float32)
    # Flat: the same bits, and of four axes it takes XLA five times as long to compile.
    survives = jax.random.bernoulli(key, kept, (x.size,)).reshape(x.shape)
    return jnp.where(survives, x / kept.astype(x.dtype), jnp.zeros_like(x))
