"""What a member may see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


@jax.tree_util.register_static
@dataclass(frozen=True)
class HostArray:
    """An array that stays on the host, of which a program gets the rows that it asks for.

    `read(rows)`, of an int32 array of any shape, gives the rows of the array, which is of `shape`
    and `dtype`: the same each time. It must not raise. A program is compiled for each such array.
    """

    read: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]
    dtype: Any

    def __getitem__(self, rows: jax.Array) -> jax.Array:
        like = jax.ShapeDtypeStruct((*rows.shape, *self.shape[1:]), self.dtype)
        # Of members that run together the rows come together.
        found: jax.Array = jax.pure_callback(self._read, like, rows, vmap_method="expand_dims")
        return found

    def _read(self, rows: jax.Array) -> np.ndarray:
        return self.read(np.asarray(rows))


class ByteImages(NamedTuple):
    """Images [n, h, w, c] as uint8, each a place in `table` [256] float32."""

    bytes: Any
    table: Any


class Data(NamedTuple):
    """What a member may see: images [n, h, w, c] float32, and int32 indices into them.

    Images are read by `images_at` alone, which knows where they are.

    It trains on those of `train`; those of `validation`, on which nobody trains, tell an adaptive
    strength how far the training images were learnt by heart. `labels` [n] int32 are the images'
    classes; None where there are none. Where images are known to show the same in two classes,
    `pairs` [n] int32 are the indices of the counterparts, −1 of an image that has none.
    """

    images: jax.Array | HostArray | ByteImages
    train: jax.Array
    validation: jax.Array
    labels: jax.Array | None = None
    pairs: jax.Array | None = None


def drawn(
    key: jax.Array, count: int, images: jax.Array | HostArray | ByteImages, among: jax.Array
) -> jax.Array:
    """`count` of the images whose indices are `among`, with replacement, as float32."""
    return images_at(drawn_rows(key, count, among), images)


def drawn_rows(key: jax.Array, count: int, among: jax.Array) -> jax.Array:
    """`count` of the indices `among`, int32, with replacement."""
    rows: jax.Array = among[jax.random.randint(key, (count,), 0, among.shape[0], np.int32)]
    return rows


def drawn_rows_of(
    label: int, key: jax.Array, count: int, among: jax.Array, labels: jax.Array
) -> jax.Array:
    """`count` of the indices `among` that are of one class, int32, uniformly with replacement.

    `labels` [n] are the classes of all images; one of the class must be among these.
    """
    # How many are of the class depends on the fold: no shape may.
    so_far = jnp.cumsum((labels[among] == label).astype(np.int32))
    places = jax.random.randint(key, (count,), 0, so_far[-1], np.int32)
    rows: jax.Array = among[jnp.searchsorted(so_far, places, side="right")]
    return rows


def dealt_rows_of(
    label: int, key: jax.Array, count: int, among: jax.Array, labels: jax.Array
) -> jax.Array:
    """As `drawn_rows_of`, in a random order in which none comes again before all have come."""
    shuffled = jax.random.permutation(key, among)
    other = labels[shuffled] != label
    first = shuffled[jnp.argsort(other, stable=True)]
    rows: jax.Array = first[jnp.arange(count, dtype=np.int32) % jnp.sum(~other, dtype=np.int32)]
    return rows


def images_at(rows: jax.Array, images: jax.Array | HostArray | ByteImages) -> jax.Array:
    """The images of some indices, as float32."""
    if isinstance(images, ByteImages):
        # Looked up, since compilers round a quotient by a constant as they like.
        found: jax.Array = images.table.at[images.bytes[rows]].get(mode="promise_in_bounds")
        return found
    return images[rows]
