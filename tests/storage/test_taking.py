"""Trials taken: claimed and RUNNING at once, by one worker, or neither."""

import threading
from collections.abc import Iterator

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial
from sqlalchemy import event

from normsweep.storage import open_storage
from normsweep.storage.taking import make_taken, take
from normsweep.storage.workers import claim, claimed, held

WAITS = create_trial(state=TrialState.WAITING, user_attrs={"role": "search"})


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    study = optuna.create_study(storage=opened, study_name="some")
    for _ in range(3):
        study.enqueue_trial({})
    yield opened
    opened.engine.dispose()


@pytest.fixture
def study(storage: RDBStorage) -> optuna.Study:
    return optuna.load_study(study_name="some", storage=storage)


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials()]


def test_one_that_waits_is_claimed_and_running_and_nobody_else_s(storage, study) -> None:
    assert take(storage.engine, 1, "a")
    assert not take(storage.engine, 1, "b")
    assert not take(storage.engine, 1, "a")
    assert claimed(storage.engine) == {1: "a"}
    assert states(study) == ["RUNNING", "WAITING", "WAITING"]
    assert study.get_trials()[0].datetime_start is not None


def test_one_that_another_has_claimed_is_left_as_it_is(storage, study) -> None:
    claim(storage.engine, 1, "another")
    assert not take(storage.engine, 1, "a")
    assert claimed(storage.engine) == {1: "another"}
    assert states(study)[0] == "WAITING"


def test_one_that_was_finished_meanwhile_is_not_claimed_either(storage, study) -> None:
    storage.set_trial_state_values(1, TrialState.FAIL)
    assert not take(storage.engine, 1, "a")
    assert held(storage.engine, "a") == set()


def test_of_many_that_take_at_once_one_gets_each(storage, study) -> None:
    start, got = threading.Barrier(8), []

    def run(name: str) -> None:
        start.wait()
        got.extend((trial, name) for trial in (1, 2, 3) if take(storage.engine, trial, name))

    threads = [threading.Thread(target=run, args=(str(index),)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(trial for trial, _ in got) == [1, 2, 3]
    assert claimed(storage.engine) == dict(got)
    assert states(study) == ["RUNNING"] * 3


def test_one_that_is_made_is_taken_where_its_number_counts_and_waits_where_not(
    storage, study
) -> None:
    study.get_trials()
    made = make_taken(study, storage, WAITS, "a", lambda number: number == 3)
    assert make_taken(study, storage, WAITS, "a", lambda number: number == 3) is None
    assert states(study) == ["WAITING"] * 3 + ["RUNNING", "WAITING"]
    assert claimed(storage.engine) == {made: "a"}
    trial = optuna.Trial(study, made)
    assert trial.number == 3
    assert trial.user_attrs == {"role": "search"}
    # Optuna's cache has to know it before it may be given parameters.
    trial.suggest_float("x", 0, 1)
    study.tell(trial, 0.5)
    assert study.get_trials()[3].datetime_start is not None


def test_a_trial_is_made_claimed_and_begun_in_one_transaction(storage, study) -> None:
    study.get_trials()
    commits = []
    event.listen(storage.engine, "commit", commits.append)
    make_taken(study, storage, WAITS, "a", lambda number: True)
    assert len(commits) == 1
    take(storage.engine, 1, "a")
    assert len(commits) == 2
