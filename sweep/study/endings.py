"""Why trials ended without a score, before the end of their training, or short of a bound."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from normsweep.spec.bounds import requirements
from normsweep.spec.spec import Spec
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


def infeasible(spec: Spec, trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """What trials miss that is required of them, by their numbers."""
    known = requirements(spec)
    missed = {
        trial.number: ", ".join(
            needed.missed(trial.constraints[needed.metric])
            for needed in known
            if trial.constraints.get(needed.metric, 0.0) > 0
        )
        for trial in trials
    }
    return {number: why for number, why in missed.items() if why}


def state_of(trial: FrozenTrial) -> str:
    """Optuna's state, or that it has collapsed."""
    return COLLAPSED if collapse_of(trial) is not None else trial.state.name.lower()
