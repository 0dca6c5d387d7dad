"""Opening the database so that several processes can share it."""

import logging
import os
import re
import sqlite3
import weakref
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import optuna
import tenacity
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError, NoSuchModuleError, SQLAlchemyError

from normsweep.errors import UserError
from normsweep.storage.known import optuna_storage
from normsweep.storage.local import foreign_kind
from normsweep.storage.urls import STORAGE_VARIABLE, parse_url, shown, without_secrets

DEFAULT_STORAGE = "sqlite:///studies.db"
FILES_VARIABLE = "SWEEP_FILES"
FORCE_VARIABLE = "SWEEP_FORCE_SQLITE"
_BUSY_SECONDS = 60
_READ_SECONDS = 5
"""How long another program's lock is waited for, by who writes and by who only reads."""


def storage_url(url: str | None = None) -> str:
    """The storage to use: the one given, else the environment's SWEEP_STORAGE, else the default."""
    return url or os.environ.get(STORAGE_VARIABLE) or DEFAULT_STORAGE


def study_files(storage: RDBStorage, folder: str | Path | None = None) -> Path:
    """The folder for what belongs to studies and is no row of a table, with a folder for each.

    The one given, else the environment's SWEEP_FILES, else `NAME.files` beside an SQLite file, and
    `sweep.files` in the current folder where the database is a server's. It need not exist.
    """
    if chosen := folder or os.environ.get(FILES_VARIABLE):
        return Path(chosen).expanduser().absolute()
    url = storage.engine.url
    if url.get_backend_name() == "sqlite" and not _in_memory(url):
        return Path(str(url.database)).absolute().with_suffix(".files")
    return Path("sweep.files").absolute()


def only_to_be_read(url: str | None = None) -> bool:
    """Whether the storage at `url` is an SQLite file that this process can read and not write."""
    parsed = parse_url(storage_url(url))
    if parsed.get_backend_name() != "sqlite" or _in_memory(parsed):
        return False
    path = Path(str(parsed.database))
    return path.is_file() and not _may_write(path)


def _may_write(path: Path) -> bool:
    # SQLite's log is written beside it.
    return all(os.access(place, os.W_OK) for place in (path, path.absolute().parent))


def open_storage(
    url: str | None = None, *, create: bool = False, reading: bool = False
) -> RDBStorage:
    """Opens the storage at `url` (see `storage_url`); with `create`, makes the file if need be.

    Only for `reading`, no right to write and no lock is needed, and none is taken.

    Raises `UserError` that names the storage for a URL that is none, a missing or read-only file
    or folder, a file that is no database, or a database server that does not answer.
    """
    # Of several processes that make the tables at once each may fail at another one.
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_was_slower),
        wait=tenacity.wait_random(0.05, 0.5),
        stop=tenacity.stop_after_attempt(10),
        reraise=True,
    )
    try:
        return again(_open, storage_url(url), create, reading)
    except UserError as error:
        told = without_secrets(str(error), storage_url(url))
        if told == str(error):
            raise
        raise UserError(told) from None


class _HalfMade(UserError):
    """A database that may be another process's, which is about to make the rest of its tables."""


def _was_slower(error: BaseException) -> bool:
    """Whether another process has made the same table or row a moment ago."""
    cause = error.__cause__
    there = isinstance(cause, SQLAlchemyError) and "already exists" in str(cause)
    return there or isinstance(cause, IntegrityError) or isinstance(error, _HalfMade)


