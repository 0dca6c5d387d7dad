"""Optuna's storage, opened without Alembic where the database is new, or of its version."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import RDBStorage, _rdb
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _VersionManager
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import scoped_session, sessionmaker

from normsweep.storage.stamp import stamp


def optuna_storage(
    url: str, engine_kwargs: dict[str, Any], *, skip_table_creation: bool
) -> RDBStorage:
    """The storage at a URL, its tables made or their version checked where that need be.

    Raises what SQLAlchemy and Optuna raise; no connection is left then.
    """
    engine = sqlalchemy.create_engine(url, **engine_kwargs)
    try:
        if not skip_table_creation:
            _make_tables(engine)
        if newest() is not None and _version(engine) == newest():
            return _KnownStorage(url, engine_kwargs, engine)
    finally:
        engine.dispose()
    return _Storage(url, engine_kwargs, skip_table_creation=skip_table_creation)


class _KnownStorage(RDBStorage):
    """Sets what Optuna's sets, but for what makes, checks and changes tables.

    Half of what `sweep list` took went into that: Alembic, and all migrations that there ever were.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any], engine: Engine) -> None:
        self.url, self.engine_kwargs, self.engine = url, engine_kwargs, engine
        self.skip_compatibility_check = False
        self.heartbeat_interval = self.grace_period = None
        self.heartbeat_stale_trial_callback = self.failed_trial_callback = None
        self.scoped_session = scoped_session(sessionmaker(bind=engine))

    def __getattr__(self, name: str) -> Any:
        # Whoever asks for versions, such as the dashboard, has it made.
        if name != "_version_manager":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._version_manager = _VersionManager(self.url, self.engine, self.scoped_session)
        return self._version_manager

    def __getstate__(self) -> dict[Any, Any]:
        # Optuna's takes it out, so that it must be there.
        _ = self._version_manager
        return super().__getstate__()


class _Storage(RDBStorage):
    """Leaves no connection behind where it cannot be opened."""

    def __init__(
        self, url: str, engine_kwargs: dict[str, Any], *, skip_table_creation: bool
    ) -> None:
        try:
            super().__init__(url, engine_kwargs, skip_table_creation=skip_table_creation)
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


@cache
def newest() -> str | None:
    """The version that Optuna wants its tables to be of; None where its files do not say so.

    That of the migration that no other one comes after, read from the text of its files.
    """
    folder = Path(_rdb.__file__).parent / "alembic" / "versions"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    named = {
        name: {found[1] for text in texts if (found := re.search(f'^{name} = "(.+)"', text, re.M))}
        for name in ("revision", "down_revision")
    }
    last = named["revision"] - named["down_revision"]
    return last.pop() if len(last) == 1 else None


def _make_tables(engine: Engine) -> None:
    """Makes Optuna's tables as it makes them, all or none, where a file of SQLite's has none."""
    version = newest()
    in_file = engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
    if version is None or not in_file:
        return
    with engine.begin() as connection:
        if _has_tables(connection):
            return
        # The lock to write, so that one of several processes makes them.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if _has_tables(connection):
            return
        models.BaseModel.metadata.create_all(connection)
        versions = {"schema_version": models.SCHEMA_VERSION, "library_version": optuna.__version__}
        connection.execute(insert(models.VersionInfoModel).values(versions))
        stamp(connection, "alembic_version", version)


def _has_tables(connection: Connection) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is not None


def _version(engine: Engine) -> str | None:
    """The version of Optuna's tables; None where there are none, or none that says so."""
    with engine.connect() as connection:
        try:
            found: str | None = connection.exec_driver_sql(
                "SELECT version_num FROM alembic_version"
            ).scalar()
        except SQLAlchemyError:
            return None
    return found
