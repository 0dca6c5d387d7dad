"""The last trials of a study are for all of its workers, not for the one that looks first."""

from dataclasses import replace
from typing import Any

import pytest

from normsweep.storage.workers import beat, this_worker
from normsweep.worker import loop
from normsweep.worker.sharing import share
from normsweep.worker.submit import submit


@pytest.mark.parametrize(("study", "at_first"), [("small", 2), ("another", 3)])
def test_of_four_trials_a_worker_leaves_two_to_another_that_is_there(
    run, make_spec, databases, storage_url, study: str, at_first: int
) -> None:
    spec = make_spec(study__trials=3)
    storage, *_ = submit(spec, databases.open(storage_url))
    beat(storage.engine, replace(this_worker("cpu"), study=study))
    running: list[int] = []

    def watch(progress: Any) -> None:
        running.append(progress.running)

    # The other one never takes any: then all are this worker's.
    assert run(spec, watch=watch).done
    assert running[0] == at_first


def test_a_worker_that_joins_late_leaves_of_the_last_trials_a_share(
    run, make_spec, databases, storage_url
) -> None:
    first, more = (
        make_spec(study__sampler="random", study__trials=trials, train__steps=4, train__chunks=1)
        for trials in (17, 20)
    )
    storage, *_ = submit(first, databases.open(storage_url))
    run(first)
    beat(storage.engine, replace(this_worker("cpu"), study="small"))
    running: list[int] = []
    assert run(more, watch=lambda progress: running.append(progress.running)).done
    assert max(running) == 2


def test_while_there_is_enough_for_all_every_slot_is_filled(
    run, make_spec, databases, storage_url, monkeypatch
) -> None:
    monkeypatch.setattr(loop, "LAST", 1)
    spec = make_spec()
    storage, *_ = submit(spec, databases.open(storage_url))
    beat(storage.engine, replace(this_worker("cpu"), study="small"))
    running: list[int] = []
    run(spec, watch=lambda progress: running.append(progress.running))
    assert running[0] == 3


@pytest.mark.parametrize(
    ("left", "mine", "workers", "taken"),
    [
        (4, [], 2, 2),
        (3, [], 2, 2),
        (1, [], 2, 1),
        # The other one has four that are nearly done, and four are to be taken.
        (4.5, [], 2, 2),
        # Two of its own have just begun, and two are to be taken.
        (4, [1.0, 1.0], 2, 0),
        (2.5, [0.25, 0.25], 2, 1),
        # It has more than its share already.
        (3, [1.0, 1.0, 1.0], 2, 0),
        (6, [], 3, 2),
    ],
)
def test_it_takes_what_makes_its_part_as_large_as_each_other_one_s(
    left: float, mine: list[float], workers: int, taken: int
) -> None:
    assert share(left, mine, workers) == taken
