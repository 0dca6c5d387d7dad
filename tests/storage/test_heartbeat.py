"""A worker's heartbeat in its thread, and what becomes of an error there."""

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from normsweep.storage import heartbeat as module
from normsweep.storage import open_storage
from normsweep.storage.heartbeat import Heartbeat
from normsweep.storage.workers import this_worker, workers

OFTEN = 0.01


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(OFTEN)


def alive() -> bool:
    return any(thread.name == "heartbeat" for thread in threading.enumerate())


@pytest.fixture
def engine(storage_url: str) -> Engine:
    storage = open_storage(storage_url, create=True)
    yield storage.engine
    storage.engine.dispose()


def rename(engine: Engine, old: str, new: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE sweep_workers RENAME COLUMN {old} TO {new}"))


def seen(engine: Engine) -> list[float]:
    with engine.connect() as connection:
        return list(connection.scalars(select(workers.c.seen)))


def test_a_worker_is_seen_again_and_again_and_no_more_when_it_has_left(engine: Engine) -> None:
    with Heartbeat(engine, this_worker("cpu"), OFTEN) as heartbeat:
        (first,) = seen(engine)
        wait_for(lambda: seen(engine)[0] > first)
        heartbeat.check()
    assert seen(engine) == []
    assert not alive()


def test_an_error_that_is_no_outage_is_raised_where_the_worker_looks_for_it(engine: Engine) -> None:
    heartbeat = Heartbeat(engine, this_worker("cpu"), OFTEN)
    with pytest.raises(DBAPIError, match="sweep_workers"), heartbeat:
        rename(engine, "rate", "speed")
        wait_for(lambda: not alive())
        try:
            heartbeat.check()
        finally:
            rename(engine, "speed", "rate")
        raise AssertionError("it was not raised")
    # What it can still tidy up it does.
    assert seen(engine) == []


def test_nor_is_it_lost_where_the_worker_looks_no_more(engine: Engine) -> None:
    with pytest.raises(DBAPIError), Heartbeat(engine, this_worker("cpu"), OFTEN):
        rename(engine, "rate", "speed")
        wait_for(lambda: not alive())


def test_an_outage_ends_no_heartbeat(engine: Engine, monkeypatch) -> None:
    calls = []

    def away(*arguments: object) -> None:
        calls.append(arguments)
        raise OperationalError("UPDATE …", {}, OSError("connection refused"))

    with Heartbeat(engine, this_worker("cpu"), OFTEN) as heartbeat:
        with monkeypatch.context() as patched:
            patched.setattr(module, "beat", away)
            wait_for(lambda: len(calls) > 3)
        (last,) = seen(engine)
        wait_for(lambda: seen(engine)[0] > last)
        heartbeat.check()
