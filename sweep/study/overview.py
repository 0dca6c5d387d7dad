"""All studies of a storage at a glance."""

from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from sweep.study.records import BASELINE, role


@dataclass(frozen=True)
class Overview:
    """One study. `open` counts its trials that wait or run."""

    study: str
    complete: int
    pruned: int
    failed: int
    open: int
    best: float | None
    baseline: float | None


def overview(storage: RDBStorage) -> list[Overview]:
    """Every study of the storage by name, other people's with one objective included."""
    return [
        _entry(optuna.load_study(study_name=study.study_name, storage=storage))
        for study in sorted(storage.get_all_studies(), key=lambda study: study.study_name)
    ]


def _entry(study: optuna.Study) -> Overview:
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    single = len(study.directions) == 1
    baseline = [trial.value for trial in complete if single and role(trial) == BASELINE]
    searched = [
        trial.value
        for trial in complete
        if single and role(trial) != BASELINE and trial.value is not None
    ]
    better = max if single and study.direction == optuna.study.StudyDirection.MAXIMIZE else min
    return Overview(
        study=study.study_name,
        complete=len(complete),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        open=sum(not state.is_finished() for state in states),
        best=better(searched, default=None),
        baseline=baseline[0] if baseline else None,
    )
