"""Two workers against one, each on a core of its own: trials per minute of one study."""

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

TRIALS = 96


def trials_per_minute(count: int) -> float:
    """Of `count` workers, from the first trial taken to the last one complete."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"SWEEP_STORAGE": f"sqlite:///{folder}/studies.db"}
        sweep = [sys.executable, "-m", "normsweep"]
        # One trial more than those that are timed: the baseline.
        options = ["--trials", str(TRIALS - 1), "--set", "study.pruner=none"]
        subprocess.run([*sweep, "submit", "digits", *options], env=environment, check=True)
        workers = []
        for core in available_cores()[:count]:
            command = [*sweep, "worker", "digits", "--cores", str(core), "--log-json"]
            with Path(folder, f"{core}.log").open("w", encoding="utf-8") as log:
                workers.append(subprocess.Popen(command, env=environment, stderr=log))
        for worker in workers:
            if worker.wait():
                raise RuntimeError(f"a worker ended with status {worker.returncode}")
        events = [
            event
            for log in Path(folder).glob("*.log")
            for event in map(json.loads, log.read_text("utf-8").splitlines())
        ]
    first = min(time_of(event) for event in events if event["event"] == "trial taken")
    last = max(time_of(event) for event in events if event["event"] == "trial complete")
    return 60 * TRIALS / (last - first).total_seconds()


def time_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def main() -> None:
    """Measures both, compilation included."""
    one, two = trials_per_minute(1), trials_per_minute(2)
    figure = f"{two / one:.2f} ×  ({two:.1f} against {one:.1f})"
    print_rows([row("trials per minute of two workers against one", figure, "≥ 1.85 ×")])


if __name__ == "__main__":
    main()
