"""Studies on a real PostgreSQL: the same bits as on SQLite, whatever becomes of the server."""

import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from normsweep.engine.population import Population
from normsweep.study.progress import Progress

CUTS = 8


@pytest.fixture
def paced(monkeypatch) -> None:
    """Chunks that take a while, so that something can happen between them."""
    advance = Population.advance

    def slow(*arguments: Any) -> Any:
        time.sleep(0.25)
        return advance(*arguments)

    monkeypatch.setattr(Population, "advance", slow)


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[threading.Event], None]], None]]:
    """Runs a function in a thread until the test is over; its event says when."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(function: Callable[[threading.Event], None]) -> None:
        threads.append(threading.Thread(target=function, args=(over,)))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_a_study_finds_the_same_bits_as_on_sqlite(
    example, run, make_spec, outcome, postgres
) -> None:
    launched = run(make_spec(), url=postgres.new_url())
    assert launched.done
    assert outcome(launched.study) == outcome(example.study)


def test_a_stopped_study_goes_on_from_its_checkpoints(
    example, run, make_spec, outcome, postgres, tmp_path
) -> None:
    url = postgres.new_url()
    for chunks in (2, 5, None):
        launched = run(make_spec(), url=url, chunks=chunks, files=tmp_path / "files")
    assert outcome(launched.study) == outcome(example.study)


def test_a_server_that_is_stopped_and_started_again_changes_no_score(
    example, run, make_spec, outcome, new_postgres, paced, meanwhile
) -> None:
    heard: list[str] = []
    server = new_postgres()

    def restart(over: threading.Event) -> None:
        begun.wait()
        for _ in range(2):
            over.wait(0.5)
            server.server.stop()
            over.wait(3)
            server.server.start()

    def watch(progress: Progress) -> None:
        begun.set()

    url, begun = server.new_url(), threading.Event()
    meanwhile(restart)
    launched = run(
        make_spec(), url=url, watch=watch, log=lambda event, **facts: heard.append(event)
    )
    assert launched.done
    assert outcome(launched.study) == outcome(example.study)
    assert "storage away" in heard
    assert heard.count("storage away") == heard.count("storage back")


def test_connections_that_are_cut_again_and_again_change_no_score(
    example, run, make_spec, outcome, postgres, paced, meanwhile
) -> None:
    url = postgres.new_url()
    cuts, random = 0, Random(3)

    def cut(over: threading.Event) -> None:
        nonlocal cuts
        engine = create_engine(postgres.url(), isolation_level="AUTOCOMMIT")
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        name = {"name": make_url(url).database}
        begun.wait()
        while cuts < CUTS and not over.wait(random.uniform(0.05, 0.5)):
            try:
                with engine.connect() as connection:
                    cuts += connection.execute(text(kill), name).rowcount
            except SQLAlchemyError:
                continue
        engine.dispose()

    begun = threading.Event()
    meanwhile(cut)
    launched = run(make_spec(), url=url, watch=lambda progress: begun.set())
    assert launched.done
    assert outcome(launched.study) == outcome(example.study)
    assert cuts >= CUTS
