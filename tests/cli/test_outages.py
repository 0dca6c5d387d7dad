"""A server that is away, or cuts connections, under real workers: they wait, and go on."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from bench.postgres import Postgres
from bench.soak.kills import undisturbed
from bench.soak.ledger import Entry, Ledger
from bench.soak.processes import Process, Service, service
from bench.soak.study import NAME, Study

pytestmark = pytest.mark.slow

STUDY = Study(searched=11, chunks=40)
AWAY = 20.0
"""Seconds for which the server is stopped: longer than trials in flight have anything to do."""
WORKERS = {
    "workers": lambda opened: [opened.worker(place) for place in range(2)],
    "a launch with workers": lambda opened: [opened.start("launch", "spec.toml", "--workers", "2")],
}


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> list[Entry]:
    """What the study finds that nothing disturbs."""
    return undisturbed(STUDY, tmp_path_factory.mktemp("alone"), compiled)


@contextmanager
def at_work(
    url: str, folder: Path, compiled: Path, start: Callable[[Service], list[Process]]
) -> Iterator[tuple[list[Process], Ledger]]:
    """Two workers in the first half of a study."""
    with service(url, folder, compiled) as opened, closing(Ledger(url)) as ledger:
        opened.submit(STUDY.write(folder / "spec.toml"))
        started = start(opened)
        deadline = time.monotonic() + 300
        while len(ledger.holders()) < 2 or ledger.progress() < STUDY.rows / 8:
            assert not any(process.has_ended() for process in started)
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert ledger.progress() < STUDY.rows / 2
        yield started, ledger


@pytest.mark.parametrize("who", WORKERS)
def test_a_server_that_is_stopped_for_a_while_under_load_changes_no_score(
    new_postgres, tmp_path, compiled, alone, who: str
) -> None:
    server: Postgres = new_postgres()
    with at_work(server.new_url(), tmp_path, compiled, WORKERS[who]) as (started, ledger):
        seen = ledger.complete()
        server.server.stop()
        time.sleep(AWAY)
        assert not any(process.has_ended() for process in started)
        server.server.start()
        for process in started:
            process.end()
            if who == "workers":
                told = Counter(event["event"] for event in process.events())
                assert told["storage away"] == told["storage back"] == 1, process.said()
        ledger.check(STUDY, alone, seen)


def test_connections_cut_again_and_again_under_workers_change_no_score(
    postgres, tmp_path, compiled, alone
) -> None:
    url, cuts = postgres.new_url(), 0
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    name = {"name": make_url(url).database}
    engine = create_engine(postgres.url(), isolation_level="AUTOCOMMIT")
    with at_work(url, tmp_path, compiled, WORKERS["workers"]) as (started, ledger):
        while not all([process.has_ended() for process in started]):
            with engine.connect() as connection:
                cuts += connection.execute(text(kill), name).rowcount
            time.sleep(0.15)
        for process in started:
            told = Counter(event["event"] for event in process.events())
            assert told["storage away"] == told["storage back"], process.said()
            assert "Traceback" not in process.said()
        ledger.check(STUDY, alone, {})
    engine.dispose()
    assert cuts > 20


def test_a_worker_that_waits_for_studies_outlasts_a_server_that_is_stopped(
    new_postgres, tmp_path, compiled, alone
) -> None:
    server: Postgres = new_postgres()
    url = server.new_url()
    with service(url, tmp_path, compiled) as opened, closing(Ledger(url)) as ledger:
        opened.submit(STUDY.write(tmp_path / "spec.toml"))
        opened.start("pause", NAME).end()
        waiting = [opened.worker(), opened.start("worker", "--forever", "--log-json")]
        server.server.stop()
        deadline = time.monotonic() + 120
        while not all("storage away" in process.said() for process in waiting):
            assert not any(process.has_ended() for process in waiting)
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.server.start()
        opened.start("resume", NAME).end()
        waiting[0].end()
        assert not waiting[1].has_ended()
        assert {entry.state for entry in ledger.entries()} == {"COMPLETE"}
