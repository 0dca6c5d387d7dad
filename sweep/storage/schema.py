"""What our tables share: their metadata, Optuna's trials that they refer to, and a common clock."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

metadata = MetaData()

# The foreign keys need to know Optuna's table by name; it is not ours to create.
trials = Table("trials", metadata, Column("trial_id", Integer, primary_key=True))


class now(FunctionElement[float]):
    """Seconds since 1970 by the clock of the database, which all workers share."""

    type = Float(53)
    inherit_cache = True


@compiles(now, "sqlite")
def _on_sqlite(element: now, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _on_postgresql(element: now, compiler: Any, **options: Any) -> str:
    return "extract(epoch from clock_timestamp())"


def alone(engine: Engine) -> Engine:
    """The engine for a single statement, which a server runs as a transaction of its own.

    Two of three round trips are spared: those for BEGIN and COMMIT. SQLite has no way to go, and
    its driver would forget how we begin transactions.
    """
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def insert_into(engine: Engine, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that can say what to do on a conflict, in the engine's dialect."""
    if engine.dialect.name == "postgresql":
        # Which a command on a file does without.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)
