"""What a trial costs the database: counted statements, however many trials there were before."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import RDBStorage
from sqlalchemy import Connection, Engine, event

from normsweep.study.progress import unwatched
from normsweep.worker import loop
from normsweep.worker.launch import launch

CHUNKS, TRIALS = 2, 16
SPEC = {
    "study__sampler": "random",
    "study__slots": 1,
    "study__trials": TRIALS,
    "train__chunks": CHUNKS,
    "train__steps": 2 * CHUNKS,
    "penalty__target": "both",
    # One parameter, which no two trials have in common.
    "penalty__strength": {"low": 1e-4, "high": 1e-1, "log": True},
}


class Told:
    """Counts what this thread asks of a database, and notes how much that was at each log line."""

    def __init__(self, engine: Engine, patched: pytest.MonkeyPatch) -> None:
        self.counts = {"statements": 0, "writes": 0, "read": 0}
        self.noted: list[tuple[str, dict[str, int]]] = []
        self._here = threading.get_ident()
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)
        build = RDBStorage._build_frozen_trial_from_trial_model

        def built(*arguments: Any) -> Any:
            self.counts["read"] += 1
            return build(*arguments)

        patched.setattr(RDBStorage, "_build_frozen_trial_from_trial_model", built)

    def log(self, name: str, **facts: Any) -> None:
        self.noted.append((name, dict(self.counts)))

    def between(self, name: str, later: str) -> list[dict[str, int]]:
        """What was counted from each line of a name to the next one of another."""
        found, begun = [], None
        for line, counts in self.noted:
            if line == later and begun is not None:
                found.append({kind: counts[kind] - begun[kind] for kind in counts})
                begun = None
            if line == name:
                begun = counts
        return found

    def _statement(self, connection: Connection, _: Any, statement: str, *rest: Any) -> None:
        # The heart beats when it likes.
        if threading.get_ident() == self._here:
            self.counts["statements"] += 1
            if statement.lstrip().split()[0].upper() in ("INSERT", "UPDATE", "DELETE"):
                connection.info["wrote"] = True

    def _commit(self, connection: Connection) -> None:
        # Also of a statement that commits by itself.
        if connection.info.pop("wrote", False) and threading.get_ident() == self._here:
            self.counts["writes"] += 1


@pytest.fixture
def told(new_url: Callable[[Path], str], tmp_path: Path, make_spec, databases, monkeypatch) -> Told:
    """A study that was trained, on each kind of database."""
    # Whether anybody has died is asked by the clock.
    monkeypatch.setattr(loop, "_LOOK", 1e9)
    storage = databases.open(new_url(tmp_path))
    told = Told(storage.engine, monkeypatch)
    spec = make_spec(**SPEC)
    assert launch(spec, storage, files=tmp_path / "files", log=told.log, watch=unwatched).done
    return told


def test_a_trial_asks_as_little_after_many_others_as_after_few(told: Told) -> None:
    whole = told.between("trial complete", "trial complete")
    assert len(whole) == TRIALS
    # The first ones ask what Optuna remembers of a parameter from then on; whoever makes the last
    # one looks again whether it counts.
    alike = whole[2:-1]
    assert {tuple(each.items()) for each in alike} == {tuple(alike[0].items())}
    # Taken, its parameter, what it trains, an empty slate, its first chunk, and its end.
    assert alike[0]["writes"] == 6
    # Optuna reads trials by seven statements; of its 4 reads of them one is of a list.
    assert alike[0]["statements"] < 80
