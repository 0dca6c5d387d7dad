"""Claims and workers: who may have a trial, and who is dead."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import optuna
import psutil
import pytest
from optuna.storages import RDBStorage

from normsweep.storage import open_storage
from normsweep.storage.workers import (
    Worker,
    beat,
    claim,
    claimed,
    forget,
    free,
    held,
    is_gone,
    leave,
    seen_workers,
    take_over,
    this_worker,
)


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    study = optuna.create_study(storage=opened, study_name="some")
    for _ in range(3):
        study.enqueue_trial({})
    yield opened
    opened.engine.dispose()


@pytest.fixture
def here() -> Worker:
    return this_worker("1 × cpu")


def test_a_trial_is_claimed_by_one_and_freed_by_that_one(storage) -> None:
    engine = storage.engine
    assert claim(engine, 1, "a")
    assert not claim(engine, 1, "b")
    assert not claim(engine, 1, "a")
    free(engine, 1, "b")
    assert held(engine, "a") == {1}
    free(engine, 1, "a")
    assert held(engine, "a") == set()
    assert claim(engine, 1, "b")


def test_of_many_that_claim_at_once_one_gets_each_trial(storage) -> None:
    start, got = threading.Barrier(8), []

    def run(name: str) -> None:
        start.wait()
        got.extend((name, trial) for trial in (1, 2, 3) if claim(storage.engine, trial, name))

    threads = [threading.Thread(target=run, args=(str(index),)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(trial for _, trial in got) == [1, 2, 3]
    assert claimed(storage.engine) == {trial: name for name, trial in got}


def test_of_many_that_take_over_one_does(storage) -> None:
    engine = storage.engine
    claim(engine, 1, "gone")
    assert [take_over(engine, 1, "gone", name) for name in "abc"] == [True, False, False]
    assert claimed(engine) == {1: "a"}


def test_a_claim_goes_with_its_trial(storage) -> None:
    claim(storage.engine, 1, "a")
    optuna.delete_study(study_name="some", storage=storage)
    assert held(storage.engine, "a") == set()


def test_a_worker_s_row_says_what_it_said_last_and_how_long_ago(storage, here) -> None:
    engine = storage.engine
    beat(engine, here)
    claim(engine, 2, here.worker)
    changed = replace(here, study="some", state="training", chunks=7, rate=1.5)
    beat(engine, changed)
    (seen,) = seen_workers(engine)
    assert seen.worker == changed
    assert seen.trial_ids == (2,)
    assert 0 <= seen.silent < 5
    time.sleep(0.3)
    assert seen_workers(engine)[0].silent > 0.25
    leave(engine, here.worker)
    assert seen_workers(engine) == []


def test_a_database_that_optuna_wrote_alone_has_no_workers(storage_url: str) -> None:
    plain = RDBStorage(storage_url)
    assert seen_workers(plain.engine) == []
    plain.engine.dispose()


def test_only_who_is_long_silent_and_holds_nothing_is_forgotten(storage, here) -> None:
    engine = storage.engine
    names = {name: replace(here, worker=name) for name in ("idle", "holder")}
    for worker in names.values():
        beat(engine, worker)
    claim(engine, 1, "holder")
    forget(engine, 60)
    assert {seen.worker.worker for seen in seen_workers(engine)} == {"idle", "holder"}
    time.sleep(0.3)
    forget(engine, 0.2)
    assert {seen.worker.worker for seen in seen_workers(engine)} == {"holder"}
    beat(engine, names["idle"])
    assert {seen.worker.worker for seen in seen_workers(engine)} == {"idle", "holder"}


def test_who_is_gone_is_known_from_the_process_table_here_and_from_silence_elsewhere(
    storage, here
) -> None:
    beat(storage.engine, here)
    (seen,) = seen_workers(storage.engine)
    long_ago = replace(seen, silent=1e6)
    elsewhere = replace(here, machine="elsewhere", pid=os.getpid())
    assert is_gone(None, 60)
    assert not is_gone(long_ago, 60)
    assert is_gone(replace(seen, worker=replace(here, started=here.started - 100)), 60)
    assert is_gone(replace(seen, worker=replace(here, pid=2**22 + 1)), 60)
    assert not is_gone(replace(seen, worker=elsewhere), 60)
    assert is_gone(replace(long_ago, worker=elsewhere), 60)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="starts by the clock alone")
def test_a_clock_that_is_set_kills_nobody(storage, here, monkeypatch) -> None:
    beat(storage.engine, here)
    (seen,) = seen_workers(storage.engine)
    by_clock = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: by_clock(process) + 3600)
    assert this_worker("1 × cpu").started == here.started
    assert not is_gone(seen, 60)


def test_a_worker_of_an_earlier_version_is_known_from_its_silence(storage, here) -> None:
    # It wrote its start in seconds since 1970.
    earlier = here.machine.removesuffix(" since boot")
    assert earlier != here.machine
    beat(storage.engine, replace(here, machine=earlier, started=time.time() - 100))
    (seen,) = seen_workers(storage.engine)
    assert not is_gone(seen, 60)
    assert is_gone(replace(seen, silent=61), 60)
