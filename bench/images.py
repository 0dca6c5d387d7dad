"""Data sets of many images: what a step costs from a file, what trains in 2 GB, peaks of memory."""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.rows import print_rows, row

SHAPE = (32, 32, 3)
LARGE, LIMIT = 4_000_000_000, 2_000_000_000
"""Bytes of the data set, and of the addresses that its process may have."""
FEW, COUNTS = 2_000, (60_000, 100_000)
ROUNDS, STEPS = 5, 60
_BLOCK = 10_000


def write(path: Path, count: int) -> None:
    """Smooth images with some noise, uint8, and labels, as `numpy.savez` writes them."""
    draw = np.random.default_rng(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *SHAPE)}
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("images.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for begin in range(0, count, _BLOCK):
                some = min(_BLOCK, count - begin)
                coarse = draw.integers(0, 200, (some, 4, 4, 3), np.uint8)
                smooth = coarse.repeat(8, axis=1).repeat(8, axis=2)
                file.write(smooth + draw.integers(0, 50, smooth.shape, np.uint8))
        with archive.open("labels.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(count, dtype=np.int32) % 10)


@contextmanager
def archive(count: int) -> Iterator[Path]:
    """A file of so many images, for a while; refuses where the disk would be full."""
    size = count * int(np.prod(SHAPE))
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < 2 * size:
            raise SystemExit(f"{folder}: {size / 1e9:.1f} GB do not fit; TMPDIR names another")
        path = Path(folder) / "images.npz"
        write(path, count)
        yield path


def spec_of(path: Path, **changes: Any) -> Any:
    """One config on an archive, of some steps."""
    from normsweep import load_spec

    given = {
        "penalty.order": 2.0,
        "penalty.target": "both",
        "data.source": "npz",
        "data.path": str(path),
        "penalty.strength": 1e-3,
        "score.folds": 2,
        "score.features": "random",
        "score.samples": 200,
        "score.record": [],
        "train.steps": STEPS,
        "train.chunks": 1,
        "train.batch": 64,
    }
    return load_spec("digits", given | changes)


def forget(path: Path) -> None:
    """Makes the system drop what it keeps of a file in memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def steps(path: Path) -> dict[str, float]:
    """Seconds of the processor for a chunk from memory, from the file, and from a cold disk.

    Of the processor, since a machine that others use too tells them apart no better than chance.
    """
    from normsweep.data import npz
    from normsweep.engine.devices import use_all_cores
    from normsweep.engine.settings import hyperparameters_of, program_of
    from normsweep.score.run import Run
    from normsweep.score.setup import prepare
    from normsweep.score.training import Training

    use_all_cores()
    spec = spec_of(path, **{"study.slots": 1})
    trained = {}
    for where, room in (("memory", True), ("file", False)):
        with patch.object(npz, "has_room", lambda size, room=room: room):
            trained[where] = Training(spec, prepare(spec))
    timed: dict[str, list[float]] = {"memory": [], "file": [], "cold file": []}
    for _ in range(ROUNDS):
        for where, seconds in timed.items():
            training = trained["file" if "file" in where else where]
            setup = training.setup
            program = program_of(spec, setup.image_shape, setup.samples, classes=setup.classes)
            numbers = hyperparameters_of(spec, family=program.family)
            if where == "cold file":
                forget(path)
            begun = time.process_time()
            list(training.advance([Run(spec, program, numbers)]))
            seconds.append(time.process_time() - begun)
            print(f"{where}: {seconds[-1]:.2f} s", file=sys.stderr, flush=True)
    # The first one compiles.
    return {where: statistics.median(each[1:]) for where, each in timed.items()}


def limited(path: Path) -> dict[str, float]:
    """Scores a config in this process, whose addresses are limited."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    from normsweep.export.again import score_config
    from normsweep.spec.config import Config

    begun = time.perf_counter()
    found = score_config(Config(spec_of(path), {}))
    return {"score": found.score, "seconds": time.perf_counter() - begun, **peak()}


def study(path: Path) -> dict[str, float]:
    """Runs a study of three trials on an archive; its peak of memory."""
    from normsweep import launch, load_spec

    short = {"study.trials": 3, "train.steps": 40, "train.chunks": 2}
    of = {"data.source": "npz", "data.path": str(path)}
    with tempfile.TemporaryDirectory() as folder:
        launch(load_spec("digits", short | of), f"sqlite:///{folder}/studies.db")
    return peak()


def peak() -> dict[str, float]:
    """Bytes of memory, and of addresses, that this process has had at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return {name: int(told[name].split()[0]) * 1024.0 for name in ("VmHWM", "VmPeak")}


def in_a_process(what: str, path: Path) -> dict[str, float]:
    """What a function of this module gives, in a process of its own."""
    command = [sys.executable, "-m", "bench.images", "--inside", what, "--path", str(path)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"steps": steps, "limited": limited, "study": study}
    parser.add_argument("--inside", choices=parts)
    parser.add_argument("--path", type=Path)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(parts[given.inside](given.path)))
    else:
        measure()


def measure() -> None:
    """Prints the rows."""
    rows = []
    pixels = int(np.prod(SHAPE))
    with archive(FEW) as path:
        few = in_a_process("study", path)["VmHWM"]
    for count in COUNTS:
        with archive(count) as path:
            took = in_a_process("study", path)["VmHWM"]
            if count == COUNTS[0]:
                timed = in_a_process("steps", path)
        figure = (
            f"{(took - few) / ((count - FEW) * pixels):.2f} ×  ({took / 1e6:.0f} MB, and "
            f"{few / 1e6:.0f} with {FEW:,} images; the array is {count * pixels / 1e6:.0f})"
        )
        rows.append(row(f"peak memory of a study, {count:,} images of 32×32×3", figure, "≤ 2.5 ×"))
    for where in ("file", "cold file"):
        figure = (
            f"{timed[where] / timed['memory']:.2f} ×  ({timed[where] / STEPS * 1e3:.1f} and "
            f"{timed['memory'] / STEPS * 1e3:.1f} ms of the processor, two members)"
        )
        rows.append(row(f"a step from a {where} against memory, 32×32×3", figure, "≤ 1.3 ×"))
    with archive(LARGE // pixels) as path:
        found = in_a_process("limited", path)
    figure = (
        f"yes, in {found['seconds']:.0f} s  (memory {found['VmHWM'] / 1e6:.0f} MB, addresses "
        f"{found['VmPeak'] / 1e6:.0f} MB)"
    )
    rows.append(row("4 GB of images train with `ulimit -v` of 2 GB", figure, "yes"))
    print_rows(rows)


if __name__ == "__main__":
    main()