def _open(url: str, create: bool, reading: bool) -> RDBStorage:
    parsed, told = parse_url(url), shown(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and (coded := re.search("%[0-9A-Fa-f]{2}", url)):
        told += f" (in a URL {coded[0]} is {unquote(coded[0])!r}; a % itself is written %25)"
    # A connection that a restart of the server has cut is noticed before it is used.
    arguments: dict[str, Any] = {"pool_pre_ping": True}
    is_file = is_sqlite and not _in_memory(parsed)
    if is_sqlite:
        _check_file(parsed, told, create, reading)
        arguments = {"connect_args": {"timeout": _BUSY_SECONDS}}
    elif _uses_psycopg(parsed):
        arguments["connect_args"] = _psycopg_arguments(parsed)
    if is_file and reading:
        arguments = {"creator": partial(_read_file, Path(str(parsed.database)))}
    # That it made its tables is no news to a user of ours, and the log says when one is away.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Of a connection that was cut, SQLAlchemy's pool tells with a traceback that it is no more.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        whole = parsed.render_as_string(hide_password=False)
        storage = optuna_storage(whole, arguments, skip_table_creation=reading)
        # When nobody has it any more, and at the end of the process, where Python may leave things
        # as they lie: SQLite then puts its log into the file, which else stays beside it.
        weakref.finalize(storage, storage.engine.dispose)
        if is_file:
            (_read_at_once if reading else _share_file)(storage.engine)
        if create:
            _migrate(storage)
        return storage
    except (NoSuchModuleError, ImportError) as error:
        raise UserError(
            f"storage {told}: no driver for this database ({error}); accepted: "
            "sqlite:///FILE, postgresql+psycopg://… with psycopg installed"
        ) from error
    # ValueError: a setting in the URL that the driver cannot read.
    except (SQLAlchemyError, StorageInternalError, ValueError) as error:
        # Optuna wraps what a reader, who makes no tables, meets first.
        said = error.__cause__ if isinstance(error, StorageInternalError) else error
        cause = getattr(said, "orig", None) or said
        raise UserError(f"storage {told}: cannot be used as a database: {cause}") from error
    except RuntimeError as error:
        # Optuna's word on a schema of another version names the command that upgrades it.
        raise UserError(f"storage {told}: {error}") from error


def _uses_psycopg(url: URL) -> bool:
    try:
        return url.get_driver_name() == "psycopg"
    except NoSuchModuleError:
        # Told where the storage is opened.
        return False


def _psycopg_arguments(url: URL) -> dict[str, Any]:
    # Behind a pool of connections, such as PgBouncer in transaction mode, a statement that was
    # prepared by one client stands in the way of another's
    # (psycopg.org/psycopg3/docs/advanced/prepare.html). What a URL says of the encoding counts;
    # of a database that has none (SQL_ASCII) texts would else come back as bytes.
    encoding = {} if "client_encoding" in url.query else {"client_encoding": "utf8"}
    return {"prepare_threshold": None} | encoding


def _migrate(storage: RDBStorage) -> None:
    # With Alembic, whose commands take long to import.
    from normsweep.storage.migrate import migrate

    try:
        migrate(storage.engine)
    except BaseException:
        storage.engine.dispose()
        raise


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _check_file(url: URL, told: str, create: bool, reading: bool) -> None:
    if _in_memory(url):
        return
    path = Path(str(url.database))
    if str(url.database).startswith("file:"):
        raise UserError(f"storage {told}: a URI of SQLite's; accepted: sqlite:///FILE")
    if not os.environ.get(FORCE_VARIABLE) and (kind := foreign_kind(path)):
        raise UserError(
            f"storage {told}: {path} lies on a network file system ({kind}), or another that is "
            "not known to be a local disk, where SQLite's locks may not hold and a database be "
            "damaged; use a local disk, or PostgreSQL for workers on several machines "
            f"({FORCE_VARIABLE}=1 allows it for a single process, or where you know it to be local)"
        )
    if path.exists():
        if not path.is_file():
            raise UserError(f"storage {told}: {path} is not a file")
        if not os.access(path, os.R_OK):
            raise UserError(f"storage {told}: {path} cannot be read: Permission denied")
        tables = _tables(path, told) if path.stat().st_size else set()
        if tables and "version_info" not in tables:
            # Optuna would add its own tables to anybody's database, even to list what is in it.
            mistake = _HalfMade if tables == {"studies"} else UserError
            raise mistake(f"storage {told}: {path} holds other things, and no Optuna study")
        if not reading and not os.access(path, os.W_OK):
            raise UserError(f"storage {told}: {path} is read-only")
        return
    if not create:
        raise UserError(f"storage {told}: {path} does not exist; `sweep launch` creates it")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"storage {told}: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise UserError(f"storage {told}: the folder {folder} is read-only")


def _tables(path: Path, told: str) -> set[str]:
    # By SQLite alone: a file that is opened and closed beside it takes with it all locks that this
    # process has on it. Another process would then remove the write-ahead log in use here, and the
    # database be damaged (sqlite.org/howtocorrupt.html, section 2.2).
    try:
        with closing(_read_file(path)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in found}
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise UserError(f"storage {told}: {path} is not an SQLite database") from error
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise UserError(
                f"storage {told}: another program has locked {path} for itself; try again when it "
                "is done"
            ) from error
        raise UserError(f"storage {told}: cannot be used as a database: {error}") from error


def _read_file(path: Path) -> sqlite3.Connection:
    """A connection that reads a file, also where nothing may be written, not even beside it."""
    # Who may not write cannot remove SQLite's log either, which its last connection does.
    cleans = _may_write(path)
    address = f"{path.absolute().as_uri()}?mode={'rw' if cleans else 'ro'}"
    connect = partial(sqlite3.connect, uri=True, timeout=_READ_SECONDS, check_same_thread=False)
    connection = connect(address)
    try:
        if cleans:
            connection.execute("PRAGMA query_only=ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        # WAL mode wants a file for its index, which it cannot make in a folder that is read-only.
        log = path.with_name(f"{path.name}-wal")
        barred = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not barred or (log.exists() and log.stat().st_size):
            raise
        # All is in the file itself, which so is read as one that nobody changes.
        return connect(f"{address}&immutable=1")
    return connection


def _read_at_once(engine: Engine) -> None:
    """Has every transaction see the database as it is at its beginning, without a lock."""

    def on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    engine.dispose()
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


def _share_file(engine: Engine) -> None:
    """Makes SQLite safe for several writers: WAL, and the write lock at the start of a transaction.

    A transaction that reads and then writes would otherwise be refused when another has written
    in between, and Optuna's queue would hand one trial to two processes.
    """

    def on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()
    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
