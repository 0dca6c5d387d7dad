"""A training step of the population against its floor: the step's matrix products alone.

The floor is the number of floating-point operations in those products over the rate at which this
machine multiplies large float32 matrices, all cores at once: by OpenBLAS, one thread on each core,
and by XLA, which is faster on some; beside these what the products of a step take in their own
sizes, by XLA in a loop. Step and floors are measured in turn, and the medians compared.
"""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from threadpoolctl import threadpool_limits

from bench.rows import print_rows, row
from normsweep.engine.devices import local_devices, use_all_cores
from normsweep.engine.population import Population, Shared
from normsweep.models import (
    GAN,
    MLP,
    Architecture,
    Hyperparameters,
    Method,
    Program,
    network_penalty,
    penalty_entry,
)
from normsweep.models import hyperparameters as numbers

BATCH = 64
CHUNK = 100
STEPS = 100_000
ROUNDS = 15
SIZE, PRODUCTS, TURNS = 1024, 4, 100
SLOTS, FOLDS = 4, 3


Operands = list[tuple[jax.Array, jax.Array]]

GAN_OF = GAN()
GENERATOR, DISCRIMINATOR = MLP(output="tanh"), MLP()


def matrix_products(side: int, batch: int) -> list[tuple[int, int, int]]:
    """Rows, inner size and columns of each matrix product in one D step and one G step."""
    generator = list(itertools.pairwise((GAN_OF.latent, *GENERATOR.widths, side * side)))
    discriminator = list(itertools.pairwise((side * side, *DISCRIMINATOR.widths, 1)))

    def forward(layers: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(batch, inputs, outputs) for inputs, outputs in layers]

    def by_inputs(layers: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(batch, outputs, inputs) for inputs, outputs in layers]

    def by_weights(layers: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(inputs, batch, outputs) for inputs, outputs in layers]

    of_one_batch = (forward, by_weights)
    d_step = forward(generator)
    for _ in ("real", "fake"):
        d_step += [each for part in of_one_batch for each in part(discriminator)]
        d_step += by_inputs(discriminator[1:])
    # The generator's gradient passes through the discriminator, whose weights get none.
    g_step = [each for part in of_one_batch for each in part(generator)] + by_inputs(generator[1:])
    g_step += forward(discriminator) + by_inputs(discriminator)
    return d_step + g_step


def matrix_flops(side: int, batch: int) -> int:
    """Floating-point operations of these products."""
    return sum(2 * math.prod(sizes) for sizes in matrix_products(side, batch))


def openblas_seconds(cores: int) -> float:
    """What a product of two large matrices takes on each core, all of them at once."""
    random = np.random.default_rng(0)
    operands = [random.random((3, SIZE, SIZE), dtype=np.float32) for _ in range(cores)]

    def multiply(matrices: np.ndarray) -> None:
        for _ in range(PRODUCTS):
            np.dot(matrices[0], matrices[1], out=matrices[2])

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
        list(pool.map(multiply, operands))
        started = time.perf_counter()
        list(pool.map(multiply, operands))
        return (time.perf_counter() - started) / PRODUCTS


@jax.jit
def _large(matrices: jax.Array) -> jax.Array:
    # Scaled, so that they stay finite; each needs the last.
    def again(_: int, x: jax.Array) -> jax.Array:
        return matrices[0] @ x / SIZE

    found: jax.Array = lax.fori_loop(0, PRODUCTS, again, matrices[1])
    return found


def xla_seconds(devices: Sequence[jax.Device]) -> float:
    """The same by XLA, on one device of each core."""
    matrices = np.random.default_rng(0).random((2, SIZE, SIZE), dtype=np.float32)
    return _seconds(_large, matrices, devices) / PRODUCTS


@jax.jit
def _in_turn(operands: Operands) -> jax.Array:
    def again(_: int, carried: tuple[Operands, jax.Array]) -> tuple[Operands, jax.Array]:
        operands, total = carried
        changed = []
        for left, right in operands:
            total += (left @ right)[0, 0]
            # Else it would be computed once, in front of the loop.
            changed.append((left.at[0, 0].set(total * 1e-9), right))
        return changed, total

    found: jax.Array = lax.fori_loop(0, TURNS, again, (operands, jnp.zeros((), np.float32)))[1]
    return found


