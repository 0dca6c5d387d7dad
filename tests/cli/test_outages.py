"""A server that is away, or cuts connections, under real workers: they wait, and go on."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from bench.postgres import Postgres
from bench.soak.kills import undisturbed
from bench.soak.ledger import Entry, Ledger
from bench.soak.processes import Process, Service, pinned, service
from bench.soak.study import NAME, Study

pytestmark = pytest.mark.slow

STUDY = Study(searched=23, chunks=40)
AWAY = 20.0
"""Seconds for which the server is stopped where nobody says that it is away: longer than trials in
flight have anything to do."""
WORKERS = {
    "workers": lambda opened: [opened.worker(place) for place in range(2)],
    "a launch with workers": lambda opened: [opened.start("launch", "spec.toml", "--workers", "2")],
}


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> list[Entry]:
    """What the study finds that nothing disturbs."""
    return undisturbed(STUDY, tmp_path_factory.mktemp("alone"), compiled)


def wait_until(what: Callable[[], bool], running: list[Process]) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert not any(process.has_ended() for process in running)
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def at_work(
    url: str, folder: Path, compiled: Path, start: Callable[[Service], list[Process]]
) -> Iterator[tuple[Service, list[Process], Ledger]]:
    """Two workers in the midst of a study."""
    with service(url, folder, compiled) as opened, closing(Ledger(url)) as ledger:
        opened.submit(STUDY.write(folder / "spec.toml"))
        started = start(opened)
        wait_until(
            lambda: len(ledger.holders()) == 2 and ledger.progress() > STUDY.rows / 8, started
        )
        assert ledger.progress() < STUDY.rows * 3 / 4
        yield opened, started, ledger


@pytest.mark.parametrize("who", WORKERS)
def test_a_server_that_is_stopped_for_a_while_under_load_changes_no_score(
    new_postgres, tmp_path, compiled, alone, who: str
) -> None:
    server: Postgres = new_postgres()
    with at_work(server.new_url(), tmp_path, compiled, WORKERS[who]) as (_, started, ledger):
        seen = ledger.complete()
        server.server.stop()
        if who == "workers":
            wait_until(lambda: all("storage away" in each.said() for each in started), started)
        else:
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
    engine = create_engine(postgres.url(), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with at_work(url, tmp_path, compiled, WORKERS["workers"]) as (_, started, ledger):
        while not all([process.has_ended() for process in started]):
            with engine.connect() as connection:
                cuts += connection.execute(text(kill), name).rowcount
            time.sleep(0.15)
        for process in started:
            told = Counter(event["event"] for event in process.events())
            assert told["storage away"] == told["storage back"], process.said()
            process.check_said()
        ledger.check(STUDY, alone, {})
    assert cuts > 20


def test_workers_with_nothing_to_do_outlast_a_server_that_is_stopped(
    new_postgres, tmp_path, compiled, alone
) -> None:
    server: Postgres = new_postgres()

    def start(opened: Service) -> list[Process]:
        return [opened.worker(), opened.start("worker", "--forever", "--log-json", *pinned(1))]

    with at_work(server.new_url(), tmp_path, compiled, start) as (opened, started, ledger):
        opened.start("pause", NAME).end()
        wait_until(lambda: all("study left" in each.said() for each in started), started)
        server.server.stop()
        wait_until(lambda: all("storage away" in each.said() for each in started), started)
        server.server.start()
        opened.start("resume", NAME).end()
        started[0].end()
        assert not started[1].has_ended()
        ledger.check(STUDY, alone, {})
