"""What may differ from one call of a network to the next: training, widths in use, dropout."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


class Conditions(NamedTuple):
    """Conditions of one call; with the defaults nothing is compiled beside the layers.

    `training`, a Python bool: statistics are those of this batch, their averages and the power
    iterations advance, and dropout acts; else the stored statistics are used and stay as they are.
    `units`, int32: at most so many units of each hidden layer are in use. `dropout`, float32 in
    [0, 1): the rate behind each hidden activation, drawn from the typed key `key`.
    """

    training: bool = False
    units: ArrayLike | None = None
    dropout: ArrayLike | None = None
    key: jax.Array | None = None

    @property
    def dropout_key(self) -> jax.Array | None:
        """The key where dropout acts, else None. Raises `ValueError` where it acts without one."""
        if self.dropout is None or not self.training:
            return None
        if self.key is None:
            raise ValueError("dropout in training needs a key, got None")
        return self.key


EVALUATION = Conditions()
"""Stored statistics, all units, no dropout."""


def in_use(width: int, units: ArrayLike) -> jax.Array:
    """bool [width]: the units of index below `units`."""
    return jnp.arange(width, dtype=np.int32) < jnp.asarray(units, np.int32)


def dropout(x: jax.Array, rate: ArrayLike, key: jax.Array) -> jax.Array:
    """x·b/(1 − rate) with independent b ~ Bernoulli(1 − rate): E[dropout(x)] = x, of x's dtype.

    Inverted dropout (Srivastava et al., JMLR 15, 2014, sec. 10). At rate 0 it is x, to the bit.
    nnx.Dropout compares its rate in Python, which a traced rate does not survive.
    """
    kept = np.float32(1) - jnp.asarray(rate, np.float32)
    survives = jax.random.bernoulli(key, kept, x.shape)
    return jnp.where(survives, x / kept.astype(x.dtype), jnp.zeros_like(x))
