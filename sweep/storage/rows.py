"""All rows of a study, read at one moment and written as a study of another name or database.

Row by row, and not by Optuna's functions: it is there whole or not at all, and its trials keep
their numbers and times.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import Connection, Engine, Table, insert, select

from normsweep.storage.influences import has_influences, influences
from normsweep.storage.measurements import (
    Measurement,
    add_measurements,
    read_study_measurements,
)

_TABLES: Mapping[str, Table] = models.BaseModel.metadata.tables
_STUDIES, _TRIALS = _TABLES["studies"], _TABLES["trials"]
_OF_STUDY = [t for t in _TABLES.values() if "study_id" in t.c and t not in (_STUDIES, _TRIALS)]
# A heartbeat is that of a worker elsewhere.
_OF_TRIAL = [
    table
    for name, table in _TABLES.items()
    if "trial_id" in table.c and table is not _TRIALS and name != "trial_heartbeats"
]
ATTRIBUTES = ("study_system_attributes", "trial_system_attributes")
"""The tables in which artifacts are told of."""

Row = dict[str, Any]


@dataclass(frozen=True)
class StudyRows:
    """The rows of Optuna's tables by the names of these, what was measured, and influences."""

    optuna: dict[str, list[Row]]
    measured: list[Measurement]
    influences: list[Row]

    @property
    def trials(self) -> int:
        """How many trials there are."""
        return len(self.optuna[_TRIALS.name])


def read_rows(engine: Engine, study_id: int) -> StudyRows:
    """Reads all of a study."""
    found: dict[str, list[Row]] = {}
    # What the server would otherwise look at anew with each query.
    options = {"isolation_level": "REPEATABLE READ"} if engine.name == "postgresql" else {}
    of_study = select(_TRIALS.c.trial_id).where(_TRIALS.c.study_id == study_id)
    ours = [influences] if has_influences(engine) else []
    with engine.connect().execution_options(**options) as connection:
        for table in (_STUDIES, _TRIALS, *_OF_STUDY):
            found[table.name] = _read(connection, select(table).where(table.c.study_id == study_id))
        for table in (*_OF_TRIAL, *ours):
            found[table.name] = _read(
                connection, select(table).where(table.c.trial_id.in_(of_study))
            )
    there = {row["trial_id"] for row in found[_TRIALS.name]}
    rows = read_study_measurements(engine, study_id)
    measured = [row for key, each in rows.items() if key in there for row in each]
    return StudyRows(found, measured, found.pop(influences.name, []))


def write_rows(
    connection: Connection, rows: StudyRows, name: str, attributes: Mapping[str, Any]
) -> int:
    """Writes a study under a name, with its user attributes replaced by these; its new id.

    A trial that was in training waits: whoever trains it does so for the study it is copied from.
    """
    made = insert(_STUDIES).values(study_name=name).returning(_STUDIES.c.study_id)
    study_id = int(connection.execute(made).scalar_one())
    waiting = {TrialState.RUNNING: TrialState.WAITING}
    trials = [
        row | {"study_id": study_id, "state": waiting.get(row["state"], row["state"])}
        for row in rows.optuna[_TRIALS.name]
    ]
    _write(connection, _TRIALS, trials)
    query = select(_TRIALS.c.number, _TRIALS.c.trial_id).where(_TRIALS.c.study_id == study_id)
    by_number = {number: trial_id for number, trial_id in connection.execute(query)}
    new = {row["trial_id"]: by_number[row["number"]] for row in rows.optuna[_TRIALS.name]}
    for table in _OF_STUDY:
        found = [row | {"study_id": study_id} for row in rows.optuna[table.name]]
        if table.name == "study_user_attributes":
            found = [
                {"study_id": study_id, "key": key, "value_json": json.dumps(value)}
                for key, value in attributes.items()
            ]
        _write(connection, table, found)
    for table in _OF_TRIAL:
        found = [row | {"trial_id": new[row["trial_id"]]} for row in rows.optuna[table.name]]
        _write(connection, table, found)
    moved = [replace(row, trial_id=new[row.trial_id]) for row in rows.measured]
    add_measurements(connection, moved)
    if found := [row | {"trial_id": new[row["trial_id"]]} for row in rows.influences]:
        connection.execute(insert(influences), found)
    return study_id


def _read(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _write(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Inserts rows under keys that the database gives out."""
    (key,) = (column.name for column in table.primary_key)
    if found := [{name: row[name] for name in row if name != key} for row in rows]:
        connection.execute(insert(table), found)
