"""A database of the version that Optuna wants is opened without Alembic, and no other one is."""

import pickle
import sqlite3
from pathlib import Path

import pytest
from optuna.storages import RDBStorage

from normsweep.errors import UserError
from normsweep.storage import open_storage
from normsweep.storage.known import newest


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


def test_where_the_files_do_not_say_a_version_optuna_looks_itself(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("normsweep.storage.known.newest", lambda: None)
    opened = open_storage(url, reading=True)
    assert opened.get_current_version() == opened.get_head_version()
    opened.engine.dispose()
