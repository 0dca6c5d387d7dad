"""A study that stops by itself: the rule asked of its records, and the answer kept among them.

The decision is a function of the recorded scores. Whoever finds it writes it down for all workers:
from then on no trial is taken, and those in training are finished.
"""

from collections.abc import Callable, Sequence

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from normsweep.objectives.distances import cost
from normsweep.search.stopping import Halt, History, Trial
from normsweep.spec.spec import Spec
from normsweep.study.attributes import (
    BASELINE,
    OPEN,
    PAUSED,
    Stop,
    is_foreign,
    is_taken_over,
    result_of,
    role,
    study_attributes,
    write_study,
)
from normsweep.study.control import ENDED, control, set_control
from normsweep.study.counted import Counted
from normsweep.study.plan import plan_of
from normsweep.study.ranking import baseline_of, is_feasible


class StoppingRule:
    """The rule of a spec, asked again and again: each trial that has ended is looked at once."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._history, self._has_baseline = History(), False
        self._seen, self._since = 0, 0

    def stop_if_due(self, study: optuna.Study, read: Callable[[], Counted]) -> str | None:
        """Stops the search where the rule says so; why, where this call did it.

        `read` gives the trials of the study as they are now.
        """
        if self._spec.stop.patience is None:
            return None
        written = study_attributes(study)
        if written.stop is not None:
            return None
        found = self.halt(read().ended, written.resumed_at)
        if found is None:
            return None
        why = (
            f"after trial {found.after}: {found.in_a_row} trials in a row found that as many more "
            f"would gain {found.gain:.3g}, and the folds can tell no less than {found.noise:.3g} "
            "apart"
        )
        stop = Stop(found.after, found.gain, found.noise, why, self._spec.stop.model_dump())
        write_study(study, stop=stop)
        return why

    def halt(self, ended: Sequence[FrozenTrial], since: int = 0) -> Halt | None:
        """What it says of the trials that have ended; those numbered below `since` do not count.

        To those of the last call others may have come at the end.
        """
        patience = self._spec.stop.patience
        if patience is None:
            return None
        if since != self._since:
            self._history, self._seen, self._since = History(), 0, since
        fresh, self._seen = ended[self._seen :], len(ended)
        self._has_baseline = self._has_baseline or baseline_of(fresh) is not None
        for trial in fresh:
            done = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
            if done and role(trial) != BASELINE and not is_foreign(trial):
                counts = trial.number >= since and not is_taken_over(trial)
                self._history.add(Trial(trial.number, _costs(self._spec, trial), counts))
        if not self._has_baseline:
            return None
        return self._history.halt(
            patience=patience,
            noise=self._spec.stop.noise,
            startup_trials=self._spec.study.startup_trials,
        )


def _costs(spec: Spec, trial: FrozenTrial) -> tuple[float, ...] | None:
    result = result_of(trial)
    if trial.state == TrialState.PRUNED or result is None or not is_feasible(trial):
        return None
    scores = result.fold_scores
    if len(scores) != spec.score.folds or not np.isfinite(scores).all():
        # It has no difference from the others fold by fold.
        return None
    return tuple(cost(spec.score.metric, score) for score in scores)


def why_stopped(study: optuna.Study) -> str | None:
    """Why a study has stopped by itself, beginning with the trial; None where it has not."""
    stop = study_attributes(study).stop
    return None if stop is None else stop.why


def reopen(study: optuna.Study) -> None:
    """Lets a study go on that was paused, or stopped, by itself or not.

    The rule then needs as many trials in a row as ever, out of those that are made from now on. One
    that had stopped by itself, and was paused in its confirmation, goes on with that alone.
    """
    if why_stopped(study) is not None and study_attributes(study).control != PAUSED:
        write_study(study, resumed_at=len(study.get_trials(deepcopy=False)), stop=None)
    set_control(study, OPEN)


def heed_new_rule(study: optuna.Study, spec: Spec) -> None:
    """Lets a study go on that has stopped by another rule than its spec now has."""
    stop = study_attributes(study).stop
    if stop is not None and stop.rule != spec.stop.model_dump():
        write_study(study, stop=None)


def is_over(wanted: str, left: int, trials: Sequence[FrozenTrial]) -> bool:
    """Whether nothing is left to do for anybody.

    Of a search that has stopped by itself, when none of its trials runs any more.
    """
    return not left or (wanted == ENDED and not any_running(trials))


def is_searched(study: optuna.Study, spec: Spec) -> bool:
    """Whether a study has all trials that a spec asks for, or has stopped by itself."""
    plan = plan_of(spec)
    counted = plan.within(study.get_trials(deepcopy=False))
    return is_over(control(study), plan.left(counted), counted)


def any_running(trials: Sequence[FrozenTrial]) -> bool:
    """Whether any trial is in training."""
    return any(trial.state == TrialState.RUNNING for trial in trials)
