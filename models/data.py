"""What a member may see."""

from typing import Any, NamedTuple

import jax
import numpy as np


class ByteImages(NamedTuple):
    """Images [n, h, w, c] as uint8, each a place in `table` [256] float32."""

    bytes: Any
    table: Any


class Data(NamedTuple):
    """What a member may see: images [n, h, w, c] float32, and int32 indices into them.

    It trains on those of `train`; those of `validation`, on which nobody trains, tell an adaptive
    strength how far the training images were learnt by heart. `labels` [n] int32 are the images'
    classes; None where there are none.
    """

    images: jax.Array | ByteImages
    train: jax.Array
    validation: jax.Array
    labels: jax.Array | None = None


def drawn(
    key: jax.Array, count: int, images: jax.Array | ByteImages, among: jax.Array
) -> jax.Array:
    """`count` of the images whose indices are `among`, with replacement, as float32."""
    return images_at(drawn_rows(key, count, among), images)


def drawn_rows(key: jax.Array, count: int, among: jax.Array) -> jax.Array:
    """`count` of the indices `among`, int32, with replacement."""
    rows: jax.Array = among[jax.random.randint(key, (count,), 0, among.shape[0], np.int32)]
    return rows


def images_at(rows: jax.Array, images: jax.Array | ByteImages) -> jax.Array:
    """The images of some indices, as float32."""
    if isinstance(images, ByteImages):
        # Looked up, since compilers round a quotient by a constant as they like.
        found: jax.Array = images.table.at[images.bytes[rows]].get(mode="promise_in_bounds")
        return found
    return images[rows]
