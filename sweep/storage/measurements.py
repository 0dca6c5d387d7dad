"""Our table: one row per (trial, fold, step) with everything that was measured there."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Engine,
    Float,
    ForeignKey,
    Integer,
    Table,
    delete,
    inspect,
    literal_column,
    select,
)

from normsweep.storage.schema import insert_into, metadata, trials

measurements = Table(
    "sweep_measurements",
    metadata,
    Column("trial_id", ForeignKey("trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("fold", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("fid", Float(53), nullable=False),
    Column("kid", Float(53), nullable=False),
    Column("generator_loss", Float(53), nullable=False),
    Column("discriminator_loss", Float(53), nullable=False),
    # Null in rows of version 0.1, which had no such column.
    Column("others", JSON),
)

_COLUMNS_OF_METRICS = ("fid", "kid", "generator_loss", "discriminator_loss")


@dataclass(frozen=True)
class Measurement:
    """One member after `step` training steps. `others` are further metrics by name.

    Those among them that are NaN or infinite are not stored: JSON has no word for them.
    """

    trial_id: int
    fold: int
    step: int
    fid: float
    kid: float
    generator_loss: float
    discriminator_loss: float
    others: dict[str, float] = field(default_factory=dict, hash=False)

    def value(self, name: str) -> float:
        """A metric by its name, wherever it is kept; raises `KeyError` where it is not."""
        if name in _COLUMNS_OF_METRICS:
            return float(getattr(self, name))
        return self.others[name]


def write_measurements(engine: Engine, rows: Iterable[Measurement]) -> None:
    """Stores measurements; one that is there already is written over, never doubled."""
    values = [_storable(row) for row in rows]
    if not values:
        return
    insert = insert_into(engine, measurements)
    keys = [column.name for column in measurements.primary_key]
    rest = {
        column.name: insert.excluded[column.name]
        for column in measurements.columns
        if column.name not in keys
    }
    with engine.begin() as connection:
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), values)


def clear_measurements(engine: Engine, trial_id: int) -> None:
    """Removes what is stored for a trial that begins anew.

    It may be another trial's: plain Optuna deletes a study without our rows, and SQLite gives the
    identifiers of deleted trials out again.
    """
    with engine.begin() as connection:
        connection.execute(delete(measurements).where(measurements.c.trial_id == trial_id))


def read_measurements(engine: Engine, trial_id: int) -> list[Measurement]:
    """All measurements of a trial, by step and fold; none in a database that Optuna wrote alone."""
    return _read(engine, measurements.c.trial_id == trial_id)


def read_study_measurements(engine: Engine, study_id: int) -> dict[int, list[Measurement]]:
    """All measurements of a study in one query: by the identifier of the trial, step and fold."""
    of_study = select(trials.c.trial_id).where(
        literal_column("trials.study_id", Integer) == study_id
    )
    found: dict[int, list[Measurement]] = {}
    for row in _read(engine, measurements.c.trial_id.in_(of_study)):
        found.setdefault(row.trial_id, []).append(row)
    return found


def _read(engine: Engine, which: ColumnElement[bool]) -> list[Measurement]:
    if not inspect(engine).has_table(measurements.name):
        return []
    # A database that is only read is left as version 0.1 made it.
    there = _columns_there(engine)
    query = (
        select(*(column for column in measurements.columns if column.name in there))
        .where(which)
        .order_by(measurements.c.trial_id, measurements.c.step, measurements.c.fold)
    )
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [Measurement(**(row | {"others": row.get("others") or {}})) for row in rows]


def _storable(row: Measurement) -> dict[str, Any]:
    finite = {name: float(value) for name, value in row.others.items() if math.isfinite(value)}
    return asdict(row) | {"others": finite}


def _columns_there(engine: Engine) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(measurements.name)}
