"""How many training programs a study compiles: the same for 4 trials as for 40."""

import argparse
import subprocess
import sys
import tempfile

from bench.rows import print_rows, row
from normsweep import launch, load_spec
from normsweep.engine.population import training_programs

COUNTS = (4, 40)


def compiled(trials: int) -> int:
    """Runs a study of short trials in this process, and counts."""
    short = {"study.trials": trials, "train.steps": 40, "train.chunks": 2}
    with tempfile.TemporaryDirectory() as folder:
        launch(load_spec("digits", short), f"sqlite:///{folder}/studies.db")
    return training_programs()


def main() -> None:
    """Counts in a process for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int)
    trials = parser.parse_args().trials
    if trials is not None:
        print(compiled(trials))
        return
    counts = []
    for count in COUNTS:
        command = [sys.executable, "-m", "bench.programs", "--trials", str(count)]
        counts.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found = " and ".join(f"{count.strip()}" for count in counts)
    print_rows([row("training programs compiled, 4 trials and 40", found, "the same")])


if __name__ == "__main__":
    main()
