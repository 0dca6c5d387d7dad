"""Whether further seeds of the leaders, before a confirmation, find the best config more often.

Replays of the searches that `bench.recorded_searches` has trained, as far as lower is better: the
recorded mean of a config over its folds is taken for the truth, and a fold's score by a seed is
drawn around it, with the deviation that its folds had, at most 1.5 times that of most. (Folds of a
seed differ as seeds do: in the studies of `bench.calibration` scores of a seed are correlated by
about 0.) Recorded means differ by more than true ones, so that the best of all is the easier to
find; `--nearer 2` moves all of them half way to the best of their kind.

A study's first seed is the search's; further ones are spent by a rule; eight more confirm those
that it names. Which is confirmed to be the best is held against the truth: whether it is the best
of all, and if not how much of that one's lead over the baseline is lost.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bench.pruners import RECORDED
from bench.rows import print_rows, row
from normsweep.verdict.statistics.racing import chosen, next_heat

TOP, CONFIRMED, MOST = 3, 8, 33
_DEVIATION = 1.5


class Record(NamedTuple):
    """The truth and the deviations of configs [configs], their kinds, and the baseline's score."""

    truth: np.ndarray
    deviations: np.ndarray
    kinds: tuple[str, ...]
    baseline: float


def records(found: dict[str, Any], nearer: float) -> Iterator[Record]:
    """The recorded searches of which lower is better."""
    for search in found.values():
        trials = search["trials"]
        if search["direction"] != "minimize":
            continue
        base = [trial for trial in trials if trial["role"] == "baseline"]
        tried = [trial for trial in trials if trial["role"] != "baseline"]
        last = np.array([trial["curve"][-1] for trial in tried])
        means, deviations = last.mean(axis=1), last.std(axis=1, ddof=1)
        usual = float(np.median(deviations / means))
        kinds = tuple(
            " ".join(str(trial["params"].get(name)) for name in ("penalty.target", "method"))
            for trial in tried
        )
        of_kind = np.array([means[np.array(kinds) == kind].min() for kind in kinds])
        truth = of_kind + (means - of_kind) / nearer
        limited = np.minimum(deviations, _DEVIATION * usual * means)
        yield Record(truth, limited, kinds, float(np.mean(base[0]["curve"][-1])))


def raced(seen: np.ndarray, kinds: Sequence[str], trainings: int) -> list[int]:
    """The configs that a race names, by scores [configs, seeds, folds], the first the search's."""
    known = [each[:1] for each in seen]
    while (heat := next_heat(known, kinds, TOP, trainings)) is not None:
        for config in heat.configs:
            known[config] = seen[config, : heat.seed + 1]
        trainings -= len(heat.configs)
    return chosen(known, kinds, TOP)


def best_of_all(seen: np.ndarray, kinds: Sequence[str], count: int) -> list[int]:
    """What may be confirmed instead: so many of the best, of whatever kind."""
    del kinds
    found = np.argsort(seen[:, 0].mean(axis=1), kind="stable")
    return [int(config) for config in found[:count]]


RULES: dict[str, Callable[[np.ndarray, Sequence[str]], list[int]]] = {
    f"{count} replicates": partial(raced, trainings=count) for count in (0, 4, 8, 16, 32)
} | {f"the best {count} of whatever kind": partial(best_of_all, count=count) for count in (3, 4, 5)}


def replay(random: np.random.Generator, of: Record, rule: str) -> tuple[bool, float]:
    """Whether the best of all is confirmed to be it, and the share of its lead that is lost."""
    shape = (len(of.truth), MOST + CONFIRMED, 3)
    drawn = of.truth[:, None, None] + of.deviations[:, None, None] * random.normal(size=shape)
    named = RULES[rule](drawn[:, :MOST], of.kinds)
    by = drawn[:, MOST:].mean(axis=(1, 2))
    best = min(named, key=lambda config: by[config])
    lost = of.truth[best] - of.truth.min()
    return bool(best == of.truth.argmin()), float(lost / (of.baseline - of.truth.min()))


def rows_of(found: Sequence[Record], replays: int, what: str) -> Iterator[dict[str, str]]:
    """What each rule finds, over all searches."""
    for rule in RULES:
        random = np.random.default_rng(1)
        made = [replay(random, of, rule) for of in found for _ in range(replays)]
        right, lost = np.array(made, float).mean(axis=0)
        figure = f"{right:.0%}, {lost:.1%} of its lead lost"
        yield row(f"{what}, {rule}: the best of all is confirmed", figure, "–")


def main() -> None:
    """Parses the command line, replays, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=100, help="of each search and rule")
    parser.add_argument("--nearer", type=float, nargs="+", default=[1.0, 2.0])
    asked = parser.parse_args()
    rows = []
    for nearer in asked.nearer:
        found = list(records(json.loads(RECORDED.read_text()), nearer))
        what = f"{len(found)} searches, differences / {nearer:g}"
        rows += list(rows_of(found, asked.replays, what))
    print_rows(rows)


if __name__ == "__main__":
    main()
