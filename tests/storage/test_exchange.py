"""An attribute of a study that two write at once."""

import threading
from collections.abc import Iterator

import optuna
import pytest
from optuna.storages import RDBStorage

from normsweep.storage import open_storage
from normsweep.storage.exchange import exchange


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    optuna.create_study(storage=opened, study_name="some")
    yield opened
    opened.engine.dispose()


def read(storage: RDBStorage) -> object:
    return optuna.load_study(study_name="some", storage=storage).user_attrs.get("plan")


def test_it_is_written_while_it_is_what_it_was(storage) -> None:
    study = optuna.load_study(study_name="some", storage=storage)
    # Where there is none, none is made.
    assert not exchange(storage.engine, study._study_id, "plan", [2], lambda stored: True)
    assert read(storage) is None
    study.set_user_attr("plan", [1])
    assert not exchange(storage.engine, study._study_id, "plan", [2], lambda stored: stored == [0])
    assert read(storage) == [1]
    assert exchange(storage.engine, study._study_id, "plan", [2], lambda stored: stored == [1])
    assert read(storage) == [2]


def test_nothing_is_written_between_the_look_and_the_writing(storage, storage_url) -> None:
    study = optuna.load_study(study_name="some", storage=storage)
    study.set_user_attr("plan", "old")
    looked, writes = threading.Event(), threading.Event()

    def write() -> None:
        other = open_storage(storage_url)
        looked.wait()
        writes.set()
        optuna.load_study(study_name="some", storage=other).set_user_attr("plan", "newer")
        other.engine.dispose()

    def still(stored: str) -> bool:
        looked.set()
        writes.wait()
        # As long as that would take it.
        writer.join(0.3)
        return stored == "old"

    writer = threading.Thread(target=write)
    writer.start()
    assert exchange(storage.engine, study._study_id, "plan", "with arms", still)
    writer.join()
    assert read(storage) == "newer"


def test_of_many_one_is_the_first(storage, storage_url) -> None:
    study = optuna.load_study(study_name="some", storage=storage)
    study.set_user_attr("plan", None)
    done: list[bool] = []

    def write(value: int) -> None:
        own = open_storage(storage_url)
        done.append(
            exchange(own.engine, study._study_id, "plan", value, lambda stored: stored is None)
        )
        own.engine.dispose()

    threads = [threading.Thread(target=write, args=(value,)) for value in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]
