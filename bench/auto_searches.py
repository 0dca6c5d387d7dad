"""How many trials a search takes to come within noise of the best, in ranges automatic and by hand.

Real searches on the digits, by TPE, of one strength on the discriminator of a tiny GAN, trained as
in `bench.known_studies`. All trials of a study share seeds, folds and batches, so that a strength
has one score in it: what is best a dense grid says, of the same study, over both ranges. A search
has come within noise of it with the first trial whose score is within one standard error of the
best one's, that of the best over its folds; one that never does counts as one trial more than it
has.

With `--storage sqlite:///FILE` a run that was stopped goes on, or grows.
"""

import argparse
import copy
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from optuna.storages import RDBStorage
from scipy import stats

from bench.known_studies import TINY
from bench.rows import print_rows, row
from normsweep import answer, launch
from normsweep.engine.devices import use_all_cores
from normsweep.spec import spec_from_tables
from normsweep.storage import open_storage
from normsweep.verdict.answers import Answer

TRIALS, GRID = 12, 24
Tables = dict[str, dict[str, Any]]
PENALTIES: dict[str, tuple[str, Tables, tuple[float, float]]] = {
    "l2": (
        "penalty",
        {"penalty": {"form": "power", "order": 2.0, "target": "discriminator"}},
        (1e-5, 0.1),
    ),
    "r1": ("gradient_penalty", {"gradient_penalty": {"kind": "r1"}}, (0.1, 100.0)),
}
"""The section of each, what else makes it, and its range by hand: of `digits` and `landscape`."""


def ranked(
    storage: RDBStorage, kind: str, seed: int, name: str, asked: Any, **study: Any
) -> Answer:
    """What a study of one strength found, on this seed."""
    section, others, _ = PENALTIES[kind]
    tables = copy.deepcopy(TINY | others)
    tables[section]["strength"] = asked
    tables["data"] = {"source": "digits", "seed": seed}
    tables["study"] |= {"name": f"{kind}-{name}-{seed}", "seed": seed, "trials": TRIALS} | study
    return answer(launch(spec_from_tables(tables, "bench.auto_searches"), storage).study)


def trials_needed(found: Answer, bound: float) -> int:
    """The place of the first trial at or below the bound; one more than all where none is."""
    places = {each.number: place for place, each in enumerate(found.ranking)}
    for place, number in enumerate(sorted(places), 1):
        if found.ranking[places[number]].score <= bound:
            return place
    return TRIALS + 1


def compared(storage: RDBStorage, kind: str, seed: int) -> tuple[int, int, float]:
    """The trials that a search needs, in the automatic range and by hand; decades of the former."""
    section, _, (low, high) = PENALTIES[kind]
    automatic = ranked(storage, kind, seed, "auto", "auto")
    hand = ranked(storage, kind, seed, "hand", {"low": low, "high": high, "log": True})
    measured = automatic.auto[f"{section}.strength"]
    ends = min(low, measured.low), max(high, measured.high)
    grid = [float(each) for each in np.geomspace(*ends, GRID)]
    all_of_it = ranked(storage, kind, seed, "grid", grid, sampler="grid", trials=GRID)
    best = min(
        (each.ranking[0] for each in (automatic, hand, all_of_it)), key=lambda one: one.score
    )
    bound = best.score + best.standard_error
    decades = math.log10(measured.high / measured.low)
    return trials_needed(automatic, bound), trials_needed(hand, bound), decades


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=30, help="of each kind")
    parser.add_argument("--storage", help="database to keep and go on with; default: a new one")
    asked = parser.parse_args()
    use_all_cores()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(asked.storage or f"sqlite:///{Path(folder) / 's.db'}", create=True)
        for kind, (_, _, ends) in PENALTIES.items():
            found = []
            for seed in range(asked.searches):
                found.append(compared(storage, kind, seed))
                print(kind, seed, *found[-1], file=sys.stderr, flush=True)
            auto, hand, decades = np.array(found, float).T
            for name, needed in (("automatic", auto), ("by hand", hand)):
                reached = int((needed <= TRIALS).sum())
                figure = f"{needed.mean():.1f} trials, {reached} of {len(needed)} came there"
                what = f"{kind}: to within noise of the best, range {name}"
                rows.append(row(what, figure, "fewer" if name == "automatic" else "–"))
            p = stats.wilcoxon(auto, hand).pvalue if (auto != hand).any() else 1.0
            wide = f"{decades.mean():.1f} decades, by hand {math.log10(ends[1] / ends[0]):.1f}"
            rows.append(row(f"{kind}: difference by Wilcoxon's test", f"p = {p:.2g}; {wide}", "–"))
        storage.engine.dispose()
    print_rows(rows)


if __name__ == "__main__":
    main()
