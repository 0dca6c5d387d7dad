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

from collections.abc import Sequence
from dataclasses import dataclass

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


def halt(
    trials: Sequence[Trial], *, patience: int, noise: float, startup_trials: int
) -> Halt | None:
    """Whether the gain was below `noise` times the noise after each of the last `patience` trials.

    `trials` are the finished ones of the search by number. None counts before `startup_trials` of
    them, and `WINDOW`, are complete.
    """
    # Complete, not pruned: CMA-ES, for one, begins to learn after so many with a score.
    first = _first_counting(trials, max(WINDOW, startup_trials))
    counting = [place for place in range(first, len(trials)) if trials[place].counts][-patience:]
    if len(counting) < patience:
        return None
    found: Halt | None = None
    # From the last backwards: the first that fails ends it, mostly at once.
    for place in reversed(counting):
        gain, error = gain_and_noise(trials[: place + 1], patience)
        if not gain <= noise * error:
            return None
        found = found or Halt(trials[place].number, gain, error, patience)
    return found


def _first_counting(trials: Sequence[Trial], needed: int) -> int:
    """The place of the first trial with which so many as are needed are complete."""
    complete = 0
    for place, trial in enumerate(trials):
        complete += trial.costs is not None
        if complete >= needed:
            return place
    return len(trials)


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