def products_seconds(side: int, devices: Sequence[jax.Device]) -> float:
    """What the products of a step take by themselves, in their own sizes, by XLA in a loop."""
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> np.ndarray:
        return random.random(shape, dtype=np.float32)

    sizes = matrix_products(side, BATCH)
    operands = [(matrix(rows, inner), matrix(inner, columns)) for rows, inner, columns in sizes]
    return _seconds(_in_turn, operands, devices) / (TURNS * len(devices))


def _seconds(compute: Callable[[Any], jax.Array], given: Any, devices: Sequence[Any]) -> float:
    """What it takes on all devices at once, once it is compiled."""
    placed = [jax.device_put(given, device) for device in devices]
    jax.block_until_ready([compute(each) for each in placed])
    started = time.perf_counter()
    jax.block_until_ready([compute(each) for each in placed])
    return time.perf_counter() - started


def population(side: int, methods: tuple[Method, ...], *, precision: str = "float32") -> Population:
    """A population on random images of `side` × `side` pixels."""
    networks = (("generator", GENERATOR), ("discriminator", DISCRIMINATOR))
    gan = Architecture(GAN_OF, (side, side, 1), networks, precision)
    program = Program(gan, BATCH, STEPS, CHUNK, BATCH, methods=methods)
    images = np.random.default_rng(0).uniform(-1, 1, (4000, side, side, 1)).astype(np.float32)
    train = np.tile(np.arange(3000, dtype=np.int32), (FOLDS, 1))
    validation = np.arange(3000, 4000, dtype=np.int32)
    shared = Shared(images, train, validation, {}, np.uint32(0))
    return Population(program, some_pixels, shared, SLOTS, local_devices())


def seconds_per_step(
    trained: Population, setting: Hyperparameters, *, fresh: bool = False
) -> float:
    """The seconds that one member-step takes, over a chunk of all slots."""
    started = time.perf_counter()
    trained.advance([setting] * SLOTS, [fresh] * SLOTS)
    return (time.perf_counter() - started) / (CHUNK * SLOTS * FOLDS)


def some_pixels(params, images):  # type: ignore[no-untyped-def]
    del params
    return images.reshape(images.shape[0], -1)[:, :8]


METHODS = tuple(dict.fromkeys(Method(penalty_entry("power", order)) for order in (1.0, 1.5)))


def hyperparameters(order: float) -> Hyperparameters:
    """λ = 1e-5 of this order on both networks."""
    penalty = network_penalty("power", strength=1e-5, order=order)
    method = METHODS.index(Method(penalty_entry("power", order)))
    return numbers(GAN_OF, method=method, penalties=dict.fromkeys(GAN_OF.networks(), penalty))


def main() -> None:
    """Measures 8×8 and 28×28 at p = 1.5, 1 and 2."""
    use_all_cores()
    rows = []
    for side in (28, 8):
        trained = population(side, METHODS)
        flops = matrix_flops(side, BATCH)
        for order, target in (
            (1.5, {28: "≥ 0.70"}),
            (1.0, {28: "≥ 0.85", 8: "≥ 0.75"}),
            (2.0, {28: "≥ 0.85", 8: "≥ 0.75"}),
        ):
            setting = hyperparameters(order)
            seconds_per_step(trained, setting, fresh=True)
            devices = local_devices()
            steps: list[float] = []
            floors: dict[str, list[float]] = {"OpenBLAS": [], "XLA": [], "its own products": []}
            large = flops / (len(devices) * 2 * SIZE**3)
            for _ in range(ROUNDS):
                steps.append(seconds_per_step(trained, setting))
                floors["OpenBLAS"].append(large * openblas_seconds(len(devices)))
                floors["XLA"].append(large * xla_seconds(devices))
                floors["its own products"].append(products_seconds(side, devices))
            step = statistics.median(steps)
            found = ", ".join(
                f"{statistics.median(floor) / step:.2f} by {by}" for by, floor in floors.items()
            )
            rows.append(
                row(
                    f"floor over step of the population, {side}×{side}, p = {order:g}",
                    f"{found}  ({step * 1e6:.0f} µs a member)",
                    target.get(side, "–"),
                )
            )
    print_rows(rows)


if __name__ == "__main__":
    main()
