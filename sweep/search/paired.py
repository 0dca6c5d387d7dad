"""A pruner that compares trials fold by fold at the same step, and lets the slow ones catch up.

All trials of a study share folds, seeds and batches, so that what makes a fold or a step hard falls
out of their difference. Early ranks favour weak penalties: a trial may lead that is behind for half
of its training. So being behind is no reason; being further behind than trials come from there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

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


def is_hopeless(
    own: np.ndarray, finished: np.ndarray, move: float = MOVE, pace: float = PACE
) -> bool:
    """Whether a trial with the costs `own` [t, folds] is too far behind to be the best of them.

    `finished` [trials, T, folds] are those of trials that came to their end; of these the better
    half by the mean at the end, `BEST` at most, counts. In every fold f

        own_t − best_t > move · max_i |c_i,t − c_i,T| + pace · (T − t) · max(own_(t−1) − own_t, 0):

    the trial is further behind the best one at the same step than any of them still moved from
    there to its end, up or down, and than half its own latest gain would bring in the chunks that
    are left. Units are those of the cost, whatever it is.
    """
    t, last = len(own) - 1, finished.shape[1] - 1
    order = np.argsort(finished[:, -1].mean(axis=1), kind="stable")
    better = finished[order[: min(BEST, (len(order) + 1) // 2)]]
    behind = own[t] - better[0, t]
    moved = np.abs(better[:, t] - better[:, last]).max(axis=0)
    gain = np.maximum(own[t - 1] - own[t], 0.0)
    return bool((behind > move * moved + pace * (last - t) * gain).all())


@dataclass(frozen=True)
class PairedPruner(BasePruner):
    """Prunes what `is_hopeless`, after `warmup` chunks and two at least, of `chunks`."""

    chunks: int
    warmup: int
    curves: Curves = of_reports
    move: float = MOVE
    pace: float = PACE

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """As Optuna asks it, of a trial that has reported."""
        own = self.curves(trial)
        if own is None or not max(2, self.warmup) <= len(own) < self.chunks:
            return False
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        found = [curve for each in complete if (curve := self.curves(each)) is not None]
        # One that collapsed is shorter; one that other code added may have other folds.
        finished = [each for each in found if each.shape == (self.chunks, own.shape[1])]
        if len(finished) < LEAST:
            return False
        return is_hopeless(own, np.stack(finished), self.move, self.pace)
