"""kill -9, again and again, of workers and of all there is: nothing is lost, doubled or changed."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from bench.soak.kills import survive, undisturbed
from bench.soak.ledger import Entry, Ledger
from bench.soak.processes import Process, Service, service
from bench.soak.study import Study

pytestmark = pytest.mark.slow

KILLS = 50
SHORT = Study(searched=11, chunks=40)
COMMANDS = {
    "one process": ("launch", "spec.toml"),
    "two workers": ("launch", "spec.toml", "--workers", "2"),
}


def launch(name: str) -> Callable[[Service], Process]:
    return lambda opened: opened.start(*COMMANDS[name])


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> Callable[..., list[Entry]]:
    """What a study finds that nobody disturbs."""
    return lambda study, *how: undisturbed(study, tmp_path_factory.mktemp("alone"), compiled, *how)


@pytest.fixture(scope="session")
def short_alone(alone: Callable[..., list[Entry]]) -> dict[str, list[Entry]]:
    """By as many cores as each process has: XLA compiles otherwise for one than for several."""
    return {
        "one process": alone(SHORT, launch("one process")),
        "two workers": alone(SHORT),
    }


@pytest.fixture(scope="session")
def long_alone(alone: Callable[..., list[Entry]]) -> list[Entry]:
    return alone(Study())


def test_fifty_kills_of_workers_lose_double_and_change_nothing(
    new_url, tmp_path, compiled, long_alone
) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    figures = survive(
        new_url(folder), folder, compiled, Study(), long_alone, Random(7), kills=KILLS
    )
    print(figures)
    assert figures.kills == KILLS
    # The others struck while a worker was starting or between two trials.
    assert figures.in_trial > KILLS / 2


@pytest.mark.parametrize("name", COMMANDS)
def test_a_launch_killed_with_all_that_it_started_goes_on_to_the_same_bits(
    new_url, tmp_path, compiled, short_alone, name: str
) -> None:
    random, folder = Random(5), tmp_path / "killed"
    folder.mkdir()
    url, seen = new_url(folder), {}
    with service(url, folder, compiled) as opened:
        opened.submit(SHORT.write(folder / "spec.toml"))
        with closing(Ledger(url)) as ledger:
            for part in (0.2, 0.5, 0.8):
                process = launch(name)(opened)
                deadline = time.monotonic() + 300
                while ledger.progress() < part * SHORT.rows:
                    assert not process.has_ended()
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                time.sleep(random.uniform(0, 0.2))
                process.kill()
                assert "RUNNING" in {entry.state for entry in ledger.entries()}
                seen |= ledger.complete()
            launch(name)(opened).end()
            assert seen
            ledger.check(SHORT, short_alone[name], seen)
