"""How long commands take that do not train, each as a process of its own on a small study.

And how long it is from the beginning of a launch to the end of its first chunk, with nothing
compiled before and with all of it. Seconds of the processor stand beside those of the clock, which
other work lengthens more.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.rows import print_rows, row
from normsweep import launch, load_spec

ROUNDS = 7
LAUNCHES = 4
COMMANDS = (
    *("--help", "init mine.toml"),
    *("list", "show small", "status"),
    *("pause small", "resume small", "stop small", "export small"),
)
CALL = """
import sys
from normsweep.cli import main
try:
    main()
finally:
    print("jax" in sys.modules, file=sys.stderr)
"""

CHUNKS = """
import os
import time
from normsweep import launch, load_spec

ended = []

def watch(progress):
    # It is told of the study before the first chunk, too.
    if progress.phase == "training":
        ended.append(time.time())
    if len(ended) == 2:
        print(*ended)
        os.sys.stdout.flush()
        os._exit(0)

launch(load_spec("digits"), "sqlite:///launched.db", watch=watch)
"""
"""The first chunk has all that is prepared before it, the second one nothing."""

Seconds = tuple[float, float]
"""Those of the clock, and those of the processor."""


def processor() -> float:
    """Seconds of the processor that the processes took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bytecode() -> dict[str, str]:
    """The environment with Python's compiled modules kept, as they are wherever one installs it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def to_first_chunk(folder: Path) -> tuple[float, float]:
    """Seconds that a launch of the digits takes to its first scores, and of a chunk."""
    (folder / "launched.db").unlink(missing_ok=True)
    environment = bytecode() | {"SWEEP_CACHE": str(folder / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    started = time.time()
    called = subprocess.run(
        [sys.executable, "-c", CHUNKS],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    first, second = map(float, called.stdout.split())
    return first - started, second - first


def seconds(command: str, folder: Path) -> tuple[Seconds, bool]:
    """The time that a command takes, and whether it imported JAX."""
    (folder / "mine.toml").unlink(missing_ok=True)
    started, used = time.perf_counter(), processor()
    called = subprocess.run(
        [sys.executable, "-c", CALL, *command.split()],
        cwd=folder,
        env=bytecode(),
        capture_output=True,
        text=True,
        check=True,
    )
    taken = time.perf_counter() - started, processor() - used
    return taken, called.stderr.split()[-1] == "True"


def main() -> None:
    """Makes a study and times all commands in turn, round by round."""
    taken: dict[str, list[Seconds]] = {command: [] for command in COMMANDS}
    with_jax: set[str] = set()
    small = {"study.name": "small", "study.trials": 4, "train.steps": 40, "train.chunks": 2}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launch(load_spec("digits", small), f"sqlite:///{folder}/studies.db")
        for _ in range(ROUNDS):
            for command in COMMANDS:
                found, imported = seconds(command, folder)
                taken[command].append(found)
                with_jax |= {command} if imported else set()
        first, *again = (to_first_chunk(folder) for _ in range(LAUNCHES))
    print_rows(
        [
            row(
                f"sweep {command}, least and median of {ROUNDS}",
                f"{min(clock):.2f} s and {median(clock):.2f} s, {min(used):.2f} s of the "
                f"processor, {'with' if command in with_jax else 'without'} JAX",
                "≤ 0.8 s",
            )
            for command, found in taken.items()
            for clock, used in [tuple(zip(*found, strict=True))]
        ]
        + [
            row(
                f"sweep launch digits to the end of its first chunk, {when}",
                f"{whole:.1f} s, of which a chunk {chunk:.1f} s",
                wanted,
            )
            for when, (whole, chunk), wanted in (
                ("nothing compiled", first, ""),
                (f"all compiled, least of {LAUNCHES - 1}", min(again), "≤ 3 s + the chunk"),
            )
        ]
    )


if __name__ == "__main__":
    main()
