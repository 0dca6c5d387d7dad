"""What may differ from one call of a network to the next: training, units in use, dropout."""

from typing import NamedTuple

import jax
from jax.typing import ArrayLike

from normsweep.models.layers.precision import FLOAT32


class Mode(NamedTuple):
    """The mode of one call; with the defaults nothing is compiled beside the layers.

    `training`, a Python bool: statistics are those of this batch, their averages and the power
    iterations advance, and dropout acts; else the stored statistics are used and stay as they are.
    `units`, int32: at most so many units of each hidden layer are in use. `dropout`, float32 in
    [0, 1): the rate behind each hidden activation. The typed key `key` draws it, and whatever else
    a network draws in training. `precision`, a name in `PRECISIONS`: what is computed with; inputs
    and outputs are float32 in each. `labels` [n] int32 are the classes of the batch, for layers
    that depend on them.
    """

    training: bool = False
    units: ArrayLike | None = None
    dropout: ArrayLike | None = None
    key: jax.Array | None = None
    precision: str = FLOAT32
    labels: jax.Array | None = None

    @property
    def dropout_key(self) -> jax.Array | None:
        """The key where dropout acts, else None. Raises `ValueError` where it acts without one."""
        if self.dropout is None or not self.training:
            return None
        if self.key is None:
            raise ValueError("dropout in training needs a key, got None")
        return self.key


EVALUATION = Mode()
"""Stored statistics, all units, no dropout."""
