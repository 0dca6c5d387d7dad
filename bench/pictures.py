"""60,000 PNGs in class folders: a look at them, the first load, and the next one from the cache."""

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.rows import print_rows, row
from normsweep.data import load_dataset

COUNT, SIDE, CLASSES = 60_000, 32, 10
MIB = 2**20


def write(folder: Path, count: int) -> None:
    """Writes smooth random pictures in colour, some of each class."""
    drawn = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / str(label)).mkdir()
    for number in range(count):
        # What is smooth packs as photographs do; noise would not pack at all.
        coarse = drawn.integers(0, 256, (8, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / str(number % CLASSES) / f"{number:06}.png")


def load(folder: Path) -> str:
    """Loads it in this process; seconds by the clock and of the processor, and its memory."""
    before, begun, worked = peak(), time.perf_counter(), time.process_time()
    size = math.prod(load_dataset("folder", path=folder).images.shape)
    taken, worked = time.perf_counter() - begun, time.process_time() - worked
    return f"{taken} {worked} {peak() - before} {size}"


def show(folder: Path, cache: str) -> str:
    """Runs `sweep data show` on it; seconds by the clock and of the processor, start and all."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["-m", "normsweep", "data", "show", "folder", "--path", str(folder), "--json"]
    subprocess.run(
        [sys.executable, *command, "-o", f"{cache}.png"],
        env={**os.environ, "SWEEP_CACHE": cache},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after, taken = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begun
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{taken:.1f} s  ({worked:.1f} s of the processor)"


def peak() -> int:
    """The most resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Writes the pictures, looks at them, and loads them twice, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--load", type=Path)
    arguments = parser.parse_args()
    if arguments.load is not None:
        print(load(arguments.load))
        return
    rows = []
    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name) / "pictures"
        pictures.mkdir()
        write(pictures, arguments.count)
        shown = f"`sweep data show` of {arguments.count} PNGs of {SIDE}×{SIDE}×3"
        rows.append(row(f"{shown}, by headers", show(pictures, f"{name}/cache"), "≤ 10 s"))
        for what, target in (("the first time", "≤ 60 s"), ("from the cache", "≤ 2 s")):
            result = subprocess.run(
                [sys.executable, "-m", "bench.pictures", "--load", str(pictures)],
                env={**os.environ, "SWEEP_CACHE": f"{name}/cache"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            seconds, worked, memory, size = map(float, result.stdout.split())
            of = f"{arguments.count} PNGs of {SIDE}×{SIDE}×3"
            rows += [
                row(f"{of}, {what}", f"{seconds:.1f} s  ({worked:.1f} s of the processor)", target),
                row(
                    f"peak memory beyond the imports over the uint8 array, {what}",
                    f"{memory / size:.2f} ×  ({memory / MIB:.0f} MiB)",
                    "≤ 2 ×",
                ),
            ]
        rows.append(row(f"{shown}, from the cache", show(pictures, f"{name}/cache"), "≤ 10 s"))
    print_rows(rows)


if __name__ == "__main__":
    main()
