"""Whether the verdicts of `sweep confirm` mean what they say: studies whose truth is known.

Real training, real searches and real confirmations of tiny GANs on MNIST at 8×8, every study with
its own seed, and its own 540 of the 60,000 images in play (`data.seed`; the rest fit the features),
so that two studies share as good as none. SWEEP_DATA names the folder that holds `mnist/`.

- `inert`: a penalty of λ in 1e-12 … 1e-10. It changes rounding alone.
- `redrawn`: a penalty that draws the initial weights once more (bench/redrawn.py). Scores differ as
  by any other seed; none is better.
- `helps`, `hurts`, `slight`: one of two strengths on the discriminator, or the generator; the last
  hurts less. Their effects in the long run, over data and seeds alike, come from studies of their
  own, with both strengths and more seeds.
- `images`, `shards`: generators that learn slowly, so that seeds differ little, and 90 images in
  play, which make most of the doubt. Of `shards` each seed has 90 of its own, and none of the other
  tests applies. One look: what is asked for is the interval.
- `convolutional`, `convolutional_shards`: the same of convolutional networks on MNIST at 28×28, of
  few steps from weights that all seeds share (bench/pretrained.py), and of 5,000 digits, which make
  about half of the doubt; of shards 625 for each seed. Studies and the long run draw them from the
  same 60,000, so that intervals that are right hold it in 95.4 %.

Studies are looked at after each seed from the third on, and end with a word, or after all of them.
Beside the test on which verdicts rest stands every other one of `TESTS` for such, as one over the
seeds' means, which takes the images in play as given; and `resampled`, on which verdicts of 0.4
rested: both of the look at which the study ended, and held against what that is.

`--null` and `--effect` are numbers of studies of each kind. With `--storage sqlite:///FILE` a run
that was stopped goes on, or grows.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from optuna.storages import RDBStorage
from scipy import stats

from bench.known_studies import (
    KINDS,
    NULL_KINDS,
    PARTS,
    REFERENCE_SEEDS,
    SEEDS,
    TRUE_VERDICTS,
    Outcome,
    Paired,
    long_run,
    outcome,
)
from bench.rows import print_rows, row
from normsweep.data.sources import usual_folder
from normsweep.storage import open_storage
from normsweep.verdict.effect import ALPHA
from normsweep.verdict.statistics import HALVES, TESTS, VERDICT
from normsweep.verdict.statistics.estimate import Estimate, estimate
from normsweep.verdict.statistics.holm import holm

RESAMPLED = "resampled"
_FOUND = {"helps": "≥ 98 %", "hurts": "≥ 98 %", "slight": "≥ 85 %"}
"""Of studies of a kind those that find its effect, as wanted."""
_OTHERS = (RESAMPLED, *(name for name in TESTS if name not in (VERDICT, HALVES)))


def share(those: Sequence[bool]) -> str:
    """A share with its Wilson interval of 95 %, and the counts."""
    found, count = sum(those), len(those)
    if not count:
        return "none measured"
    low, high = stats.binomtest(found, count).proportion_ci(0.95, method="wilson")
    return f"{found / count:.1%}  ({found} of {count}; {low:.1%} to {high:.1%})"


def verdict_by(test: str, candidates: Sequence[Paired]) -> str:
    """The verdict that the rule of a confirmation gives with another test; lower is better."""
    tested = [entry for entry in candidates if entry.differences.any()]
    certain = [p <= ALPHA for p in holm([estimated(test, entry).p for entry in tested])]
    better = [entry.differences.mean() < 0 for entry in tested]
    if any(sure and good for sure, good in zip(certain, better, strict=True)):
        return "helps"
    return "hurts" if len(tested) == len(candidates) and all(certain) else "unclear"


def estimated(test: str, entry: Paired) -> Estimate:
    """What a test says of a candidate; that of 0.4 is the corrected resampled t-test.

        standard_error² = (1/n + 1/(folds − 1)) · s²,    n − 1 degrees

    of all n differences alike, where every image that is held out judges (Nadeau and Bengio,
    Machine Learning 52, 2003, section 3.1).
    """
    if test == RESAMPLED:
        flat = entry.differences.ravel()
        share = 1 / len(flat) + 1 / (entry.differences.shape[1] - 1)
        error = float(np.sqrt(share * flat.var(ddof=1)))
        return entry.look.estimate(estimate(float(flat.mean()), error, len(flat) - 1))
    found = TESTS[test].estimate(entry.differences, entry.influences)
    assert found is not None
    return entry.look.estimate(found)


def seeds_row(kind: str, found: Sequence[Outcome], target: str) -> dict[str, str]:
    """How many seeds it took on the average, of at most `SEEDS`."""
    used = [each.seeds for each in found]
    counts = ", ".join(f"{used.count(seeds)} by {seeds}" for seeds in sorted(set(used)))
    return row(f"{kind}: seeds on the average", f"{np.mean(used):.1f}  ({counts})", target)


def width(estimates: Sequence[Estimate]) -> str:
    """How far their intervals reach from the middle, on the average."""
    return f"± {np.mean([(each.high - each.low) / 2 for each in estimates]):.3g}"


def correlation(differences: np.ndarray) -> float:
    """Of differences [studies, n] within a study: the intraclass correlation, by one-way ANOVA.

        (B − W) / (B + (n − 1) · W)

    with B and W the mean squares between and within studies (Shrout and Fleiss, Psychological
    Bulletin 86, 1979: ICC(1, 1)). The test of 0.4 presumed 1 / folds.
    """
    count = differences.shape[1]
    between = count * differences.mean(axis=1).var(ddof=1)
    within = differences.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (count - 1) * within))


def shared_row(kind: str, centred: Sequence[np.ndarray]) -> Iterator[dict[str, str]]:
    """How alike the differences of a study are, beyond the effect in the long run."""
    if len(centred) > 1 and any(each.any() for each in centred):
        # Studies end after as many seeds as it takes.
        seeds = min(len(each) for each in centred)
        flat = np.stack([each[:seeds].ravel() for each in centred])
        figure = f"{correlation(flat):.3f}"
        what = f"{kind}: correlation of a study's differences"
        yield row(what, figure, f"0.4 presumed {1 / centred[0].shape[1]:.2f}")


def null_rows(kind: str, found: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    """How often nothing was called something."""
    wrong = [each.verdict != "unclear" for each in found]
    yield row(f"{kind}: verdicts other than “not decided”", share(wrong), "≤ 5 %")
    for test in _OTHERS:
        wrong = [verdict_by(test, each.candidates) != "unclear" for each in found]
        yield row(f"{kind}: the same by the test {test}", share(wrong), "≤ 5 %")
    if found:
        yield seeds_row(kind, found, f"≤ {SEEDS}")
    every = [entry for each in found for entry in each.candidates]
    candidates = [entry for entry in every if entry.differences.any()]
    equal = len(every) - len(candidates)
    if equal:
        yield row(f"{kind}: candidates equal to the baseline to the bit", f"{equal}", "–")
    for test in (VERDICT, *_OTHERS):
        plain = [estimated(test, entry).p <= ALPHA for entry in candidates]
        yield row(f"{kind}: single candidates with p ≤ 0.05 by {test}", share(plain), "–")
    # Candidates of a study share a baseline.
    means = np.array(
        [np.mean([entry.differences.mean() for entry in each.candidates]) for each in found]
    )
    if len(means) > 1:
        error = means.std(ddof=1) / np.sqrt(len(means))
        yield row(f"{kind}: mean difference", f"{means.mean():+.4f} ± {error:.4f}", "0")
    yield from shared_row(kind, [each.best.differences for each in found])


def effect_rows(
    kind: str, found: Sequence[Outcome], truth: dict[float, tuple[float, float]]
) -> Iterator[dict[str, str]]:
    """How often an effect was found, and how often its interval held the long run's."""
    right = [each.verdict == TRUE_VERDICTS[kind] for each in found]
    yield row(f"{kind}: found", share(right), _FOUND.get(kind, "–"))
    others = () if kind in PARTS else _OTHERS
    for test in others:
        right = [verdict_by(test, each.candidates) == TRUE_VERDICTS[kind] for each in found]
        yield row(f"{kind}: found by the test {test}", share(right), _FOUND.get(kind, "–"))
    yield seeds_row(kind, found, "≤ 4" if kind in ("helps", "hurts") else "–")
    best = [(each, truth[each.strength]) for each in found if each.estimate is not None]
    inside = [e.estimate.low <= mean <= e.estimate.high for e, (mean, _) in best if e.estimate]
    yield row(
        f"{kind}: 95 % interval holds the effect in the long run", share(inside), "93 to 97 %"
    )
    # Where `confirm.smallest` is the effect itself.
    within = [
        max(abs(e.estimate.low), abs(e.estimate.high)) <= abs(mean)
        for e, (mean, _) in best
        if e.estimate
    ]
    yield row(f"{kind}: “no effect larger than” this one, falsely", share(within), "≤ 5 %")
    for test in others:
        theirs = [(estimated(test, each.best), mean) for each, (mean, _) in best]
        inside = [other.low <= mean <= other.high for other, mean in theirs]
        yield row(f"{kind}: the same of the interval of {test}", share(inside), "–")
    for test in (VERDICT, *others) if best and others else ():
        told = [estimated(test, each.best) for each, _ in best]
        yield row(f"{kind}: half the interval, by {test}", width(told), "–")
    errors = [each.estimate.standard_error for each, _ in best if each.estimate is not None]
    off = [each.best.differences.mean() - mean for each, (mean, _) in best]
    spread = float(np.sqrt(np.mean(np.square(off))))
    figure = f"{np.sqrt(np.mean(np.square(errors))) / spread:.1f} ×"
    yield row(f"{kind}: standard error that is told, over the spread of the estimates", figure, "–")
    yield from shared_row(kind, [each.best.differences - mean for each, (mean, _) in best])
    for strength, (mean, error) in truth.items():
        chosen = sum(each.strength == strength for each in found)
        figure = f"{mean:+.2f} ± {error:.2f}, chosen by {chosen} of {len(found)}"
        yield row(f"{kind}: effect of λ = {strength:g} in the long run", figure, "–")


