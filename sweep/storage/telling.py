"""What a trial has to tell, stored together: what a chunk found, how it ended, what it trains.

Optuna's `Trial.report`, `Trial.set_user_attr`, `Trial.set_constraint` and `Study.tell` take a
transaction each, and read the trial anew in each: fifty statements where these are ten. What is
stored is the same.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._rdb import models
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import TrialState
from sqlalchemy import Connection, Engine, Table, delete, select, update

from normsweep.storage.measurements import Measurement, add_measurements
from normsweep.storage.schema import insert_into
from normsweep.storage.workers import claims

_OPTUNAS = models.BaseModel.metadata.tables
_TRIALS, _VALUES = _OPTUNAS["trials"], _OPTUNAS["trial_values"]
_REPORTS = _OPTUNAS["trial_intermediate_values"]
_USER, _SYSTEM = _OPTUNAS["trial_user_attributes"], _OPTUNAS["trial_system_attributes"]
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Ending:
    """How a trial ends: its state, its values by objective, and what else is to be read of it.

    `constraints` are by name, above 0 where they are not met; attributes by key, as JSON has them.
    """

    state: TrialState
    values: Sequence[float] = ()
    constraints: Mapping[str, float] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)

    def stored_system_attrs(self) -> dict[str, Any]:
        """The constraints among the others, as Optuna keeps them."""
        named = {f"{_CONSTRAINTS_KEY}:{name}": missed for name, missed in self.constraints.items()}
        return {**self.system_attrs, **named}


def tell(
    engine: Engine,
    trial_id: int,
    worker: str,
    rows: Iterable[Measurement] = (),
    reports: Mapping[int, float] = _NOTHING,
    ending: Ending | None = None,
) -> None:
    """Stores what was measured of a worker's trial, reports by step, and its end with its claim's.

    All or nothing, in one transaction. Measurements are written over; of two reports of a step the
    first is kept, as Optuna does.

    Raises `KeyError` where the trial is not there, and `UpdateFinishedTrialError` where it has
    ended.
    """
    with engine.begin() as connection:
        _check_open(connection, trial_id)
        add_measurements(connection, rows)
        _add_reports(connection, trial_id, reports)
        if ending is not None:
            _end(connection, trial_id, ending)
            mine = (claims.c.trial_id == trial_id) & (claims.c.worker == worker)
            connection.execute(delete(claims).where(mine))


def write_attributes(engine: Engine, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Writes user attributes of a trial, all or none; raises what `tell` raises."""
    with engine.begin() as connection:
        _check_open(connection, trial_id)
        _put(connection, _USER, "key", _attributes(trial_id, attributes))


def _check_open(connection: Connection, trial_id: int) -> None:
    # Locked, where a database has locks of rows, so that it stays so.
    query = select(_TRIALS.c.number, _TRIALS.c.state).where(_TRIALS.c.trial_id == trial_id)
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        raise KeyError(models.NOT_FOUND_MSG)
    if found.state.is_finished():
        raise UpdateFinishedTrialError(f"trial {found.number} has ended: {found.state.name}")


def _add_reports(connection: Connection, trial_id: int, reports: Mapping[int, float]) -> None:
    if not reports:
        return
    stored = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr
    rows = []
    for step, report in reports.items():
        value, kind = stored(report)
        rows.append(
            {
                "trial_id": trial_id,
                "step": step,
                "intermediate_value": value,
                "intermediate_value_type": kind,
            }
        )
    connection.execute(insert_into(connection.engine, _REPORTS).on_conflict_do_nothing(), rows)


def _end(connection: Connection, trial_id: int, ending: Ending) -> None:
    _put(connection, _USER, "key", _attributes(trial_id, ending.user_attrs))
    _put(connection, _SYSTEM, "key", _attributes(trial_id, ending.stored_system_attrs()))
    values = []
    for objective, number in enumerate(ending.values):
        value, kind = models.TrialValueModel.value_to_stored_repr(number)
        values.append(
            {"trial_id": trial_id, "objective": objective, "value": value, "value_type": kind}
        )
    _put(connection, _VALUES, "objective", values)
    connection.execute(
        update(_TRIALS)
        .where(_TRIALS.c.trial_id == trial_id)
        .values(state=ending.state, datetime_complete=datetime.now())
    )


def _attributes(trial_id: int, attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]


def _put(connection: Connection, table: Table, key: str, rows: list[dict[str, Any]]) -> None:
    """Writes rows of a trial, of which there is one for each `key`, over those that are there."""
    if not rows:
        return
    insert = insert_into(connection.engine, table)
    rest = {name: insert.excluded[name] for name in rows[0] if name not in ("trial_id", key)}
    connection.execute(
        insert.on_conflict_do_update(index_elements=["trial_id", key], set_=rest), rows
    )
