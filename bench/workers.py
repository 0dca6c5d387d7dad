"""Two workers against one, each on a core of its own: trials per minute, searched and confirmed."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.rows import print_rows, row
from normsweep.engine.devices import available_cores

TRIALS, STEPS = 48, 960
_CONFIRMED, _LONGER = 4, 3840
"""Trials of the study that is confirmed, and their steps: twenty trainings are to take a minute."""
_SWEEP = [sys.executable, "-m", "normsweep"]


def trials_per_minute(count: int) -> float:
    """Of `count` workers, from the first trial taken to the last one complete."""
    with tempfile.TemporaryDirectory() as folder:
        # One trial more than those that are timed: the baseline.
        _submit(folder, TRIALS - 1, STEPS)
        return _rate(_work(folder, count), "trial taken", "trial complete")


def trainings_per_minute(count: int) -> float:
    """Of a confirmation by `count` workers, that is of its arms by a seed each."""
    with tempfile.TemporaryDirectory() as folder:
        _submit(folder, _CONFIRMED, _LONGER, "--set", "confirm.seeds=0")
        _work(folder, 1)
        _submit(folder, _CONFIRMED, _LONGER, "--set", "confirm.seeds=5")
        return _rate(_work(folder, count), "arm taken", "confirmed")


def _submit(folder: str, trials: int, steps: int, *options: str) -> None:
    options = ("--set", "study.pruner=none", "--set", f"train.steps={steps}", *options)
    command = [*_SWEEP, "submit", "digits", "--trials", str(trials), *options]
    subprocess.run(command, env=_environment(folder), check=True)


def _work(folder: str, count: int) -> list[dict[str, Any]]:
    """What so many workers log until nothing is left to do."""
    workers = []
    for core in available_cores()[:count]:
        command = [*_SWEEP, "worker", "digits", "--cores", str(core), "--log-json"]
        with Path(folder, f"{core}.log").open("w", encoding="utf-8") as log:
            workers.append(subprocess.Popen(command, env=_environment(folder), stderr=log))
    for worker in workers:
        if worker.wait():
            raise RuntimeError(f"a worker ended with status {worker.returncode}")
    return [
        event
        for log in Path(folder).glob("*.log")
        for event in map(json.loads, log.read_text("utf-8").splitlines())
    ]


def _environment(folder: str) -> dict[str, str]:
    return os.environ | {"SWEEP_STORAGE": f"sqlite:///{folder}/studies.db"}


def _rate(events: list[dict[str, Any]], taken: str, ended: str) -> float:
    """How many ended a minute, from the first one taken to the last one."""
    times = [time_of(event) for event in events if event["event"] == ended]
    first = min(time_of(event) for event in events if event["event"] == taken)
    return 60 * len(times) / (max(times) - first).total_seconds()


def time_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def main() -> None:
    """Measures both, compilation included."""
    rows = []
    for what, rate, wanted in (
        ("trials", trials_per_minute, "≥ 1.85 ×"),
        ("trainings of a confirmation", trainings_per_minute, "≥ 1.8 ×"),
    ):
        one, two = rate(1), rate(2)
        figure = f"{two / one:.2f} ×  ({two:.1f} against {one:.1f})"
        rows.append(row(f"{what} per minute of two workers against one", figure, wanted))
    print_rows(rows)


if __name__ == "__main__":
    main()
