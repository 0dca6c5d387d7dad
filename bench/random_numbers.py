"""The unrolled threefry of `models/random.py` beside `jax.random`, alone in a compiled loop.

python -m bench.random_numbers
"""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from models import random

SHAPE = (64, 64)
STEPS = 2000
ROUNDS = 7


def microseconds(draw: Callable[[jax.Array, tuple[int, ...]], jax.Array]) -> float:
    """The median time of one draw of `SHAPE` inside a compiled loop."""

    @jax.jit
    def loop(key: jax.Array) -> jax.Array:
        def body(step: jax.Array, total: jax.Array) -> jax.Array:
            return total + draw(jax.random.fold_in(key, step), SHAPE)

        total: jax.Array = lax.fori_loop(0, STEPS, body, jnp.zeros(SHAPE))
        return total

    key = jax.random.key(0)
    loop(key).block_until_ready()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        loop(key).block_until_ready()
        times.append((time.perf_counter() - started) / STEPS * 1e6)
    return statistics.median(times)


def main() -> None:
    """Prints both, for normals of a batch of latents."""
    theirs, ours = microseconds(jax.random.normal), microseconds(random.normal)
    print(f"normals {SHAPE}: jax.random {theirs:.0f} µs, models.random {ours:.0f} µs")


if __name__ == "__main__":
    main()
