"""Members on an accelerator: many at once against one at a time, and a whole study.

Not part of `make bench`, whose other measurements are of the CPU. Members per second are training
steps of members per second; each population is timed over chunks after its first, which compiles.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np

from bench.floor import METHODS, hyperparameters, some_pixels
from bench.rows import print_rows, row
from normsweep import launch, load_spec
from normsweep.engine.devices import device_names, local_devices, use_all_cores
from normsweep.engine.population import Population, Shared, memory_of
from normsweep.models import GAN, MLP, Architecture, Program
from normsweep.models.networks.contract import Network
from normsweep.models.networks.dcgan import DCGAN
from normsweep.models.networks.resnet import ResNet

MEMBERS = (1, 8, 64, 256)
GROWTH = (1, 8)
"""Two numbers of members, from whose programs follows what one more takes of the memory."""
PRECISIONS = {"float32": "highest", "TF32": "tensorfloat32", "bfloat16": "highest"}
"""What JAX calls the precision of a float32 product; a CPU knows but one."""
ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """Networks on images of one shape, and the goal for the most members at once."""

    name: str
    image: tuple[int, int, int]
    generator: Network
    discriminator: Network
    chunk: int
    goal: str = "–"


CASES = (
    Case("MLP, 8×8", (8, 8, 1), MLP(output="tanh"), MLP(), 200, "≥ 50 ×"),
    Case("MLP, 28×28", (28, 28, 1), MLP(output="tanh"), MLP(), 200, "≥ 50 ×"),
    Case("dcgan, 28×28", (28, 28, 1), DCGAN(32, output="tanh"), DCGAN(32), 100, "≥ 8 ×"),
    Case("resnet, 32×32", (32, 32, 3), ResNet(32, output="tanh"), ResNet(32), 10),
)

ORDER = 1.5
METHOD = METHODS[hyperparameters(ORDER).method]
"""The one method of a program, as in a study on an accelerator: `vmap` runs all that there are."""


def program_of(case: Case, precision: str) -> tuple[Program, Shared]:
    """What is trained, and on which random images; each member is a trial on the one fold."""
    networks = (("generator", case.generator), ("discriminator", case.discriminator))
    computed = "bfloat16" if precision == "bfloat16" else "float32"
    gan = Architecture(GAN(), case.image, networks, computed)
    program = Program(gan, 64, 100_000, case.chunk, 64, methods=(METHOD,))
    images = np.random.default_rng(0).uniform(-1, 1, (4000, *case.image)).astype(np.float32)
    train = np.arange(3000, dtype=np.int32)[None]
    validation = np.arange(3000, 4000, dtype=np.int32)
    return program, Shared(images, train, validation, {}, np.uint32(0))


def steps_per_second(trained: Population, chunk_steps: int) -> float:
    """Training steps of all members together in a second."""
    setting = hyperparameters(ORDER)._replace(method=np.int32(0))

    def chunk(*, fresh: bool) -> float:
        started = time.perf_counter()
        trained.advance([setting] * trained.slots, [fresh] * trained.slots)
        return time.perf_counter() - started

    chunk(fresh=True)
    seconds = statistics.median(chunk(fresh=False) for _ in range(ROUNDS))
    return chunk_steps * trained.slots / seconds


def of_members(case: Case, precision: str, most: int) -> Iterator[dict[str, str]]:
    """A row for each number of members, and what one of them takes of the device's memory."""
    alone, a_member = 0.0, 0.0
    program, shared = program_of(case, precision)
    devices, name = local_devices(), f"{case.name}, {precision}"
    with jax.default_matmul_precision(PRECISIONS[precision]):
        for members in (number for number in MEMBERS if number <= most):
            what, goal = f"{name}, {members} at once: member-steps a second", case.goal
            if members > GROWTH[-1] and members * a_member > free_memory(devices[0]):
                yield row(what, f"does not fit: {members * a_member / 1e9:.0f} GB", goal)
                continue
            trained = Population(program, some_pixels, shared, members, devices)
            rate = steps_per_second(trained, case.chunk)
            alone = alone or rate
            figure = f"{rate:.0f}  ({rate / alone:.1f} × one at a time)"
            yield row(what, figure, goal if members == MEMBERS[-1] else "–")
            if members == GROWTH[-1]:
                few, many = (memory_of(program, some_pixels, shared, n, devices) for n in GROWTH)
                a_member = (many - few) / (GROWTH[-1] - GROWTH[0])
                yield row(f"{name}: memory a member", f"{a_member / 1e6:.1f} MB", "–")


def free_memory(device: jax.Device) -> float:
    """Bytes that a program may take of a device; a CPU does not say."""
    stats = device.memory_stats() or {}
    limit: float = stats.get("bytes_limit", math.inf)
    return limit


def of_study(slots: int) -> dict[str, str]:
    """The `digits` study without its confirmation, its trials in so many slots."""
    changes = {"study.slots": slots, "study.pruner": "none", "confirm.seeds": 0}
    spec = load_spec("digits", changes)
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
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--precision", nargs="*", choices=list(PRECISIONS), default=[*PRECISIONS])
    parser.add_argument("--no-study", action="store_true", help="leave the digits study out")
    arguments = parser.parse_args()
    use_all_cores()
    print(device_names(), "jax", jax.__version__, flush=True)
    rows = []
    for case in (case for case in CASES if case.name in arguments.only):
        for precision in arguments.precision:
            for found in of_members(case, precision, arguments.most):
                # What is known is shown: the time on such a machine may end.
                print(f"{found['what']}: {found['figure']}", flush=True)
                rows.append(found)
    if not arguments.no_study:
        rows += [of_study(slots) for slots in (4, 17)]
    print_rows(rows)


if __name__ == "__main__":
    main()
