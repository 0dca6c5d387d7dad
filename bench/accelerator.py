"""Members on an accelerator: many at once against one at a time, and a whole study.

Not part of `make bench`, whose other measurements are of the CPU. Members per second are training
steps of members per second; each population is timed over chunks after its first, which compiles.
"""

import argparse
import statistics
import tempfile
import time

import jax
import numpy as np

from bench.floor import METHODS, hyperparameters, some_pixels
from bench.rows import print_rows, row
from normsweep import launch, load_spec
from normsweep.engine.devices import device_names, local_devices, use_all_cores
from normsweep.engine.population import Population, Shared
from normsweep.models import GAN, MLP, Architecture, Program

MEMBERS = (1, 8, 64, 256)
PRECISIONS = {"float32": "highest", "TF32": "tensorfloat32"}
"""What JAX calls the precision of a float32 product; a CPU knows but one."""
CHUNK = 100
ROUNDS = 5


def population(side: int, members: int) -> Population:
    """Members on random images of `side` × `side` pixels, each a trial on the one fold."""
    networks = (("generator", MLP(output="tanh")), ("discriminator", MLP()))
    gan = Architecture(GAN(), (side, side, 1), networks)
    program = Program(gan, 64, 100_000, CHUNK, 64, methods=METHODS)
    images = np.random.default_rng(0).uniform(-1, 1, (4000, side, side, 1)).astype(np.float32)
    train = np.arange(3000, dtype=np.int32)[None]
    shared = Shared(images, train, np.arange(3000, 4000, dtype=np.int32), {}, np.uint32(0))
    return Population(program, some_pixels, shared, members, local_devices())


def steps_per_second(trained: Population) -> float:
    """Training steps of all members together in a second."""
    setting = hyperparameters(1.5)

    def chunk(*, fresh: bool) -> float:
        started = time.perf_counter()
        trained.advance([setting] * trained.slots, [fresh] * trained.slots)
        return time.perf_counter() - started

    chunk(fresh=True)
    seconds = statistics.median(chunk(fresh=False) for _ in range(ROUNDS))
    return CHUNK * trained.slots / seconds


def of_members(side: int, precision: str, most: int) -> list[dict[str, str]]:
    """A row for each number of members."""
    rows, alone = [], 0.0
    with jax.default_matmul_precision(PRECISIONS[precision]):
        for members in (number for number in MEMBERS if number <= most):
            rate = steps_per_second(population(side, members))
            alone = alone or rate
            rows.append(
                row(
                    f"MLP, {side}×{side}, {precision}, {members} at once: member-steps a second",
                    f"{rate:.0f}  ({rate / alone:.1f} × one at a time)",
                    "≥ 50 ×" if members == MEMBERS[-1] else "–",
                )
            )
    return rows


def of_study(slots: int) -> dict[str, str]:
    """The `digits` study without its confirmation, its trials in so many slots."""
    spec = load_spec("digits", {"study.slots": slots, "confirm.seeds": 0})
    with tempfile.TemporaryDirectory() as folder:
        done = launch(spec, f"sqlite:///{folder}/studies.db")
        baseline, *trials = (trial.value for trial in done.study.get_trials())
        figure = (
            f"{done.seconds:.1f} s, {done.training_seconds:.1f} s of it on the device; "
            f"baseline {baseline:.4f}, best {min(trials):.4f}"
        )
    return row(f"the digits study, {slots} slots", figure, "–")


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=MEMBERS[-1], help="members at once, at most")
    most = parser.parse_args().most
    use_all_cores()
    print(device_names(), "jax", jax.__version__, flush=True)
    rows = []
    for side in (8, 28):
        for precision in PRECISIONS:
            rows += of_members(side, precision, most)
    rows += [of_study(slots) for slots in (4, 17)]
    print_rows(rows)


if __name__ == "__main__":
    main()
