"""A server that is away, or cuts connections, under real workers: they wait, and go on."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from bench.postgres import Postgres
from bench.soak.ledger import Ledger
from bench.soak.processes import Process, Service, pinned, service
from bench.soak.study import NAME, Study

pytestmark = pytest.mark.slow

AWAY = 20.0
"""Seconds for which the server is stopped where nobody says that it is away: longer than trials in
flight have anything to do."""


CUTS = 60
"""Connections: some ten times all that two workers have."""


def workers(opened: Service) -> list[Process]:
    """Two on a core each, of which the second goes on for ever."""
    return [opened.worker(), opened.start("worker", "--forever", "--log-json", *pinned(1))]


def launch_with_workers(opened: Service) -> list[Process]:
    return [opened.start("launch", "spec.toml", "--workers", "2")]


def wait_until(what: Callable[[], bool], running: list[Process]) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert not any(process.has_ended() for process in running)
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def at_work(
    url: str, folder: Path, compiled: Path, study: Study, start: Callable[[Service], list[Process]]
) -> Iterator[tuple[Service, list[Process], Ledger]]:
    """Two workers in the midst of a study."""
    with service(url, folder, compiled) as opened, closing(Ledger(url)) as ledger:
        opened.submit(study.write(folder / "spec.toml"))
        started = start(opened)
        wait_until(
            lambda: len(ledger.holders()) == 2 and ledger.progress() > study.rows / 8, started
        )
        assert ledger.progress() < study.rows * 3 / 4
        yield opened, started, ledger


def told(process: Process) -> Counter[str]:
    return Counter(event["event"] for event in process.events())


def test_a_server_that_is_stopped_for_a_while_under_a_launch_changes_no_score(
    new_postgres, tmp_path, compiled, soaked, undisturbed_soak
) -> None:
    server: Postgres = new_postgres()
    with at_work(server.new_url(), tmp_path, compiled, soaked, launch_with_workers) as opened:
        _, started, ledger = opened
        seen = ledger.complete()
        server.server.stop()
        time.sleep(AWAY)
        assert not started[0].has_ended()
        server.server.start()
        started[0].end()
        ledger.check(soaked, undisturbed_soak, seen)


def test_workers_outlast_a_server_that_is_stopped_under_load_and_with_nothing_to_do(
    new_postgres, tmp_path, compiled, soaked, undisturbed_soak
) -> None:
    server: Postgres = new_postgres()
    with at_work(server.new_url(), tmp_path, compiled, soaked, workers) as opened:
        service, started, ledger = opened
        seen = ledger.complete()

        def all_tell(event: str, times: int) -> None:
            wait_until(lambda: all(told(each)[event] == times for each in started), started)

        def stopped_and_started(times: int) -> None:
            server.server.stop()
            all_tell("storage away", times)
            server.server.start()
            all_tell("storage back", times)

        stopped_and_started(1)
        assert ledger.progress() < soaked.rows
        service.start("pause", NAME).end()
        # The one that has the study by name rests, the one of all studies leaves it.
        events = "resting", "study left"
        wait_until(
            lambda: all(told(each)[event] for each, event in zip(started, events, strict=True)),
            started,
        )
        stopped_and_started(2)
        service.start("resume", NAME).end()
        started[0].end()
        assert not started[1].has_ended()
        for process in started:
            assert told(process)["storage away"] == told(process)["storage back"] == 2
        ledger.check(soaked, undisturbed_soak, seen)


def test_connections_cut_again_and_again_under_workers_change_no_score(
    postgres, tmp_path, compiled, soaked, undisturbed_soak
) -> None:
    url, cuts = postgres.new_url(), 0
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    name = {"name": make_url(url).database}
    engine = create_engine(postgres.url(), isolation_level="AUTOCOMMIT", poolclass=NullPool)

    def start(opened: Service) -> list[Process]:
        return [opened.worker(place) for place in range(2)]

    with at_work(url, tmp_path, compiled, soaked, start) as (_, started, ledger):
        while cuts < CUTS:
            assert not all([process.has_ended() for process in started])
            with engine.connect() as connection:
                cuts += connection.execute(text(kill), name).rowcount
            time.sleep(0.15)
        for process in started:
            process.end()
            assert told(process)["storage away"] == told(process)["storage back"], process.said()
            process.check_said()
        ledger.check(soaked, undisturbed_soak, {})
