"""What a member may see."""

from typing import NamedTuple

import jax
import numpy as np


class Data(NamedTuple):
    """What a member may see: images [n, h, w, c] float32, and int32 indices into them.

    It trains on those of `train`; those of `validation`, on which nobody trains, tell an adaptive
    strength how far the training images were learnt by heart.
    """

    images: jax.Array
    train: jax.Array
    validation: jax.Array


def drawn(key: jax.Array, count: int, images: jax.Array, among: jax.Array) -> jax.Array:
    """`count` of the images whose indices are `among`, with replacement."""
    return images[among[jax.random.randint(key, (count,), 0, among.shape[0], np.int32)]]
