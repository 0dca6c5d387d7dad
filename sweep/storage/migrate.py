"""Brings our tables to the version of this program, by Alembic; Optuna's are Optuna's."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from normsweep.errors import UserError
from normsweep.storage.influences import influences
from normsweep.storage.measurements import measurements
from normsweep.storage.schema import metadata
from normsweep.storage.stamp import stamp
from normsweep.storage.urls import shown
from normsweep.storage.workers import claims, workers

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0005"
"""The version that this program reads and writes: that of the last migration."""
VERSION_TABLE = "sweep_schema"
"""Optuna has an Alembic table of its own, under Alembic's own name for it."""


def migrate(engine: Engine) -> None:
    """Creates our tables, or changes those of an earlier version; nothing where all is new.

    Raises `UserError` for tables of a later version.
    """
    with engine.connect() as connection:
        if _version(connection) == NEWEST:
            return
    with engine.begin() as connection:
        # On SQLite the transaction has the write lock from here on: one process migrates.
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7368560)")
        stamped = _version(connection)
        version = stamped or _before_versions(connection)
        if version is not None and version > NEWEST:
            raise UserError(
                f"storage {shown(engine.url)}: its sweep tables are of version "
                f"{version}, of a newer sweep; this one knows {', '.join(_known())}"
            )
        if version is None:
            # What all migrations together would make, as a test has it.
            metadata.create_all(connection, [measurements, influences, workers, claims])
            stamp(connection, VERSION_TABLE, NEWEST)
            return
        # Half a second that nobody waits for who opens a database of this version, or makes one.
        from alembic import command

        config = _config()
        config.attributes["connection"] = connection
        if stamped is None:
            command.stamp(config, version)
        command.upgrade(config, NEWEST)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    query = text(f"SELECT version_num FROM {VERSION_TABLE}")
    found: str | None = connection.execute(query).scalar()
    return found


def _before_versions(connection: Connection) -> str | None:
    """The version that tables without one have: sweep 0.1 and 0.2 wrote none."""
    there = inspect(connection)
    if not there.has_table(measurements.name):
        return None
    columns = {column["name"] for column in there.get_columns(measurements.name)}
    return "0002" if "others" in columns else "0001"


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    # Alembic reads % as the beginning of a name of its own.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _known() -> list[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    return sorted(script.revision for script in scripts.walk_revisions())
