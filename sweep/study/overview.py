"""All studies of a storage at a glance."""

from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from normsweep.study.records import BASELINE, CONFIRMS, MEAN, is_foreign, role


@dataclass(frozen=True)
class Overview:
    """One study. `open` counts its trials that wait or run.

    `metrics` are what it optimises, as far as it names that; `best` and `baseline` are by the
    first.
    """

    study: str
    complete: int
    pruned: int
    failed: int
    open: int
    best: float | None
    baseline: float | None
    metrics: tuple[str, ...]


def overview(storage: RDBStorage) -> list[Overview]:
    """Every study of the storage by name, other people's included; confirmations belong to one."""
    return [
        _entry(optuna.load_study(study_name=study.study_name, storage=storage))
        for study in sorted(storage.get_all_studies(), key=lambda study: study.study_name)
        if CONFIRMS not in study.user_attrs
    ]


def _entry(study: optuna.Study) -> Overview:
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if "spec" in study.user_attrs:
        complete = [trial for trial in complete if not is_foreign(trial)]
    baseline = [trial.values[0] for trial in complete if role(trial) == BASELINE]
    searched = [trial.values[0] for trial in complete if role(trial) != BASELINE]
    better = max if study.directions[0] == optuna.study.StudyDirection.MAXIMIZE else min
    return Overview(
        study=study.study_name,
        complete=len(complete),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        open=sum(not state.is_finished() for state in states),
        best=better(searched, default=None),
        baseline=baseline[0] if baseline else None,
        metrics=tuple(name.removesuffix(MEAN) for name in study.metric_names or ()),
    )
