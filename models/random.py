"""Random numbers of the training step: the threefry hash with its rounds written out.

Inside the training program XLA:CPU fuses the rounds into one pass, which saves 1 to 2 % of a step
on 28×28 images over `jax.random`; in a loop by itself it is the slower of the two
(`bench/random_numbers.py`). The hash and its use of counters are those of `jax.random` with
`jax_threefry_partitionable` off: the bits are the same, which the tests hold.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def _rotate_left(x: jax.Array, distance: int) -> jax.Array:
    return (x << np.uint32(distance)) | (x >> np.uint32(32 - distance))


def threefry2x32(key: jax.Array, low: jax.Array, high: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The 20-round Threefry-2x32 hash of the counters (low, high) under a key of two uint32.

    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, table 2. All arrays are
    uint32; `low` and `high` have the shape of each result.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    low, high = low + schedule[0], high + schedule[1]
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            low = low + high
            high = low ^ _rotate_left(high, distance)
        low = low + schedule[(group + 1) % 3]
        high = high + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return low, high


def bits(key: jax.Array, size: int) -> jax.Array:
    """`size` random uint32 from a typed threefry key."""
    half = (size + 1) // 2
    counters = jnp.arange(half, dtype=np.uint32)
    # An odd size pads the counters with 0, as jax.random does.
    upper = counters + np.uint32(half)
    if size % 2:
        upper = jnp.where(counters == half - 1, np.uint32(0), upper)
    return jnp.concatenate(threefry2x32(jax.random.key_data(key), counters, upper))[:size]


def _unit_floats(random_bits: jax.Array) -> jax.Array:
    """uint32 → float32 uniform on [0, 1): 23 random bits of mantissa under the exponent of 1."""
    mantissa = (random_bits >> np.uint32(9)) | np.uint32(0x3F800000)
    return lax.bitcast_convert_type(mantissa, np.float32) - np.float32(1)


def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """float32 uniform on [−1, 1)."""
    floats = _unit_floats(bits(key, math.prod(shape)))
    return (np.float32(2) * floats - np.float32(1)).reshape(shape)


def normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """float32 standard normal: √2·erf⁻¹(u) for u uniform on (−1, 1), as `jax.random.normal`."""
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    floats = _unit_floats(bits(key, math.prod(shape)))
    spread = jnp.maximum(lowest, floats * (np.float32(1) - lowest) + lowest)
    return (np.float32(math.sqrt(2)) * lax.erf_inv(spread)).reshape(shape)


def indices(key: jax.Array, count: int, below: int) -> jax.Array:
    """`count` int32 uniform on 0 … below − 1, with replacement.

    ⌊u·below⌋ with 23 random bits in u: unequal by less than below/2²³ of a probability, which at
    60,000 images is under 1 %.  Raises `ValueError` where `below` exceeds 2²³.
    """
    if not 0 < below <= 2**23:
        raise ValueError(f"below must lie in 1 … 2²³, got {below}")
    scaled = _unit_floats(bits(key, count)) * np.float32(below)
    return jnp.minimum(scaled.astype(np.int32), np.int32(below - 1))


LATENTS = {"normal": normal, "uniform": uniform}
"""Distributions of the latent vector by name; each takes a key and a shape."""
