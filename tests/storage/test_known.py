"""A database that is new, or of the version that Optuna wants, is opened without Alembic."""

import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from optuna.storages import RDBStorage
from sqlalchemy import create_engine

from normsweep.errors import UserError
from normsweep.storage import open_storage
from normsweep.storage.known import newest, optuna_storage
from normsweep.storage.migrate import NEWEST, VERSION_TABLE, _config
from normsweep.storage.stamp import stamp


@pytest.fixture
def url(copied_example: Path) -> str:
    return f"sqlite:///{copied_example}"


def test_the_version_read_from_the_files_of_optuna_is_the_one_that_it_wants(url: str) -> None:
    storage = RDBStorage(url)
    assert newest() == storage.get_head_version()
    storage.engine.dispose()


@pytest.mark.parametrize("reading", [True, False])
def test_a_storage_that_is_known_has_all_that_one_of_optunas_has(url: str, reading: bool) -> None:
    opened, whole = open_storage(url, reading=reading), RDBStorage(url)
    assert vars(opened).keys() | {"_version_manager"} == vars(whole).keys()
    assert opened.get_all_studies() == whole.get_all_studies()
    assert opened.get_current_version() == opened.get_head_version()
    assert not hasattr(opened, "unknown")
    opened.engine.dispose()
    whole.engine.dispose()


def test_a_storage_that_is_known_can_be_sent_to_another_process(url: str) -> None:
    opened = open_storage(url)
    sent = pickle.loads(pickle.dumps(opened))
    assert sent.get_all_studies() == opened.get_all_studies()
    opened.engine.dispose()
    sent.engine.dispose()


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize(
    ("version", "told"), [("v3.0.0.d", "optuna storage upgrade"), ("v9.9.9.z", "updating optuna")]
)
def test_tables_of_another_version_are_told_as_ever(
    url: str, copied_example: Path, version: str, told: str, reading: bool
) -> None:
    with sqlite3.connect(copied_example) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])
    connection.close()
    with pytest.raises(UserError, match=told):
        open_storage(url, reading=reading)


def described(path: Path) -> tuple[set[tuple[object, ...]], list[object], list[object]]:
    """What a file's tables are, and what it says of their versions."""
    with sqlite3.connect(path) as connection:
        tables = set(connection.execute("SELECT type, name, sql FROM sqlite_master"))
        versions = (
            connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("version_info", "alembic_version")
        )
        first, second = versions
    connection.close()
    return tables, first, second


def test_a_new_file_has_the_tables_that_optuna_makes(tmp_path: Path) -> None:
    whole = RDBStorage(f"sqlite:///{tmp_path / 'optuna.db'}")
    made = optuna_storage(f"sqlite:///{tmp_path / 'ours.db'}", {}, skip_table_creation=False)
    assert described(tmp_path / "ours.db") == described(tmp_path / "optuna.db")
    assert made.get_current_version() == whole.get_head_version()
    for storage in (whole, made):
        storage.engine.dispose()


def test_its_version_is_written_as_alembic_does(tmp_path: Path) -> None:
    found = []
    for name in ("alembic", "ours"):
        engine = create_engine(f"sqlite:///{tmp_path / name}.db")
        with engine.begin() as connection:
            if name == "ours":
                stamp(connection, VERSION_TABLE, NEWEST)
            else:
                config = _config()
                config.attributes["connection"] = connection
                command.stamp(config, NEWEST)
        with engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")
            versions = connection.exec_driver_sql(f"SELECT * FROM {VERSION_TABLE}")
            found.append((tables.fetchall(), versions.fetchall()))
        engine.dispose()
    assert found[0] == found[1]


def test_a_new_file_is_made_without_alembic(tmp_path: Path) -> None:
    script = """
import sys
from normsweep.storage import open_storage
opened = open_storage("sqlite:///new.db", create=True)
print("alembic" in sys.modules, opened.get_all_studies())
"""
    called = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert called.stdout == "False []\n", called.stderr


def test_a_file_that_several_processes_make_at_once_is_made_once(tmp_path: Path) -> None:
    script = """
from normsweep.storage import open_storage
open_storage("sqlite:///new.db", create=True)
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told.decode()
    _, *versions = described(tmp_path / "new.db")
    assert [len(rows) for rows in versions] == [1, 1]


def test_a_database_in_memory_is_optunas_alone() -> None:
    opened = open_storage("sqlite://", create=True)
    assert opened.get_all_studies() == []
    opened.engine.dispose()


def test_where_the_files_do_not_say_a_version_optuna_looks_itself(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("normsweep.storage.known.newest", lambda: None)
    opened = open_storage(url, reading=True)
    assert opened.get_current_version() == opened.get_head_version()
    opened.engine.dispose()
