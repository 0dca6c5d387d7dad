"""What stands behind a hidden layer: normalisation, activation, mask and dropout."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike

from normsweep.models.layers.activations import Activation
from normsweep.models.layers.dropout import dropout
from normsweep.models.layers.masks import in_use_along
from normsweep.models.layers.mode import Mode
from normsweep.models.layers.normalisation import normalised


def hidden(
    x: jax.Array,
    norm: nnx.Module | None,
    activation: Activation | None,
    mode: Mode,
    index: int,
    units: ArrayLike | None = None,
) -> jax.Array:
    """[n, …, width] → [n, …, width]: dropout(activation(norm(x))), 0 for units out of use.

    `index` is the layer's among those of the network, from which its dropout is drawn. `units` are
    those in use of the last axis, by default the mode's. Without an activation nothing is dropped.
    """
    units = mode.units if units is None else units
    used = None if units is None else in_use_along(x.shape, -1, units)
    if norm is not None:
        x = normalised(norm, x, mode, used)
    if activation is not None:
        x = activation(x)
    if used is not None:
        x = jnp.where(used, x, jnp.zeros_like(x))
    key = mode.dropout_key
    if activation is not None and key is not None and mode.dropout is not None:
        x = dropout(x, mode.dropout, jax.random.fold_in(key, index))
    return x
