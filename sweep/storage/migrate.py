"""Brings our tables to the version of this program, by Alembic; Optuna's are Optuna's."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from normsweep.errors import UserError

VERSION_TABLE = "sweep_schema"
"""Optuna has an Alembic table of its own, under Alembic's own name for it."""


def migrate(engine: Engine) -> None:
    """Creates our tables, or changes those of an earlier version; nothing where all is new.

    Raises `UserError` for tables of a later version.
    """
    with engine.connect() as connection:
        if _version(connection) == _newest():
            return
    with engine.begin() as connection:
        # On SQLite the transaction has the write lock from here on: one process migrates.
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7368560)")
        version = _version(connection)
        if version is not None and version not in _known():
            raise UserError(
                f"storage {engine.url.render_as_string(hide_password=True)}: its sweep tables are "
                f"of version {version}, of a newer sweep; this one knows {', '.join(_known())}"
            )
        config = _config()
        config.attributes["connection"] = connection
        if version is None and (before := _before_versions(connection)):
            command.stamp(config, before)
        command.upgrade(config, "head")


def _before_versions(connection: Connection) -> str | None:
    """The version that tables without one have: sweep 0.1 and 0.2 wrote none."""
    there = inspect(connection)
    if not there.has_table("sweep_measurements"):
        return None
    columns = {column["name"] for column in there.get_columns("sweep_measurements")}
    return "0002" if "others" in columns else "0001"


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    # Alembic reads % as the beginning of a name of its own.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _known() -> list[str]:
    scripts = ScriptDirectory.from_config(_config())
    return sorted(script.revision for script in scripts.walk_revisions())
