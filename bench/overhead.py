"""The share of a study's loop that is not training: asking, scoring, storing."""

import tempfile

from bench.rows import print_rows, row
from normsweep import launch, load_spec


def main() -> None:
    """Runs the built-in digits study with 40 trials."""
    with tempfile.TemporaryDirectory() as folder:
        # All of them to their end, so that runs can be compared.
        spec = load_spec("digits", {"study.trials": 40, "study.pruner": "none"})
        done = launch(spec, f"sqlite:///{folder}/studies.db")
    assert done.training_seconds is not None
    loop = done.seconds - done.preparing_seconds
    share = (loop - done.training_seconds) / loop
    figure = f"{share:.1%} of {loop:.0f} s (and {done.preparing_seconds:.1f} s to prepare)"
    print_rows([row("time outside training, 40-trial digits study", figure, "≤ 5 %")])


if __name__ == "__main__":
    main()
