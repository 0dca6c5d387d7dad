"""A database that is away for a while: training goes on, and what it found is stored later."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import (
    IntegrityError,
    OperationalError,
    PendingRollbackError,
    ProgrammingError,
)

from normsweep.engine.population import Population
from normsweep.storage import heartbeat as heart
from normsweep.storage.retry import Retry, Stopped, StorageLost, is_outage
from normsweep.worker import loop as work
from normsweep.worker import trial_run


@pytest.fixture
def storage_url(tmp_path: Path) -> str:
    """A file: what is tested here is the same with any database."""
    return f"sqlite:///{tmp_path / 'studies.db'}"


FULL = OperationalError("INSERT …", {}, sqlite3.OperationalError("database or disk is full"))


def wrapped(error: Exception) -> StorageInternalError:
    try:
        raise StorageInternalError("Optuna's words") from error
    except StorageInternalError as found:
        return found


def tried_again_after(error: Exception) -> StorageInternalError:
    """As Optuna does in a transaction that is over, before it wraps what comes of that."""
    try:
        try:
            raise error
        except Exception:
            raise PendingRollbackError("Can't reconnect")  # noqa: B904
    except PendingRollbackError as found:
        return wrapped(found)


def said_by_sqlite(path: Path, statement: str) -> sqlite3.OperationalError:
    """What it says of a statement while another connection writes."""
    with (
        closing(sqlite3.connect(path)) as writer,
        closing(sqlite3.connect(path, timeout=0)) as connection,
    ):
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute(statement)
        return caught.value


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT missing", "SELECT * FROM missing"])
def test_a_mistake_in_a_statement_is_no_outage_on_sqlite(database: Path, statement: str) -> None:
    mistake, locked = (said_by_sqlite(database, each) for each in (statement, "BEGIN IMMEDIATE"))
    assert not is_outage(mistake)
    assert not is_outage(OperationalError(statement, {}, mistake))
    assert not is_outage(wrapped(OperationalError(statement, {}, mistake)))
    assert is_outage(locked) and is_outage(OperationalError("BEGIN", {}, locked))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FULL, True),
        (wrapped(FULL), True),
        (sqlite3.OperationalError("database is locked"), True),
        (wrapped(PendingRollbackError("rollback first")), True),
        (IntegrityError("INSERT …", {}, sqlite3.IntegrityError("NOT NULL")), False),
        (wrapped(ProgrammingError("SELEC", {}, Exception("syntax"))), False),
        (tried_again_after(FULL), True),
        (tried_again_after(ProgrammingError("SELEC", {}, Exception("syntax"))), False),
        (ValueError("ours"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_what_may_be_gone_by_the_next_try_is_an_outage(error, expected: bool) -> None:
    assert is_outage(error) is expected


class Heard(list[tuple[str, dict[str, Any]]]):
    def __call__(self, event: str, /, **facts: Any) -> None:
        self.append((event, facts))

    def names(self) -> list[str]:
        return [event for event, _ in self]


def test_it_tells_once_that_the_database_is_away_and_once_that_it_is_back() -> None:
    heard = Heard()
    retry = Retry(1000, "storage x", heard)

    def fail() -> None:
        raise FULL

    assert retry.once(lambda: 3) == (True, 3)
    for _ in range(3):
        assert retry.once(fail) == (False, None)
    assert retry.until(lambda: "there") == "there"
    assert heard.names() == ["storage away", "storage back"]
    assert heard[0][1] == {"storage": "storage x", "cause": "database or disk is full"}


@pytest.mark.parametrize("way", ["once", "until"])
def test_it_gives_up_with_one_message_after_its_time(way: str, monkeypatch) -> None:
    ticks = iter(range(0, 1000, 7))
    monkeypatch.setattr("normsweep.storage.retry.time.monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    retry = Retry(20, "storage x")

    def fail() -> None:
        raise FULL

    with pytest.raises(
        StorageLost, match=r"storage x has been away for 2[18] s \(database or disk"
    ):
        for _ in range(10):
            getattr(retry, way)(fail)


def test_who_is_to_stop_waits_no_longer_and_tries_at_least_once() -> None:
    tries = 0

    def fail() -> None:
        nonlocal tries
        tries += 1
        raise FULL

    retry = Retry(1000, "storage x")
    assert retry.until(lambda: "there", lambda: True) == "there"
    with pytest.raises(Stopped):
        retry.until(fail, lambda: tries == 3)
    assert tries == 3


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        Retry(1000, "x").once(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Retry(1000, "x").until(lambda: 1 / 0)


def away(calls: range, function: Callable[..., Any], *, after: bool = False) -> Any:
    """The function with an outage at some of its calls: before its work, or after it."""
    count = -1

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count not in calls:
            return function(*arguments, **options)
        if after:
            function(*arguments, **options)
        raise FULL

    return failing


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [
        (trial_run, "tell", range(2, 9)),
        (trial_run, "write_attributes", range(2, 5)),
        (work, "held", range(3, 9)),
        (work, "clear_measurements", range(1, 3)),
        (work, "control", range(4, 9)),
        (optuna.storages.RDBStorage, "_set_trial_param", range(3, 9)),
    ],
)
def test_an_outage_changes_no_score_wherever_it_strikes(
    example, run, make_spec, outcome, monkeypatch, module: Any, name: str, calls: range, after: bool
) -> None:
    """`after`: the database did it, and its answer was lost."""
    heard = Heard()
    monkeypatch.setattr(module, name, away(calls, getattr(module, name), after=after))
    launched = run(make_spec(), log=heard)
    assert launched.done
    assert outcome(launched.study) == outcome(example.study)
    assert "storage away" in heard.names()
    assert heard.names().count("storage away") == heard.names().count("storage back")


@pytest.mark.parametrize(
    ("module", "name"), [(heart, "beat"), (work, "forget"), (work, "held"), (work, "control")]
)
def test_a_worker_that_waits_for_the_database_can_be_stopped(
    run, make_spec, monkeypatch, module: Any, name: str
) -> None:
    tries = 0

    def fail(*_: Any) -> None:
        nonlocal tries
        tries += 1
        raise FULL

    monkeypatch.setattr(module, name, fail)
    launched = run(make_spec(service__storage_patience=10), stop=lambda: tries > 3)
    assert not launched.done


def test_training_goes_on_while_the_database_is_away(
    example, run, make_spec, outcome, monkeypatch
) -> None:
    trained = 0
    advance = Population.advance

    def count(*arguments: Any) -> Any:
        nonlocal trained
        trained += 1
        return advance(*arguments)

    def absent(*arguments: Any) -> Any:
        # Until the three trials in flight have been trained to their end.
        if 1 <= trained < 4:
            raise FULL
        return held(*arguments)

    held = work.held
    monkeypatch.setattr(Population, "advance", count)
    monkeypatch.setattr(work, "held", absent)
    assert outcome(run(make_spec()).study) == outcome(example.study)
    # Seven trials in three slots, four chunks each: no chunk more than ever.
    assert trained == 3 * 4


def test_a_worker_that_gives_up_loses_nothing_finished(
    example, run, make_spec, monkeypatch, databases, storage_url
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(work, "held", away(range(5, 10**9), work.held))
        with pytest.raises(StorageLost, match=r"service.storage_patience = 0\.2"):
            run(make_spec(service__storage_patience=0.2))
    study = optuna.load_study(study_name="small", storage=databases.open(storage_url))
    states = [trial.state for trial in study.get_trials()]
    assert states.count(TrialState.COMPLETE) == 3
    again = run(make_spec(service__storage_patience=0.2))
    assert again.done
    values = [trial.value for trial in again.study.get_trials()]
    assert values == [trial.value for trial in example.study.get_trials()]
