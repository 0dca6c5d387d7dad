"""Why trials ended without a score, or before the end of their training."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from normsweep.study.attributes import collapse_of, reason_of

COLLAPSED = "collapsed"
"""The state of a trial that ended early since its model was dead; Optuna's is COMPLETE."""


def failures(trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """Why trials have failed, by their numbers."""
    return {
        trial.number: reason_of(trial) or "no reason was stored"
        for trial in trials
        if trial.state == TrialState.FAIL
    }


def collapses(trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """By which step and why trials have collapsed, by their numbers."""
    return {trial.number: why for trial in trials if (why := collapse_of(trial)) is not None}


def state_of(trial: FrozenTrial) -> str:
    """Optuna's state, or that it has collapsed."""
    return COLLAPSED if collapse_of(trial) is not None else trial.state.name.lower()
