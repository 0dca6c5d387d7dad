"""What belongs to a study and is in no table of Optuna's, so that its functions leave it behind.

Optuna copies, renames (by copying) and deletes a study by its own tables. What was measured stands
in ours, a confirmation in a study beside it, pictures and checkpoints in files.
"""

from collections.abc import Sequence

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from normsweep.objectives.distances import scored
from normsweep.storage import Measurement
from normsweep.storage.measurements import read_steps
from normsweep.study.attributes import result_of, study_attributes
from normsweep.study.confirmation import confirmation_name, find_confirmation
from normsweep.study.records import study_spec

_HOW = "`sweep copy` takes all along"


def missing(study: optuna.Study) -> tuple[str, ...]:
    """What a study lacks since something else than sweep has copied, renamed or deleted it or a
    study before it, a sentence each; empty where nothing does.

    Raises `UserError` for a study that was not made by sweep.
    """
    storage = getattr(study._storage, "_backend", study._storage)
    if not isinstance(storage, RDBStorage):
        return ()
    measured = _measurements(study, storage)
    return (*measured, *_confirmation(study, storage, copied=bool(measured)))


def _measurements(study: optuna.Study, storage: RDBStorage) -> list[str]:
    trials = [trial for trial in study.get_trials(deepcopy=False) if result_of(trial) is not None]
    steps = {result.step for trial in trials if (result := result_of(trial)) is not None}
    there = read_steps(storage.engine, study._study_id, steps)
    metric = study_spec(study).score.metric
    absent = [trial.number for trial in trials if not _of_score(there, trial)]
    others = [
        trial.number
        for trial in trials
        if (rows := _of_score(there, trial)) and not _agree(metric, rows, trial)
    ]
    found = []
    if absent:
        found.append(
            f"{_named(absent)}: what was measured is not here, and so no curve: other code than "
            f"sweep has copied or renamed the study; {_HOW}"
        )
    if others:
        found.append(
            f"{_named(others)}: what is stored as measured is another's, that was deleted, and so "
            f"is the curve: other code than sweep has copied or renamed the study; {_HOW}"
        )
    return found


def _of_score(there: dict[int, list[Measurement]], trial: FrozenTrial) -> list[Measurement]:
    """The rows of the step by which a trial is scored."""
    result = result_of(trial)
    assert result is not None
    return [row for row in there.get(trial._trial_id, []) if row.step == result.step]


def _agree(metric: str, rows: Sequence[Measurement], trial: FrozenTrial) -> bool:
    result = result_of(trial)
    assert result is not None
    # What is not finite is not stored.
    values = [row.values().get(metric) for row in rows]
    if len(values) != len(result.fold_scores):
        return False
    return all(
        value is None or scored(metric, value) == score
        for value, score in zip(values, result.fold_scores, strict=True)
    )


def _confirmation(study: optuna.Study, storage: RDBStorage, *, copied: bool) -> list[str]:
    name = study.study_name
    found = []
    told = _is_there(storage, confirmation_name(name))
    if told and find_confirmation(study, storage) is None:
        found.append(
            f"the study {confirmation_name(name)!r} confirms another study of this name, that was "
            f"deleted or is elsewhere, and is not used: confirm this one, or copy both: {_HOW}"
        )
    written = study_attributes(study).spec or {}
    called = written.get("study", {}).get("name", name)
    if called != name:
        beside = confirmation_name(called)
        there = _is_there(storage, beside)
        told = told or there
        left = f"; its confirmation may be {beside!r}, which is not used" if there else ""
        found.append(
            f"its spec calls it {called!r}: other code than sweep has copied or renamed it{left}; "
            f"{_HOW}"
        )
    if copied and not told:
        found.append(
            f"a confirmation, if the study that it was copied from has one, is not here: {_HOW}"
        )
    return found


def _is_there(storage: RDBStorage, name: str) -> bool:
    try:
        storage.get_study_id_from_name(name)
    except KeyError:
        return False
    return True


def _named(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
    return f"trial{'s' * (len(numbers) > 1)} {shown}"
