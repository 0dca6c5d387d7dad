"""Where the best known strength lies in the range that `"auto"` takes, and in the one by hand.

The best are those that docs/findings.md and README.md record of one run of each spec, where that
found that something helps.
"""

import argparse
import math
import os
from pathlib import Path

from bench.rows import print_rows, row
from normsweep import load_spec
from normsweep.engine.devices import use_all_cores
from normsweep.score.auto import measured_ranges
from normsweep.score.setup import prepare
from normsweep.spec.auto import provisional, with_auto
from normsweep.spec.ranges import highest, lowest

EXAMPLES = Path(__file__).parent.parent / "examples"
BEST: dict[str, dict[str, float]] = {
    "digits": {"penalty.strength": 1.2e-3},
    "adaptive": {"penalty.strength": 1.4e-3},
    "l2-discriminator": {"penalty.strength": 0.1},
    "constraint": {"methods.l1_ball.penalty.radius": 1760.0},
    "own-nnx": {"gradient_penalty.strength": 7.8},
    "r1-gamma": {"gradient_penalty.strength": 1.85},
    "landscape": {
        "methods.wgan_gp.gradient_penalty.strength": 10.0,
        "methods.group.penalty.strength": 0.01,
        "methods.r1.gradient_penalty.strength": 10.0,
        "methods.l2.penalty.strength": 0.01,
        "methods.l1.penalty.strength": 0.001,
        "methods.weight_decay.penalty.strength": 1.0,
    },
}
"""By spec: its fields, and the best value of each."""


def main() -> None:
    """Measures the specs that are named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=f"some of: {', '.join(BEST)}")
    use_all_cores()
    rows = []
    # Files of examples are named from there.
    os.environ.setdefault("SWEEP_DATA", str(Path.cwd() / "data"))
    for name in parser.parse_args().specs or BEST:
        file = EXAMPLES / f"{name}.toml"
        by_hand = load_spec(file if file.is_file() else name)
        asked = with_auto(by_hand)
        ranges = measured_ranges(asked, prepare(provisional(asked)))
        for path, best in BEST[name].items():
            found, hand = ranges[path], by_hand.ranges()[path]
            within = found.low <= best <= found.high
            decades = math.log10(found.high / found.low)
            figure = (
                f"{found.low:g} … {found.high:g}, {decades:.1f} decades; "
                f"by hand {lowest(hand):g} … {highest(hand):g}; best {best:g} is "
                f"{'within' if within else 'outside'}"
            )
            rows.append(row(f'{name}: {path} = "auto"', figure, "the best within"))
    print_rows(rows)


if __name__ == "__main__":
    main()
