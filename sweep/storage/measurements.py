"""Our table: one row per (trial, fold, step) with everything that was measured there."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    delete,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

_metadata = MetaData()
# The foreign key needs to know Optuna's table by name; it is not ours to create.
_trials = Table("trials", _metadata, Column("trial_id", Integer, primary_key=True))

measurements = Table(
    "sweep_measurements",
    _metadata,
    Column("trial_id", ForeignKey("trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("fold", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("fid", Float(53), nullable=False),
    Column("kid", Float(53), nullable=False),
    Column("generator_loss", Float(53), nullable=False),
    Column("discriminator_loss", Float(53), nullable=False),
)


@dataclass(frozen=True)
class Measurement:
    """One member after `step` training steps."""

    trial_id: int
    fold: int
    step: int
    fid: float
    kid: float
    generator_loss: float
    discriminator_loss: float


def create_tables(engine: Engine) -> None:
    """Creates our table where it is missing, and touches nothing else."""
    measurements.create(engine, checkfirst=True)


def write_measurements(engine: Engine, rows: Iterable[Measurement]) -> None:
    """Stores measurements; one that is there already is written over, never doubled."""
    values = [asdict(row) for row in rows]
    if not values:
        return
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(measurements)
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
    if not inspect(engine).has_table(measurements.name):
        return []
    query = (
        select(measurements)
        .where(measurements.c.trial_id == trial_id)
        .order_by(measurements.c.step, measurements.c.fold)
    )
    with engine.connect() as connection:
        return [Measurement(**row) for row in connection.execute(query).mappings()]
