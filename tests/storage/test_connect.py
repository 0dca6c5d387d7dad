"""Opening the database: what is refused, and how SQLite is set up to be shared."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy import make_url, text

from normsweep.errors import UserError
from normsweep.storage import DEFAULT_STORAGE, open_storage, storage_url


def refusal(url: str, *, create: bool) -> str:
    with pytest.raises(UserError) as caught:
        open_storage(url, create=create)
    message = str(caught.value)
    assert message.startswith("storage ")
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RDBStorage]:
    opened = open_storage(f"sqlite:///{tmp_path_factory.mktemp('shared') / 's.db'}", create=True)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database with a study in it."""
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    opened = open_storage(f"sqlite:///{path}", create=True)
    optuna.create_study(storage=opened)
    opened.engine.dispose()
    return path.read_bytes()


def test_the_url_given_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SWEEP_STORAGE", raising=False)
    assert storage_url() == DEFAULT_STORAGE == "sqlite:///studies.db"
    monkeypatch.setenv("SWEEP_STORAGE", "sqlite:///mine.db")
    assert storage_url() == "sqlite:///mine.db"
    assert storage_url("sqlite:///other.db") == "sqlite:///other.db"
    monkeypatch.setenv("SWEEP_STORAGE", "")
    assert storage_url() == DEFAULT_STORAGE


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "url", ["studies.db", "/tmp/studies.db", "://", "sqlite:", "postgresql://host:port/name"]
)
def test_what_is_no_url_is_refused_with_examples_of_one(url: str, create: bool) -> None:
    message = refusal(url, create=create)
    assert repr(url) in message
    assert "is no database URL; accepted: sqlite:///FILE, postgresql+psycopg://" in message


@pytest.mark.parametrize("url", ["foo://x", "sqlite+foo:///x", "postgresql+foo://host/name"])
def test_an_unknown_dialect_is_refused_with_the_known_ones(url: str) -> None:
    message = refusal(url, create=True)
    assert message.startswith(f"storage {url}: no driver for this database")
    assert "accepted: sqlite:///FILE, postgresql+psycopg://" in message


def test_a_password_is_not_shown() -> None:
    message = refusal("foo://user:secret@host/name", create=True)
    assert "secret" not in message
    assert "foo://user:***@host/name" in message


def test_a_second_opening_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    # A lock of POSIX is the process's: closing any other opening of the file would end it, and
    # another process could then remove the log that this one writes to.
    path = tmp_path / "shared.db"
    first = open_storage(f"sqlite:///{path}", create=True)
    with first.engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM studies")).all()
    # Bytes of the file that every connection locks while it is open (SQLite's SHARED_FIRST).
    code = (
        f"import fcntl; file = open({str(path)!r}, 'r+b'); "
        "fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)"
    )
    for again in (False, True):
        if again:
            for create in (False, True):
                open_storage(f"sqlite:///{path}", create=create).engine.dispose()
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "BlockingIOError" in tried.stderr, again
    first.engine.dispose()


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"not a database at all", b"SQL", b"\0" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, create: bool
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    message = refusal(f"sqlite:///{path}", create=create)
    assert f"{path} is not an SQLite database" in message
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("damage", ["truncated", "zeros", "noise"])
def test_a_corrupt_database_is_refused(
    tmp_path: Path, database: bytes, damage: str, create: bool
) -> None:
    noise = bytes((17 * index * index + 5) % 251 for index in range(len(database) - 100))
    content = {
        "truncated": database[:5000],
        "zeros": database[:16] + bytes(len(database) - 16),
        "noise": database[:100] + noise,
    }[damage]
    path = tmp_path / "corrupt.db"
    path.write_bytes(content)
    message = refusal(f"sqlite:///{path}", create=create)
    # Of a head that is cut after its first words SQLite says that it is none.
    said = (
        f"{path} is not an SQLite database"
        if damage == "zeros"
        else (f"{path}: cannot be used as a database: ")
    )
    assert said in message


@pytest.mark.parametrize("create", [False, True])
def test_a_folder_is_no_database(tmp_path: Path, create: bool) -> None:
    message = refusal(f"sqlite:///{tmp_path}", create=create)
    assert f"{tmp_path} is not a file" in message


