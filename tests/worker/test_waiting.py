"""Whoever only looks at the database, and trains nothing, waits for it as work does."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from normsweep.storage import heartbeat as heart
from normsweep.storage.retry import Retry
from normsweep.worker import pool, serve
from normsweep.worker.pool import Ended, Pool
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit

CUT = OperationalError("SELECT …", {}, sqlite3.OperationalError("database is locked"))


def away(calls: range, function: Callable[..., Any]) -> Any:
    """The function with an outage at some of its calls."""
    count = -1

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count in calls:
            raise CUT
        return function(*arguments, **options)

    return failing


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def log(heard: list[str]) -> Callable[..., None]:
    return lambda event, **facts: heard.append(event)


@pytest.mark.parametrize("name", ["load_study", "control", "study_spec", "check_same_data"])
def test_a_worker_waits_between_studies_too(
    example, make_spec, outcome, databases, storage_url, monkeypatch, log, heard, name: str
) -> None:
    storage, study, *_ = submit(make_spec(), databases.open(storage_url))
    monkeypatch.setattr(serve, "_POLL", 0)
    monkeypatch.setattr(serve, name, away(range(1, 3), getattr(serve, name)))
    monkeypatch.setattr(heart, "beat", away(range(2), heart.beat))
    Server(storage, log=log).serve("small")
    assert outcome(study) == outcome(example.study)
    assert heard.count("storage away") == heard.count("storage back") > 0


@pytest.mark.parametrize(
    "of", ["serve.study_spec", "serve.check_same_data", "confirming.is_to_confirm"]
)
def test_a_worker_that_waits_within_a_study_can_be_stopped(
    make_spec, databases, storage_url, monkeypatch, log, heard, of: str
) -> None:
    storage, *_ = submit(make_spec(confirm__seeds=2), databases.open(storage_url))
    # The first spec is read to find the study.
    first = of == "serve.study_spec"
    monkeypatch.setattr(f"normsweep.worker.{of}", away(range(first, 10**9), serve.study_spec))
    Server(storage, stop=lambda: "storage away" in heard, log=log).serve("small")
    assert heard[heard.index("storage away") + 1 :] in ([], ["study left"])


def test_a_worker_that_waits_for_the_database_can_be_stopped(
    databases, storage_url, monkeypatch, log, heard
) -> None:
    storage = databases.open(storage_url)
    monkeypatch.setattr(serve, "_POLL", 0)
    monkeypatch.setattr(Server, "_oldest", away(range(10**9), None))
    Server(storage, forever=True, stop=lambda: "storage away" in heard, log=log).serve()
    assert heard == ["storage away"]


@dataclass
class Worker:
    """One that does its whole study when it is first looked at."""

    work: Callable[[], Any]

    def poll(self) -> Ended:
        self.work()
        return Ended(0)

    def terminate(self) -> None: ...

    def wait(self) -> None: ...


def test_a_launch_does_not_end_its_workers_because_it_cannot_look_at_them(
    make_spec, databases, storage_url, monkeypatch, run, log, heard
) -> None:
    storage, study, *_ = submit(make_spec(), databases.open(storage_url))
    monkeypatch.setattr(pool, "_LOOK", 0)
    monkeypatch.setattr(pool, "control", away(range(1, 3), pool.control))
    retry = Retry.with_storage(storage, 600, log)
    started: list[int] = []

    def start(place: int) -> Worker:
        started.append(place)
        return Worker(lambda: run(make_spec()) if len(started) == 1 else None)

    assert Pool(make_spec(), study, 1, start, retry, log=log).run()
    assert started == [0]
    assert heard == ["storage away", "storage back"]
