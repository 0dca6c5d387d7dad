"""A pool of generated images from earlier steps, for a discriminator to judge among new ones.

After Shrivastava et al. 2017, arXiv:1612.07828, sec. 2.3, as arXiv:1703.10593, sec. 4, has it in
its program: so the discriminator does not forget what the generator no longer makes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.models.networks.contract import Shape


class Pool(NamedTuple):
    """Images [size, h, w, c] float32, of which the first `filled`, an int32 scalar, are filled."""

    images: jax.Array
    filled: jax.Array


def empty_pool(size: int, image_shape: Shape) -> Pool:
    """A pool of `size` images of height, width and channels, none of them filled."""
    return Pool(jnp.zeros((size, *image_shape), np.float32), jnp.zeros((), np.int32))


def passed_through(pool: Pool, key: jax.Array, images: jax.Array) -> tuple[jax.Array, Pool]:
    """Passes images [n, h, w, c] through a pool, one after the other; n images and the pool after.

    While the pool is not full, each is kept, and is handed back too. Then each is handed back with
    probability ½, and else takes the place of one of the pool, drawn uniformly, which is handed
    back instead.
    """
    count = images.shape[0]
    swap_key, place_key = jax.random.split(key)
    swapped = jax.random.bernoulli(swap_key, 0.5, (count,))
    places = jax.random.randint(place_key, (count,), 0, pool.images.shape[0], np.int32)
    return exchanged(pool, images, swapped, places)


def exchanged(
    pool: Pool, images: jax.Array, swapped: jax.Array, places: jax.Array
) -> tuple[jax.Array, Pool]:
    """`passed_through` with its draws: whether an image is swapped [n], for that at a place [n].

    Who is where follows from comparing all places with each other, without a loop over images.
    """
    size, count = pool.images.shape[0], images.shape[0]
    order = jnp.arange(count, dtype=np.int32)
    filling = order < size - pool.filled
    place = jnp.where(filling, pool.filled + order, places)
    kept = filling | swapped
    every = jnp.concatenate([pool.images, images])

    def last_kept(at: jax.Array, before: jax.Array) -> jax.Array:
        """Which of `every` lies at places [m] once the images before those of index [m] came."""
        there = jnp.expand_dims(at, 1) == jnp.expand_dims(place, 0)
        came = jnp.expand_dims(order, 0) < jnp.expand_dims(before, 1)
        found = there & came & jnp.expand_dims(kept, 0)
        latest = jnp.max(jnp.where(found, jnp.expand_dims(order, 0), -1), axis=1)
        return jnp.where(latest < 0, at, size + latest)

    taken = jnp.where(swapped & ~filling, last_kept(place, order), size + order)
    all_places = jnp.arange(size, dtype=np.int32)
    after = last_kept(all_places, jnp.full(size, count, np.int32))
    total = jnp.minimum(pool.filled + count, size)
    return _at(every, taken), Pool(_at(every, after), total)


def _at(images: jax.Array, rows: jax.Array) -> jax.Array:
    found: jax.Array = images.at[rows].get(mode="promise_in_bounds")
    return found
