"""What only reads needs no more than to read, whoever else is at the database."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError

from normsweep.errors import UserError
from normsweep.storage import connect, open_storage
from normsweep.study.overview import overview

NOBODY = 65534


def make(path: Path) -> Path:
    storage = open_storage(f"sqlite:///{path}", create=True)
    optuna.create_study(storage=storage, study_name="mine")
    storage.engine.dispose()
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make(tmp_path / "studies.db")


def names(path: Path) -> list[str]:
    storage = open_storage(f"sqlite:///{path}", reading=True)
    try:
        overview(storage)
        return [study.study_name for study in storage.get_all_studies()]
    finally:
        storage.engine.dispose()


def test_a_writer_of_another_program_is_not_waited_for(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE unfinished (x)")
        begun = time.monotonic()
        assert names(database) == ["mine"]
        assert time.monotonic() - begun < 4
        other.execute("ROLLBACK")


def test_a_program_that_has_the_file_for_itself_is_named_in_one_message(
    database: Path, monkeypatch
) -> None:
    monkeypatch.setattr(connect, "_READ_SECONDS", 0.1)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE unfinished (x)")
        with pytest.raises(UserError, match="another program has locked"):
            names(database)
        other.execute("ROLLBACK")


def test_reading_writes_nothing(database: Path) -> None:
    before = database.read_bytes()
    storage = open_storage(f"sqlite:///{database}", reading=True)
    with pytest.raises(StorageInternalError) as refused:
        storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "other")
    assert "readonly database" in str(refused.value.__cause__)
    storage.engine.dispose()
    assert database.read_bytes() == before


def test_reading_leaves_nothing_beside_the_file(database: Path) -> None:
    assert names(database) == ["mine"]
    assert os.listdir(database.parent) == [database.name]


def test_a_reader_leaves_the_log_to_those_who_are_there(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("CREATE TABLE another (x)")
        assert names(database) == ["mine"]
        assert database.with_name("studies.db-wal").stat().st_size
        other.execute("INSERT INTO another VALUES (1)")
    with closing(sqlite3.connect(database)) as again:
        assert again.execute("SELECT x FROM another").fetchall() == [(1,)]


@pytest.fixture
def guarded(database: Path) -> Iterator[Path]:
    """In a folder in which nobody but its owner may write, who is somebody else."""
    database.chmod(0o444)
    database.parent.chmod(0o555)
    for parent in database.parents[1:4]:
        parent.chmod(parent.stat().st_mode | 0o055)
    yield database
    database.parent.chmod(0o755)


READER = """
import os, sys
from normsweep.storage import open_storage
from normsweep.study.overview import overview
from normsweep.errors import UserError
# Others than its owner may not see where Python is.
overview(open_storage(sys.argv[2], reading=True))
if os.geteuid() == 0:
    os.setgid({user}), os.setuid({user})
storage = open_storage(sys.argv[1], reading=True)
overview(storage)
print([study.study_name for study in storage.get_all_studies()])
try:
    open_storage(sys.argv[1])
except UserError as error:
    print(error)
"""


def test_a_file_in_a_folder_that_is_read_only_is_read(
    guarded: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make(tmp_path_factory.mktemp("other") / "studies.db")
    urls = [f"sqlite:///{path}" for path in (guarded, other)]
    found = subprocess.run(
        [sys.executable, "-c", READER.format(user=NOBODY), *urls],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert found.stdout.startswith("['mine']\n"), found.stderr
    assert f"{guarded} is read-only" in found.stdout
