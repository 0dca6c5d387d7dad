"""Our table: one row per (trial, fold, step) with everything that was measured there."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Integer,
    Select,
    Table,
    delete,
    inspect,
    literal_column,
    select,
)

from normsweep.storage.schema import alone, insert_into, metadata, trials

measurements = Table(
    "sweep_measurements",
    metadata,
    Column("trial_id", ForeignKey("trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("fold", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("fid", Float(53), nullable=False),
    Column("kid", Float(53), nullable=False),
    # Null in rows of version 0.1, which had no such column.
    Column("others", JSON),
)

_AS_NOW: WeakSet[Engine] = WeakSet()
"""Databases whose table is that of this version: to ask takes longer than to read a trial."""

COLUMNS = ("fid", "kid")
"""The metrics that have a column of their own."""
_LOSS = "_loss"
"""What follows the name of a player in that of its loss."""


def loss_name(player: str) -> str:
    """The name of a player's loss among what was measured."""
    return player + _LOSS


@dataclass(frozen=True)
class Measurement:
    """One member after `step` training steps.

    `losses` are by player, `others` further metrics by name. Those among both that are NaN or
    infinite are not stored: JSON has no word for them.
    """

    trial_id: int
    fold: int
    step: int
    fid: float
    kid: float
    losses: dict[str, float] = field(default_factory=dict, hash=False)
    others: dict[str, float] = field(default_factory=dict, hash=False)

    def value(self, name: str) -> float:
        """A number by its name; raises `KeyError` where it was not measured."""
        return self.values()[name]

    def values(self) -> dict[str, float]:
        """All that was measured, by name: what has a column, losses, all else."""
        return {"fid": self.fid, "kid": self.kid} | self._named_losses() | self.others

    def plain(self) -> dict[str, Any]:
        """As `--json` prints it: losses beside the columns, all else in `others`."""
        return {
            "trial_id": self.trial_id,
            "fold": self.fold,
            "step": self.step,
            "fid": self.fid,
            "kid": self.kid,
            **self._named_losses(),
            "others": self.others,
        }

    def _named_losses(self) -> dict[str, float]:
        return {loss_name(player): value for player, value in self.losses.items()}


def write_measurements(engine: Engine, rows: Iterable[Measurement]) -> None:
    """Stores measurements; one that is there already is written over, never doubled."""
    with engine.begin() as connection:
        add_measurements(connection, rows)


def add_measurements(connection: Connection, rows: Iterable[Measurement]) -> None:
    """The same, within a transaction."""
    values = [_storable(row) for row in rows]
    if not values:
        return
    insert = insert_into(connection.engine, measurements)
    keys = [column.name for column in measurements.primary_key]
    rest = {
        column.name: insert.excluded[column.name]
        for column in measurements.columns
        if column.name not in keys
    }
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), values)


def clear_measurements(engine: Engine, trial_id: int) -> None:
    """Removes what is stored for a trial that begins anew.

    It may be another trial's: plain Optuna deletes a study without our rows, and SQLite gives the
    identifiers of deleted trials out again.
    """
    with alone(engine).begin() as connection:
        connection.execute(delete(measurements).where(measurements.c.trial_id == trial_id))


def read_measurements(engine: Engine, trial_id: int) -> list[Measurement]:
    """All measurements of a trial, by step and fold; none in a database that Optuna wrote alone."""
    return _read(engine, measurements.c.trial_id == trial_id)


def read_study_measurements(engine: Engine, study_id: int) -> dict[int, list[Measurement]]:
    """All measurements of a study in one query: by the identifier of the trial, step and fold."""
    return _by_trial(_read(engine, measurements.c.trial_id.in_(_of_study(study_id))))


def read_steps(
    engine: Engine, study_id: int, steps: Collection[int]
) -> dict[int, list[Measurement]]:
    """Those of a study after some steps, by the identifier of the trial, step and fold."""
    which = measurements.c.trial_id.in_(_of_study(study_id)) & measurements.c.step.in_(steps)
    return _by_trial(_read(engine, which)) if steps else {}


def _of_study(study_id: int) -> Select[tuple[int]]:
    return select(trials.c.trial_id).where(literal_column("trials.study_id", Integer) == study_id)


def _by_trial(rows: Iterable[Measurement]) -> dict[int, list[Measurement]]:
    found: dict[int, list[Measurement]] = {}
    for row in rows:
        found.setdefault(row.trial_id, []).append(row)
    return found


def _read(engine: Engine, which: ColumnElement[bool]) -> list[Measurement]:
    there = {column.name for column in measurements.columns}
    if engine not in _AS_NOW:
        inspector = inspect(engine)
        if not inspector.has_table(measurements.name):
            return []
        # A database that is only read is left as an earlier version made it: without `others`, or
        # with columns for the losses.
        found = {column["name"] for column in inspector.get_columns(measurements.name)}
        if found == there:
            _AS_NOW.add(engine)
        there = found
    losses: list[ColumnElement[Any]] = [
        literal_column(name) for name in sorted(there, reverse=True) if name.endswith(_LOSS)
    ]
    query = (
        select(*(column for column in measurements.columns if column.name in there), *losses)
        .where(which)
        .order_by(measurements.c.trial_id, measurements.c.step, measurements.c.fold)
    )
    with alone(engine).connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [_measurement(row) for row in rows]


def _measurement(row: dict[str, Any]) -> Measurement:
    """A row of the table as it is read; losses have columns of their own before version 0.5."""
    others = row.pop("others", None) or {}
    named = {name: row.pop(name) for name in [*row] if name.endswith(_LOSS)}
    named |= {name: others.pop(name) for name in [*others] if name.endswith(_LOSS)}
    losses = {name.removesuffix(_LOSS): value for name, value in named.items()}
    return Measurement(**row, losses=losses, others=others)


def _storable(row: Measurement) -> dict[str, Any]:
    stored = row.plain()
    named = {name: stored.pop(name) for name in [*stored] if name.endswith(_LOSS)} | row.others
    finite = {name: float(value) for name, value in named.items() if math.isfinite(value)}
    return stored | {"others": finite}
