"""A worker that dies before any one of its writes: the next goes on, to the same bits."""

import threading
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from shutil import Error, copytree
from sqlite3 import connect
from typing import Any

import pytest
from optuna.trial import TrialState
from sqlalchemy import Connection, Engine, event

from normsweep.storage.telling import Ending, tell
from normsweep.storage.workers import Worker, this_worker
from normsweep.study.plan import Plan
from normsweep.study.queue import Queue
from normsweep.study.records import load_study
from normsweep.worker import part
from normsweep.worker.confirming import Confirming
from normsweep.worker.launch import launch
from tests.worker.test_shared_confirmation import held_by

SHORT = {
    "study__trials": 1,
    "study__slots": 1,
    "train__chunks": 2,
    "train__steps": 20,
    "service__checkpoint_every": 1,
}
ROWS = 2 * 2 * 2


class Dead(BaseException):
    """What ends a process at once is caught by nobody."""


class Deaths:
    """Keeps what a worker leaves behind that dies before the 1st, 2nd, … transaction that writes.

    Of a process that ends, the system takes what it had not committed; its files stay.
    """

    def __init__(self, engine: Engine, path: Path, folder: Path) -> None:
        self._path, self._folder = path, folder
        self.left: list[Path] = []
        event.listen(engine, "before_cursor_execute", self._note)
        event.listen(engine, "commit", self._keep)
        event.listen(engine, "rollback", self._forget)

    def _note(self, connection: Connection, _: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().split()[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            connection.info["wrote"] = True

    def _forget(self, connection: Connection) -> None:
        connection.info.pop("wrote", None)

    def _keep(self, connection: Connection) -> None:
        # The heart beats when it likes: its writes would make the count another in each run.
        beating = threading.current_thread() is not threading.main_thread()
        if not connection.info.pop("wrote", False) or beating:
            return
        left = self._folder / f"{len(self.left)}.db"
        with closing(connect(self._path)) as source, closing(connect(left)) as target:
            source.backup(target)
        if (files := self._path.with_suffix(".files")).exists():
            # The writer of checkpoints may move one while it is copied: a commit that then raised
            # would be made again.
            with suppress(Error):
                copytree(files, left.with_suffix(".files"), dirs_exist_ok=True)
        self.left.append(left)


@pytest.fixture(autouse=True)
def every_worker_is_found_dead(monkeypatch) -> None:
    """By a later one: in truth its process is the test's, which lives."""

    def dead(device: str) -> Worker:
        return replace(this_worker(device), started=0.0)

    monkeypatch.setattr(part, "this_worker", dead)


@pytest.mark.slow
def test_a_worker_may_die_before_any_of_its_writes(
    make_spec, run, outcome, databases, database, storage_url, tmp_path, query
) -> None:
    spec = make_spec(**SHORT)
    folder = tmp_path / "left"
    folder.mkdir()
    storage = databases.open(storage_url)
    deaths = Deaths(storage.engine, database, folder)
    undisturbed = outcome(launch(spec, storage).study)
    assert undisturbed == outcome(run(spec, url=f"sqlite:///{tmp_path / 'another.db'}").study)
    for path in deaths.left:
        again = launch(spec, databases.open(f"sqlite:///{path}"))
        assert again.done
        assert outcome(again.study) == undisturbed, path
        assert query(path, "select * from sweep_claims") == [], path
        assert query(path, "select count(*) from sweep_measurements") == [(ROWS,)], path
    # Spec, queue, claims, parameters, rows, reports, results: there is something to die in.
    assert len(deaths.left) > 25


@pytest.mark.slow
def test_who_confirms_may_die_before_any_of_its_writes(
    make_spec, run, databases, database, storage_url, tmp_path, query
) -> None:
    run(make_spec(**SHORT))
    folder = tmp_path / "left"
    folder.mkdir()
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    deaths = Deaths(storage.engine, database, folder)
    assert Confirming(study, storage).run(top=1, seeds=1)
    undisturbed = held_by(study, storage)
    for path in deaths.left:
        opened = databases.open(f"sqlite:///{path}")
        study = load_study("small", opened)
        assert Confirming(study, opened).run(top=1, seeds=1)
        assert held_by(study, opened) == undisturbed, path
        assert query(path, "select * from sweep_claims") == [], path
    # Plan, round, claims, influences, rows, reports, curves, results.
    assert len(deaths.left) > 25


def test_what_a_dead_worker_finished_and_did_not_free_is_freed_by_the_one_that_ends_the_study(
    run, make_spec, monkeypatch, query, database
) -> None:
    spec = make_spec(**SHORT)
    looks = 0
    study = run(spec).study
    # Earlier versions ended a trial and its claim one after the other.
    with closing(connect(database)) as connection, connection:
        values = (study.get_trials()[1]._trial_id, "gone")
        connection.execute("insert into sweep_claims (trial_id, worker) values (?, ?)", values)

    def recover(queue: Queue) -> list[int]:
        nonlocal looks
        looks += 1
        # The first look is over before the other dies.
        return [] if looks == 1 else found(queue)

    found = Queue.recover
    monkeypatch.setattr(Queue, "recover", recover)
    assert run(spec).done
    assert query(database, "select * from sweep_claims") == []
    assert not list(database.with_suffix(".files").glob("small/checkpoints/*"))


def test_a_trial_that_another_has_taken_over_is_not_given_back(
    run, make_spec, databases, storage_url, query, database
) -> None:
    study = run(make_spec(**SHORT), chunks=0).study
    storage = databases.open(storage_url)
    silent, other = (Queue(study, storage, name, Plan(1), 3, 60) for name in ("silent", "other"))
    trial = silent.take()
    assert trial is not None
    assert other.recover() == [trial._trial_id]
    assert other.take() is not None
    silent.give_back(trial._trial_id)
    assert query(database, "select worker from sweep_claims") == [("other",)]
    assert study.get_trials()[0].state == TrialState.RUNNING


@pytest.mark.parametrize("retries", [0, 3])
def test_a_silent_worker_may_end_its_trial_while_another_takes_it_over(
    run, make_spec, databases, storage_url, query, database, monkeypatch, retries: int
) -> None:
    study = run(make_spec(**SHORT), chunks=0).study
    storage = databases.open(storage_url)
    silent, other = (
        Queue(study, storage, name, Plan(1), retries, 60) for name in ("silent", "other")
    )
    trial = silent.take()
    assert trial is not None

    def get_trial(trial_id: int) -> Any:
        found = read(trial_id)
        ending = Ending(TrialState.COMPLETE, [1.0])
        tell(storage.engine, trial_id, "silent", ending=ending)
        return found

    read = storage.get_trial
    with monkeypatch.context() as patched:
        patched.setattr(storage, "get_trial", get_trial)
        assert other.recover() == [trial._trial_id]
    assert study.get_trials()[0].value == 1
    assert query(database, "select * from sweep_claims") == []


def test_no_worker_takes_itself_for_dead(run, make_spec, databases, storage_url) -> None:
    study = run(make_spec(**SHORT), chunks=0).study
    # Without a row, as one whose heart could not beat.
    queue = Queue(study, databases.open(storage_url), "mine", Plan(1), 3, 60)
    assert queue.take() is not None
    assert queue.recover() == []
    assert study.get_trials()[0].state == TrialState.RUNNING
