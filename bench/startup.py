"""How long commands take that do not train, each as a process of its own on a small study.

And how long it is from the beginning of a launch to the end of its first chunk, with nothing
compiled before and with all of it.
"""

import os
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
    *("pause small", "resume small", "stop small"),
)
CALL = """
import sys
from normsweep.cli import main
try:
    main()
finally:
    print("jax" in sys.modules, file=sys.stderr)
"""

FIRST_CHUNK = """
import os
from normsweep import launch, load_spec

def watch(progress):
    # It is told of the study before the first chunk, too.
    if progress.phase == "training":
        os._exit(0)

launch(load_spec("digits"), "sqlite:///launched.db", watch=watch)
"""


def to_first_chunk(folder: Path) -> float:
    """Seconds that a launch of the digits takes to its first scores, compiled programs kept."""
    (folder / "launched.db").unlink(missing_ok=True)
    environment = os.environ | {"SWEEP_CACHE": str(folder / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_CHUNK], cwd=folder, env=environment, check=True)
    return time.perf_counter() - started


def seconds(command: str, folder: Path) -> tuple[float, bool]:
    """The time that a command takes, and whether it imported JAX."""
    (folder / "mine.toml").unlink(missing_ok=True)
    started = time.perf_counter()
    called = subprocess.run(
        [sys.executable, "-c", CALL, *command.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    taken = time.perf_counter() - started
    return taken, called.stderr.split()[-1] == "True"


def main() -> None:
    """Makes a study and times all commands in turn, round by round."""
    taken: dict[str, list[float]] = {command: [] for command in COMMANDS}
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
                f"{min(found):.2f} s and {median(found):.2f} s, "
                f"{'with' if command in with_jax else 'without'} JAX",
                "≤ 0.8 s",
            )
            for command, found in taken.items()
        ]
        + [
            row(
                "sweep launch digits to the end of its first chunk, at first, and then at least",
                f"{first:.1f} s and {min(again):.1f} s",
                "",
            )
        ]
    )


if __name__ == "__main__":
    main()