def test_a_missing_file_is_refused_unless_it_is_to_be_created(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    message = refusal(f"sqlite:///{path}", create=False)
    assert f"{path} does not exist; `sweep launch` creates it" in message
    assert not path.exists()
    open_storage(f"sqlite:///{path}", create=True).engine.dispose()
    assert path.is_file()
    opened = open_storage(f"sqlite:///{path}")
    assert optuna.get_all_study_names(opened) == []
    opened.engine.dispose()


def test_a_file_in_a_missing_folder_is_refused_with_the_folder(tmp_path: Path) -> None:
    message = refusal(f"sqlite:///{tmp_path / 'no' / 'studies.db'}", create=True)
    assert f"the folder {tmp_path / 'no'} does not exist" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("existing", [False, True])
def test_what_may_not_be_written_is_refused(
    tmp_path: Path, existing: bool, database: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "studies.db"
    if existing:
        path.write_bytes(database)
    # Permissions do not bind a superuser, as whom tests in containers run.
    monkeypatch.setattr("os.access", lambda _, mode: mode == os.R_OK)
    message = refusal(f"sqlite:///{path}", create=True)
    assert message.endswith(f"{path if existing else f'the folder {tmp_path}'} is read-only")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, database: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "studies.db"
    path.write_bytes(database)

    monkeypatch.setattr("os.access", lambda _, mode: mode != os.R_OK)
    message = refusal(f"sqlite:///{path}", create=False)
    assert message.endswith(f"{path} cannot be read: Permission denied")


def test_a_setting_that_the_driver_cannot_read_is_refused(tmp_path: Path) -> None:
    message = refusal(f"sqlite:///{tmp_path / 'x.db'}?timeout=soon", create=True)
    assert "cannot be used as a database" in message and "soon" in message


def test_a_database_of_another_version_of_optuna_is_refused(
    tmp_path: Path, database: bytes
) -> None:
    path = tmp_path / "future.db"
    path.write_bytes(database)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    connection.commit()
    connection.close()
    message = refusal(f"sqlite:///{path}", create=False)
    assert f"{path}: The runtime optuna version" in message
    assert "optuna storage upgrade" in message


def test_a_database_in_memory_holds_a_study() -> None:
    opened = open_storage("sqlite://", create=True)
    study = optuna.create_study(storage=opened, study_name="brief")
    study.enqueue_trial({"x": 1.0})
    assert study.ask().suggest_float("x", 0.0, 2.0) == 1.0
    opened.engine.dispose()


def test_every_connection_writes_ahead_waits_and_checks_references(storage: RDBStorage) -> None:
    with storage.engine.connect() as one, storage.engine.connect() as other:
        for connection in (one, other):
            values = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            }
            assert values == {
                "journal_mode": "wal",
                "foreign_keys": 1,
                "busy_timeout": 60_000,
                "synchronous": 1,
            }
            connection.rollback()


def test_a_second_connection_cannot_write_between_a_read_and_its_write(
    storage: RDBStorage,
) -> None:
    path = str(storage.engine.url.database)
    with storage.engine.begin() as connection:
        connection.execute(text("CREATE TABLE single (number INTEGER)"))
        connection.execute(text("INSERT INTO single VALUES (0)"))
    rival = sqlite3.connect(path, timeout=0, isolation_level=None)
    with storage.engine.begin() as connection:
        number = connection.execute(text("SELECT number FROM single")).scalar_one()
        assert rival.execute("SELECT number FROM single").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            rival.execute("UPDATE single SET number = 100")
        connection.execute(text("UPDATE single SET number = :n"), {"n": number + 1})
    rival.execute("UPDATE single SET number = number + 100")
    assert rival.execute("SELECT number FROM single").fetchone() == (101,)
    rival.close()


def test_threads_that_read_and_then_write_lose_nothing(storage: RDBStorage) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text("CREATE TABLE tally (number INTEGER)"))
        connection.execute(text("INSERT INTO tally VALUES (0)"))
    errors: list[Exception] = []
    together = threading.Barrier(4)

    def count() -> None:
        try:
            together.wait()
            for _ in range(25):
                with storage.engine.begin() as connection:
                    number = connection.execute(text("SELECT number FROM tally")).scalar_one()
                    connection.execute(text("UPDATE tally SET number = :n"), {"n": number + 1})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with storage.engine.connect() as connection:
        assert connection.execute(text("SELECT number FROM tally")).scalar_one() == 100


@pytest.mark.parametrize("folder", ["pct%20x", "pct%25x", "a b", "100%"])
def test_an_encoded_url_names_the_file_that_sqlalchemy_makes_of_it_and_a_refusal_says_so(
    tmp_path: Path, folder: str
) -> None:
    url = f"sqlite:///{tmp_path}/{folder}/s.db"
    meant = Path(str(make_url(url).database))
    message = refusal(url, create=True)
    assert f"the folder {meant.parent} does not exist" in message
    code = {"pct%20x": "%20 is ' '", "pct%25x": "%25 is '%'"}.get(folder)
    assert ("a % itself is written %25" in message) == (code is not None)
    assert code is None or f"(in a URL {code};" in message
    meant.parent.mkdir()
    open_storage(url, create=True).engine.dispose()
    assert meant.is_file()


def test_a_process_leaves_one_file_whatever_it_holds_at_its_end(tmp_path: Path) -> None:
    code = (
        "import atexit, gc, optuna\n"
        "from normsweep.storage import open_storage\n"
        "storage = open_storage('sqlite:///s.db', create=True)\n"
        "study = optuna.create_study(storage=storage)\n"
        "study.itself = study\n"
        "atexit.register(gc.freeze)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"s.db"}
