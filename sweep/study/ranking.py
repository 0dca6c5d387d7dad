"""Which trials of a search have a score, and which of them is best."""

import json
from collections.abc import Iterable
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from normsweep.objectives.distances import SCORES
from normsweep.objectives.distances.contract import HIGHER
from normsweep.spec.fields import NOT_TRAINING
from normsweep.study.attributes import (
    BASELINE,
    config_of,
    has_begun,
    is_foreign,
    result_of,
    role,
    twin_of,
    versions_of,
)


def trained(config: dict[str, Any]) -> str:
    """What a config, as it is stored, trains and scores: equal texts, and so equal bits.

    Everything but how it is searched, with the seed.
    """
    tables = {name: table for name, table in config.items() if name not in NOT_TRAINING}
    return json.dumps(tables | {"seed": config["study"]["seed"]}, sort_keys=True)


def begun_as(config: dict[str, Any], versions: dict[str, str]) -> str:
    """A text that two trials have in common exactly where they are trained to the same bits."""
    return trained(config | {"versions": versions})


def begun_of(trial: FrozenTrial) -> str | None:
    """The same of a trial; None where it never began."""
    return begun_as(config_of(trial), versions_of(trial)) if has_begun(trial) else None


def direction_of(metric: str) -> StudyDirection:
    """Which way a metric is optimised; of one whose best is 0 the score is the magnitude."""
    higher = SCORES[metric].better == HIGHER
    return StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial reaches what is required of it, as Optuna has it: no constraint above 0."""
    return all(missed <= 0 for missed in trial.constraints.values())


def is_scored(trial: FrozenTrial) -> bool:
    """Whether a trial of the search, and not the baseline, is complete, feasible and ours.

    None that took another's result over: a config counts once, as the trial that was trained.
    """
    ours = trial.state == TrialState.COMPLETE and not is_foreign(trial)
    return ours and role(trial) != BASELINE and twin_of(trial) is None and is_feasible(trial)


def is_pruned(trial: FrozenTrial) -> bool:
    """Whether a trial of the search was pruned and has a score, that of its last chunk."""
    pruned = trial.state == TrialState.PRUNED and not is_foreign(trial)
    return pruned and result_of(trial) is not None


def baseline_of(trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
    """The baseline, where it has a score."""
    return next((t for t in trials if t.state == TrialState.COMPLETE and role(t) == BASELINE), None)


def best_first(trials: Iterable[FrozenTrial], direction: StudyDirection) -> list[FrozenTrial]:
    """Complete trials by their first value, the best one first; of equals the earlier one."""
    sign = -1 if direction == StudyDirection.MAXIMIZE else 1
    return sorted(trials, key=lambda trial: (sign * trial.values[0], trial.number))
