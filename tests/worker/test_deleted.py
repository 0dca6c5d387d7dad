"""A study that is deleted while it is worked on, as the dashboard lets one do."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

from normsweep.study.control import StudyDeleted
from normsweep.worker import launch as launching
from normsweep.worker.pool import Ended
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit


@pytest.fixture
def storage(databases, storage_url: str) -> RDBStorage:
    return databases.open(storage_url)


@pytest.fixture
def delete(storage: RDBStorage) -> Callable[[str], None]:
    """Deletes a study, once."""

    def delete(name: str) -> None:
        if name in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=name, storage=storage)

    return delete


def test_a_launch_says_in_one_message_that_its_study_was_deleted(run, make_spec, delete) -> None:
    with pytest.raises(StudyDeleted, match=r"^study 'small' was deleted$"):
        run(make_spec(), watch=lambda progress: delete("small"))


def test_a_launch_with_workers_ends_with_its_study(run, make_spec, delete, monkeypatch) -> None:
    told: list[str] = []

    class Worker:
        def __init__(self, place: int) -> None: ...

        def poll(self) -> Ended | None:
            delete("small")
            return None

        def terminate(self) -> None:
            told.append("end")

        def wait(self) -> None: ...

    class Workers:
        def __init__(self, *_: Any) -> None: ...

        start = Worker

    monkeypatch.setattr(launching, "LocalWorkers", Workers)
    with pytest.raises(StudyDeleted, match=r"^study 'small' was deleted$"):
        run(make_spec(), workers=2)
    assert told == ["end"] * 2


@pytest.mark.parametrize("when", ["study taken", "trial taken", "trial complete"])
@pytest.mark.parametrize("name", [None, "small"])
def test_a_worker_goes_on_with_the_next_study(
    make_spec, storage, delete, query, database, when: str, name: str | None
) -> None:
    heard: list[tuple[str, str]] = []

    def log(event: str, /, **facts: Any) -> None:
        heard.append((event, facts["study"]))
        if heard[-1] == (when, "small"):
            delete("small")

    submit(make_spec(), storage)
    if name is None:
        submit(make_spec(study__name="next", study__trials=1), storage)
    Server(storage, log=log).serve(name)
    assert ("study deleted", "small") in heard
    assert (("study left", "next") in heard) is (name is None)
    assert query(database, "select * from sweep_claims") == []
