"""A row for each trial, fold and step, with the trial's parameters and every metric measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from normsweep.spec.family import FAMILIES
from normsweep.spec.space import METHOD
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement, read_study_measurements
from normsweep.storage.measurements import COLUMNS, loss_name
from normsweep.study.attributes import arm_of, result_of, role
from normsweep.study.confirmation import counted_trials, find_confirmation
from normsweep.study.endings import state_of
from normsweep.study.records import study_spec

OF_TRIAL = {"study": str, "trial": int, "role": str, "state": str, "method": str}
OF_ARM = {"arm": str, "against": str, "seed": int}
"""What a trial of a confirmation says of itself."""
OF_MEMBER = {"fold": int, "step": int, "scored": bool}

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Columns by name, with the type of their cells, and rows of as many cells; None is no value.

    A parameter has the type of its values: whole numbers, numbers, yes or no, else texts.
    """

    columns: dict[str, type]
    rows: list[tuple[Cell, ...]]


def table_of(study: optuna.Study, storage: RDBStorage) -> Table:
    """Every trial of a study and its confirmation, in whatever state, with all that was measured.

    A trial in which nothing was measured has one row without fold and step. `scored` says whether
    the trial's score is that of the row's step. Parameters have the names under which they are
    searched. In a confirmation `trial` is that of the search with the same config, if there is one.
    Raises `UserError` for a study that was not made by sweep.
    """
    players = _players(study_spec(study))
    trials = study.get_trials(deepcopy=False)
    measured = read_study_measurements(storage.engine, study._study_id)
    held = find_confirmation(study, storage)
    if held is not None:
        trials = trials + counted_trials(held)
        measured |= read_study_measurements(storage.engine, held._study_id)
    parameters = _parameters(trials)
    found = (name for rows in measured.values() for row in rows for name in row.values())
    # Where nothing was measured yet, what will be in any case has its columns.
    metrics = tuple(dict.fromkeys((*COLUMNS, *map(loss_name, players), *found)))
    rows = [
        row
        for trial in trials
        for row in _rows(study, trial, measured.get(trial._trial_id, []), (*parameters,), metrics)
    ]
    columns = OF_TRIAL | OF_ARM | parameters | OF_MEMBER | dict.fromkeys(metrics, float)
    return Table(columns, rows)


def _players(spec: Spec) -> tuple[str, ...]:
    """Those of all families that a trial may be of."""
    families = [spec.alternative(method).model.family for method in (None, *spec.methods)]
    return tuple(dict.fromkeys(player for name in families for player in FAMILIES[name].players))


def _rows(
    study: optuna.Study,
    trial: FrozenTrial,
    measured: list[Measurement],
    parameters: tuple[str, ...],
    metrics: tuple[str, ...],
) -> Iterator[tuple[Cell, ...]]:
    method = trial.params.get(METHOD)
    arm, result = arm_of(trial), result_of(trial)
    number = trial.number if arm is None else arm.trial
    of_arm = tuple(None if arm is None else getattr(arm, name) for name in OF_ARM)
    first = (study.study_name, number, role(trial), state_of(trial), method, *of_arm)
    values = tuple(trial.params.get(name) for name in parameters)
    for row in measured:
        scored = result is not None and row.step == result.step
        found = row.values()
        yield (*first, *values, row.fold, row.step, scored, *(found.get(name) for name in metrics))
    if not measured:
        yield (*first, *values, None, None, None, *(None for _ in metrics))


def _parameters(trials: list[FrozenTrial]) -> dict[str, type]:
    """The parameters of all trials in the order of their names, and what their values are."""
    found: dict[str, set[type]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            if name != METHOD:
                found.setdefault(name, set()).add(type(value))
    return {name: _common(found[name]) for name in sorted(found)}


def _common(types: set[type]) -> type:
    if len(types) == 1:
        return types.pop()
    return float if types <= {int, float} else str
