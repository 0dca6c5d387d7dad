"""kill -9, again and again, of workers and of all there is: nothing is lost, doubled or changed.

`make soak` does it for an hour, with fifty kills a study.
"""

import time
from contextlib import closing
from random import Random

import pytest

from bench.soak.kills import survive
from bench.soak.ledger import Ledger
from bench.soak.processes import service
from bench.soak.study import Study

pytestmark = pytest.mark.slow

KILLS = 10


def test_kills_of_workers_lose_double_and_change_nothing(
    new_url, tmp_path, compiled, soaked, undisturbed_soak
) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    figures = survive(
        new_url(folder), folder, compiled, soaked, undisturbed_soak, Random(7), kills=KILLS
    )
    print(figures)
    assert figures.kills == KILLS
    # The others struck while a worker was starting or between two trials.
    assert figures.in_trial > KILLS / 2


def test_kills_of_those_who_confirm_lose_double_and_change_nothing(
    new_url, tmp_path, compiled, undisturbed_of
) -> None:
    study, folder = Study(searched=2, chunks=40, confirmed=10), tmp_path / "killed"
    expected = undisturbed_of(study)
    folder.mkdir()
    figures = survive(new_url(folder), folder, compiled, study, expected, Random(3), kills=KILLS)
    print(figures)
    assert figures.in_trial > KILLS / 2


def test_a_launch_killed_with_all_that_it_started_goes_on_to_the_same_bits(
    new_url, tmp_path, compiled, soaked, undisturbed_soak
) -> None:
    """Of two workers; of one process, with other kills, in `test_interrupts.py`."""
    random, folder = Random(5), tmp_path / "killed"
    folder.mkdir()
    url, seen = new_url(folder), {}
    launch = ("launch", "spec.toml", "--workers", "2")
    with service(url, folder, compiled) as opened:
        opened.submit(soaked.write(folder / "spec.toml"))
        with closing(Ledger(url)) as ledger:
            for part in (0.3, 0.7):
                process = opened.start(*launch)
                deadline = time.monotonic() + 300
                while ledger.progress() < part * soaked.rows:
                    assert not process.has_ended()
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                time.sleep(random.uniform(0, 0.2))
                process.kill()
                assert "RUNNING" in {entry.state for entry in ledger.entries()}
                seen |= ledger.complete()
            opened.start(*launch).end()
            assert seen
            ledger.check(soaked, undisturbed_soak, seen)
