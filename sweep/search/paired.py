"""A pruner that compares trials fold by fold at the same step, and lets the slow ones catch up.

All trials of a study share folds, seeds and batches, so that what makes a fold or a step hard falls
out of their difference. Early ranks favour weak penalties: a trial may lead that is behind for half
of its training. So being behind is no reason; being further behind than trials come from there is.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

MOVE, PACE = 1.0, 0.5
"""How much of what others still moved, and of its own pace, a trial is given. Chosen on recorded
searches (`bench/recorded_searches.py`); tests/search/test_paired.py says what it costs there."""
LEAST = 4
"""So many trials, the baseline among them, have come to their end before any is pruned."""
BEST = 20
"""Of those, at most so many are compared with: the better half."""

Curves = Callable[[FrozenTrial], np.ndarray | None]
"""The costs of a trial, lower is better, [chunks so far, folds]; None where they are not known."""


def of_reports(trial: FrozenTrial) -> np.ndarray | None:
    """The means over folds that it reported, of a study that is minimised, as those of one fold."""
    values = [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
    return np.array(values)[:, None] if values else None


@dataclass
class Leaders:
    """The best of the curves [T, folds] that were added, by their mean at the end, the first first.

    Of equals the one of the lower number leads. `count` were added.
    """

    count: int = 0
    _best: list[tuple[float, int, np.ndarray]] = field(default_factory=list)

    def add(self, number: int, curve: np.ndarray) -> None:
        """Takes the curve of a trial that came to its end."""
        self.count += 1
        entry = (float(curve[-1].mean()), number, curve)
        bisect.insort(self._best, entry, key=lambda each: each[:2])
        del self._best[BEST:]

    def better(self) -> np.ndarray:
        """The better half of all, `BEST` at most, [trials, T, folds]."""
        number = min(BEST, (self.count + 1) // 2)
        return np.stack([curve for _, _, curve in self._best[:number]])


def is_hopeless(
    own: np.ndarray, better: np.ndarray, move: float = MOVE, pace: float = PACE
) -> bool:
    """Whether a trial with the costs `own` [t, folds] is too far behind to be the best.

    `better` [trials, T, folds] are the better half of those that came to their end, best first.
    In every fold f

        own_t − best_t > move · max_i |c_i,t − c_i,T| + pace · (T − t) · max(own_(t−1) − own_t, 0):

    the trial is further behind the best one at the same step than any of them still moved from
    there to its end, up or down, and than half its own latest gain would bring in the chunks that
    are left. Units are those of the cost, whatever it is.
    """
    t, last = len(own) - 1, better.shape[1] - 1
    behind = own[t] - better[0, t]
    moved = np.abs(better[:, t] - better[:, last]).max(axis=0)
    gain = np.maximum(own[t - 1] - own[t], 0.0)
    return bool((behind > move * moved + pace * (last - t) * gain).all())


@dataclass(frozen=True)
class PairedPruner(BasePruner):
    """Prunes what `is_hopeless`, after `warmup` chunks and two at least, of `chunks`.

    Of each trial that came to its end the curve is asked for once.
    """

    chunks: int
    warmup: int
    curves: Curves = of_reports
    move: float = MOVE
    pace: float = PACE
    _asked: set[int] = field(default_factory=set)
    _leaders: dict[tuple[int, ...], Leaders] = field(default_factory=dict)

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """As Optuna asks it, of a trial that has reported."""
        own = self.curves(trial)
        if own is None or not max(2, self.warmup) <= len(own) < self.chunks:
            return False
        for each in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if each.number not in self._asked:
                self._add(each)
        # One that collapsed is shorter; one that other code added may have other folds.
        leaders = self._leaders.get((self.chunks, own.shape[1]), Leaders())
        if leaders.count < LEAST:
            return False
        return is_hopeless(own, leaders.better(), self.move, self.pace)

    def _add(self, trial: FrozenTrial) -> None:
        curve = self.curves(trial)
        self._asked.add(trial.number)
        if curve is not None:
            self._leaders.setdefault(curve.shape, Leaders()).add(trial.number, curve)
