"""What is in our tables and files for a study, and what is there for none any more."""

from collections.abc import Collection
from typing import Any

from optuna.storages._rdb import models
from sqlalchemy import ColumnElement, Engine, Table, delete, func, inspect, select

from normsweep.storage.artifacts import PREFIX
from normsweep.storage.influences import influences
from normsweep.storage.measurements import measurements
from normsweep.storage.workers import claims

_ALL: Any = models.BaseModel.metadata.tables
_TRIALS = _ALL["trials"]


def rows_of(engine: Engine, studies: Collection[int]) -> int:
    """How many rows our tables have for the trials of some studies."""
    theirs = select(_TRIALS.c.trial_id).where(_TRIALS.c.study_id.in_(studies))
    return _count(engine, lambda table: table.c.trial_id.in_(theirs))


def rows_of_none(engine: Engine) -> int:
    """How many rows our tables have for trials that are not there."""
    return _count(engine, _of_none)


def remove_rows_of_none(engine: Engine) -> None:
    """Removes them."""
    tables = _ours(engine)
    with engine.begin() as connection:
        for table in tables:
            connection.execute(delete(table).where(_of_none(table)))


def artifacts_by_study(engine: Engine) -> dict[int, set[str]]:
    """The names of the files that are told of as artifacts, by the identifier of a study."""
    of_study, of_trial = _ALL["study_system_attributes"], _ALL["trial_system_attributes"]
    queries = (
        select(of_study.c.study_id, of_study.c.key).where(of_study.c.key.startswith(PREFIX)),
        select(_TRIALS.c.study_id, of_trial.c.key)
        .join(_TRIALS, _TRIALS.c.trial_id == of_trial.c.trial_id)
        .where(of_trial.c.key.startswith(PREFIX)),
    )
    found: dict[int, set[str]] = {}
    with engine.connect() as connection:
        for query in queries:
            for study, key in connection.execute(query):
                found.setdefault(study, set()).add(key.removeprefix(PREFIX))
    return found


def _ours(engine: Engine) -> list[Table]:
    # An earlier version had not all of them.
    there = set(inspect(engine).get_table_names())
    return [table for table in (measurements, influences, claims) if table.name in there]


def _of_none(table: Table) -> ColumnElement[bool]:
    return table.c.trial_id.not_in(select(_TRIALS.c.trial_id))


def _count(engine: Engine, which: Any) -> int:
    tables = _ours(engine)
    with engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table).where(which(table)))
            for table in tables
        ]
        return sum(count.scalar_one() for count in counts)
