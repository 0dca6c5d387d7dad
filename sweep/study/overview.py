"""All studies of a storage at a glance."""

from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage

from normsweep.study.attributes import study_attributes
from normsweep.study.records import MEAN
from normsweep.study.tally import tally_of


@dataclass(frozen=True)
class Overview:
    """One study. `open` are its trials that run, or wait to be made or trained.

    `metrics` are what it optimises, as far as it names that; `best` and `baseline` are by the
    first.
    """

    study: str
    complete: int
    collapsed: int
    pruned: int
    failed: int
    running: int
    waiting: int
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
    found, _ = tally_of(study, study.get_trials(deepcopy=False))
    return Overview(
        study=study.study_name,
        complete=found.complete,
        collapsed=found.collapsed,
        pruned=found.pruned,
        failed=found.failed,
        running=found.running,
        waiting=found.waiting,
        open=found.open,
        best=None if found.best is None else found.best.values[0],
        baseline=None if found.baseline is None else found.baseline.values[0],
        metrics=tuple(name.removesuffix(MEAN) for name in study.metric_names or ()),
    )
