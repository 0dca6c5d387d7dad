"""When to stop a search: what it may still gain is less than the folds can tell apart.

The gain that more trials may bring is estimated from the scores of the latest ones, and compared
with the error of the best one's score. Nothing here knows a study or a database.

References:
  Makarova et al., "Automatic Termination for Hyperparameter Optimization", AutoML 2022,
  arXiv:2104.08166: stop when the regret that is left is below the standard error of the
  cross-validation, with the correction below; there the regret is bounded by a Gaussian process;
  Nguyen et al., "Regret for Expected Improvement over the Best-Observed Value and Stopping
  Condition", ACML 2017: stop when the expected improvement is small;
  Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003: the
  variance of a difference over K overlapping folds, (1/K + 1/(K − 1))·s².
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

WINDOW = 10
"""So many completed trials, the latest, say what the next ones may be like."""
_POINTS = 201


@dataclass(frozen=True)
class Trial:
    """A finished trial of the search: its number, and its costs by fold, lower is better.

    A pruned one has no costs, nor has one that misses what is required of it, nor one that cannot
    be paired with the others. `counts` says whether it is one of the trials in a row.
    """

    number: int
    costs: tuple[float, ...] | None
    counts: bool = True


@dataclass(frozen=True)
class Halt:
    """The search may stop after a trial: what was still to be gained, and the noise of the folds.

    `in_a_row` trials found the gain below the noise, times a factor.
    """

    after: int
    gain: float
    noise: float
    in_a_row: int


class History:
    """The finished trials of a search, added one by one, in any order: they stand by number.

    What is asked of them after each costs the same after ten and after ten thousand.
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self._trials: list[Trial] = []
        # After each: how many are complete, and the place of the best of them.
        self._complete: list[int] = []
        self._best: list[int] = []
        self._means: list[float] = []
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Takes a trial that has finished."""
        first = bisect_right(self._trials, trial.number, key=lambda each: each.number)
        self._trials.insert(first, trial)
        self._means.insert(first, math.inf if trial.costs is None else float(np.mean(trial.costs)))
        del self._complete[first:], self._best[first:]
        # Those behind it are few: it was in training beside them.
        for place in range(first, len(self._trials)):
            before = self._complete[-1] if place else 0
            self._complete.append(before + (self._trials[place].costs is not None))
            best = self._best[-1] if place else 0
            self._best.append(place if self._means[place] < self._means[best] else best)

    def halt(self, *, patience: int, noise: float, startup_trials: int) -> Halt | None:
        """Whether after each of the last `patience` trials the gain was below `noise` · its noise.

        None of the trials counts before `startup_trials` of them, and `WINDOW`, are complete.
        """
        # Complete, not pruned: CMA-ES, for one, begins to learn after so many with a score.
        first = bisect_left(self._complete, max(WINDOW, startup_trials))
        places = range(len(self._trials) - 1, first - 1, -1)
        counting = list(islice((p for p in places if self._trials[p].counts), patience))
        if len(counting) < patience:
            return None
        found: Halt | None = None
        # From the last backwards: the first that fails ends it, mostly at once.
        for place in counting:
            gain, error = gain_and_noise(self._best_and_latest(place), patience)
            if not gain <= noise * error:
                return None
            found = found or Halt(self._trials[place].number, gain, error, patience)
        return found

    def _best_and_latest(self, last: int) -> list[Trial]:
        """Of the trials up to a place, those that `gain_and_noise` depends on."""
        complete = (p for p in range(last, -1, -1) if self._trials[p].costs is not None)
        latest = list(islice(complete, WINDOW))[::-1]
        best = self._best[last]
        return [self._trials[place] for place in ([best] * (best not in latest) + latest)]


def gain_and_noise(trials: Sequence[Trial], more: int) -> tuple[float, float]:
    """What `more` trials like the latest ones are expected to gain, and what the folds can tell.

    With b the best mean cost and m, s the centre and the spread of the latest `WINDOW`:

        gain  = E max(b − min(Y₁ … Yₙ), 0) = ∫ 1 − (1 − Φ((x − m)/s))ⁿ dx,  x from −∞ to b,
        noise = √((1/K + 1/(K − 1))·v),

    m is the median, s the median deviation of those below it, so that trials that went wrong do not
    count as hope. v is the median, over the latest, of the variance of their differences from the
    best one, fold by fold: what makes a fold hard for all is not noise.
    """
    costs = np.array([trial.costs for trial in trials if trial.costs is not None])
    means, folds = costs.mean(axis=1), costs.shape[1]
    best = int(np.argmin(means))
    recent = np.arange(max(0, len(costs) - WINDOW), len(costs))
    differences = costs[recent[recent != best]] - costs[best]
    variance = float(np.median(np.var(differences, axis=1, ddof=1)))
    error = float(np.sqrt((1 / folds + 1 / (folds - 1)) * variance))
    return expected_gain(means[recent], float(means[best]), more), error


def expected_gain(recent: np.ndarray, best: float, more: int) -> float:
    """How far the least of `more` scores like the recent ones is expected to be below the best."""
    # SciPy takes longer to import than many a command takes in all.
    from scipy.special import log_ndtr, ndtri

    centre = float(np.median(recent))
    below = centre - recent[recent <= centre]
    # Times 1/Φ⁻¹(¾) the median deviation is the standard deviation of a normal distribution.
    spread = float(1 / ndtri(0.75) * np.median(below))
    if spread == 0:
        return max(best - centre, 0.0)
    # In units of the spread; below −12 nothing is left of the integral.
    places = np.linspace(-12.0, (best - centre) / spread, _POINTS)
    if places[-1] <= places[0]:
        return 0.0
    share = -np.expm1(more * log_ndtr(-places))
    return float(spread * np.trapezoid(share, places))
