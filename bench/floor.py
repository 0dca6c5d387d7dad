"""A training step of the population against its floor: the step's matrix products alone.

The floor is the number of floating-point operations in those products over the rate at which this
machine multiplies large float32 matrices: OpenBLAS, one thread on each core, all cores at once.
Step and rate are measured in turn, and the medians compared.
"""

import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
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
SIZE = 1024
SLOTS, FOLDS = 4, 3


GAN_OF = GAN()
GENERATOR, DISCRIMINATOR = MLP(output="tanh"), MLP()


def matrix_flops(side: int, batch: int) -> int:
    """Floating-point operations of the matrix products in one D step and one G step."""
    pixels = side * side

    def products(widths: tuple[int, ...]) -> list[int]:
        return [before * after for before, after in itertools.pairwise(widths)]

    generator = products((GAN_OF.latent, *GENERATOR.widths, pixels))
    discriminator = products((pixels, *DISCRIMINATOR.widths, 1))
    forward, first = sum(discriminator), discriminator[0]
    d_step = sum(generator) + 2 * (forward + forward + (forward - first))
    # The generator's gradient passes through the discriminator, whose weights get none.
    g_step = 3 * sum(generator) - generator[0] + forward + forward
    return 2 * batch * (d_step + g_step)


def sgemm_rate(cores: int) -> float:
    """Floating-point operations per second of all cores together."""
    random = np.random.default_rng(0)
    operands = [random.random((3, SIZE, SIZE), dtype=np.float32) for _ in range(cores)]

    def multiply(matrices: np.ndarray) -> None:
        for _ in range(4):
            np.dot(matrices[0], matrices[1], out=matrices[2])

    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
        list(pool.map(multiply, operands))
        started = time.perf_counter()
        list(pool.map(multiply, operands))
        seconds = time.perf_counter() - started
    return cores * 4 * 2 * SIZE**3 / seconds


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
        for order, target in ((1.5, 0.70), (1.0, 0.85), (2.0, 0.85)):
            setting = hyperparameters(order)
            seconds_per_step(trained, setting, fresh=True)
            steps, floors = [], []
            for _ in range(ROUNDS):
                steps.append(seconds_per_step(trained, setting))
                floors.append(flops / sgemm_rate(len(local_devices())))
            step, floor = statistics.median(steps), statistics.median(floors)
            rows.append(
                row(
                    f"floor over step of the population, {side}×{side}, p = {order:g}",
                    f"{floor / step:.2f}  ({floor * 1e6:.0f} of {step * 1e6:.0f} µs a member)",
                    f"≥ {target:.2f}" if side == 28 else "–",
                )
            )
    print_rows(rows)


if __name__ == "__main__":
    main()
