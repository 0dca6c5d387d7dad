"""All studies of a storage at a glance."""

from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from normsweep.study.attributes import BASELINE, is_foreign, role, study_attributes
from normsweep.study.ranking import baseline_of, best_first
from normsweep.study.records import MEAN


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
        if study_attributes(study).confirms is None
    ]


def _entry(study: optuna.Study) -> Overview:
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in trials]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if study_attributes(study).is_ours:
        complete = [trial for trial in complete if not is_foreign(trial)]
    baseline = baseline_of(complete)
    searched = [trial for trial in complete if role(trial) != BASELINE]
    leaders = best_first(searched, study.directions[0])
    return Overview(
        study=study.study_name,
        complete=len(complete),
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        open=sum(not state.is_finished() for state in states),
        best=leaders[0].values[0] if leaders else None,
        baseline=None if baseline is None else baseline.values[0],
        metrics=tuple(name.removesuffix(MEAN) for name in study.metric_names or ()),
    )
