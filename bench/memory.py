"""Peak memory of a study of 200 trials against one of 20."""

import argparse
import resource
import subprocess
import sys
import tempfile

from bench.rows import print_rows, row
from normsweep import launch, load_spec

COUNTS = (20, 200)


def peak(trials: int) -> float:
    """Runs a study of short trials in this process; its peak resident memory in MiB."""
    short = {"study.trials": trials, "train.steps": 40, "train.chunks": 2}
    with tempfile.TemporaryDirectory() as folder:
        launch(load_spec("digits", short), f"sqlite:///{folder}/studies.db")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measures in a process for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int)
    trials = parser.parse_args().trials
    if trials is not None:
        print(peak(trials))
        return
    peaks = []
    for count in COUNTS:
        command = [sys.executable, "-m", "bench.memory", "--trials", str(count)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(float(result.stdout))
    few, many = peaks
    figure = f"{many / few:.3f} ×  ({many:.0f} and {few:.0f} MiB)"
    print_rows([row("peak memory, 200 trials against 20", figure, "within 5 %")])


if __name__ == "__main__":
    main()