def measured(
    storage: RDBStorage, kind: str, folder: Path, studies: int, references: int
) -> Iterator[dict[str, str]]:
    """Runs the studies of a kind, says how far it is, and yields its rows."""
    begun = time.monotonic()
    found = []
    for number in range(studies):
        found.append(outcome(storage, kind, number, folder))
        if (number + 1) % 10 == 0:
            passed = time.monotonic() - begun
            words = [each.verdict for each in found]
            counts = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
            print(f"{kind}: {number + 1} studies, {passed:.0f} s: {counts}", file=sys.stderr)
    if kind in NULL_KINDS:
        yield from null_rows(kind, found)
    elif found:
        yield from effect_rows(kind, found, long_run(storage, kind, references, folder))


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--null", type=int, default=100, help="studies of each kind of null")
    parser.add_argument("--effect", type=int, default=25, help="studies of each kind of effect")
    parser.add_argument("--references", type=int, default=20, help="studies for the long run")
    parser.add_argument("--storage", help="database to keep and go on with; default: a new one")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="some of the kinds")
    asked = parser.parse_args()
    mnist = usual_folder("mnist")
    if not mnist.is_dir():
        parser.error(f"{mnist}: no such folder; SWEEP_DATA names its parent, see sweep data fetch")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        url = asked.storage or f"sqlite:///{Path(folder) / 'studies.db'}"
        storage = open_storage(url, create=True)
        for kind in asked.only:
            studies = asked.null if kind in NULL_KINDS else asked.effect
            rows += list(measured(storage, kind, mnist, studies, asked.references))
        storage.engine.dispose()
    print(f"{SEEDS} seeds and 3 folds a study; {REFERENCE_SEEDS} seeds in the long run's.")
    print_rows(rows)


if __name__ == "__main__":
    main()
