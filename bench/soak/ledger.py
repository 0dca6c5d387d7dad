"""What a database holds of a study, read past the service's own code, and whether it is right."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import make_url, text

from bench.soak.processes import Violation
from bench.soak.study import NAME, Study
from normsweep.study.confirmation import confirmation_name


@dataclass(frozen=True)
class Entry:
    """All that is stored of a trial; `ended` is when it was, `rows` one for each fold and step.

    Those of the confirmation are numbered on from those of the search. `influences` are those of
    images, by step.
    """

    number: int
    state: str
    value: float | None
    ended: datetime | None
    params: dict[str, Any]
    reports: dict[int, float]
    attributes: dict[str, Any]
    rows: tuple[tuple[Any, ...], ...]
    influences: tuple[tuple[Any, ...], ...]

    def all(self) -> dict[str, str]:
        """Everything, in words, floats to the bit."""
        plain = asdict(self)
        # A database may give them in any order.
        plain |= {name: sorted(plain[name].items()) for name in ("params", "reports", "attributes")}
        return {name: repr(value) for name, value in plain.items()}

    def found(self) -> dict[str, str]:
        """What must be the same however the study was run."""
        # Not how often it was begun again, and by what program.
        names = ("role", "config", "result", "arm", "seed", "curve")
        kept = {name: self.attributes.get(name) for name in names}
        return replace(self, ended=None, attributes=kept).all()


class Ledger:
    """Reads the database of a study."""

    def __init__(self, url: str) -> None:
        # As a server may be stopped and started while it is watched.
        self._storage = RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
        self._sqlite = make_url(url).get_backend_name() == "sqlite"

    def query(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._storage.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def progress(self) -> int:
        """The number of measurements."""
        return int(self.query("select count(*) from sweep_measurements")[0][0])

    def holders(self) -> set[int]:
        """The process numbers of the workers that hold a trial."""
        sql = "select w.pid from sweep_workers w join sweep_claims c on c.worker = w.worker"
        return {pid for (pid,) in self.query(sql)}

    def claims_of(self, pid: int) -> set[str]:
        """The name of a process as a worker, if it holds a trial."""
        sql = (
            "select distinct w.worker from sweep_workers w "
            "join sweep_claims c on c.worker = w.worker where w.pid = :pid"
        )
        return {worker for (worker,) in self.query(sql, pid=pid)}

    def claimants(self) -> set[str]:
        """The names of the workers that hold a trial."""
        return {worker for (worker,) in self.query("select distinct worker from sweep_claims")}

    def entries(self) -> list[Entry]:
        """The trials, in the order of their numbers, of the search and then the confirmation."""
        # Before the rows: a trial that is complete here has them all.
        there = {each.study_name for each in self._storage.get_all_studies()}
        trials = [
            trial
            for name in (NAME, confirmation_name(NAME))
            if name in there
            for trial in optuna.load_study(study_name=name, storage=self._storage).get_trials()
        ]
        influences: dict[int, list[tuple[Any, ...]]] = {}
        sql = "select trial_id, step, influence from sweep_influences order by trial_id, step"
        for trial_id, step, influence in self.query(sql):
            influences.setdefault(trial_id, []).append((step, bytes(influence)))
        rows: dict[int, list[tuple[Any, ...]]] = {}
        sql = (
            "select trial_id, fold, step, fid, kid, others "
            "from sweep_measurements order by trial_id, step, fold"
        )
        for trial_id, *values, others in self.query(sql):
            # SQLite has JSON as text, the driver of PostgreSQL reads it.
            read = json.loads(others) if isinstance(others, str) else others
            rows.setdefault(trial_id, []).append((*values, read))
        return [
            Entry(
                number,
                trial.state.name,
                trial.value,
                trial.datetime_complete,
                trial.params,
                trial.intermediate_values,
                trial.user_attrs,
                tuple(rows.get(trial._trial_id, ())),
                tuple(influences.get(trial._trial_id, ())),
            )
            for number, trial in enumerate(trials)
        ]

    def complete(self) -> dict[int, Entry]:
        """The trials that count as done, by number."""
        return {entry.number: entry for entry in self.entries() if entry.state == "COMPLETE"}

    def check(self, study: Study, undisturbed: list[Entry], seen: dict[int, Entry]) -> None:
        """Raises `Violation` for what is missing, doubled, left behind or not as it was `seen`."""
        entries = self.entries()
        numbers = [entry.number for entry in entries]
        if numbers != list(range(study.trials)):
            raise Violation(f"trials {numbers}, submitted were {study.trials}")
        for entry in entries:
            if entry.state != "COMPLETE":
                raise Violation(f"trial {entry.number} is {entry.state} in the end")
        check_unchanged(seen, entries)
        if claims := self.query("select * from sweep_claims"):
            raise Violation(f"claims left in the end: {claims}")
        if (rows := self.progress()) != study.rows:
            raise Violation(f"{rows} measurements, expected {study.rows}")
        for entry, expected in zip(entries, undisturbed, strict=True):
            _check_equal(entry.found(), expected.found(), f"trial {entry.number}, undisturbed")
        if self._sqlite and (said := self.query("PRAGMA integrity_check")) != [("ok",)]:
            raise Violation(f"the database is damaged: {said}")

    def close(self) -> None:
        self._storage.engine.dispose()


def check_unchanged(seen: dict[int, Entry], entries: Iterable[Entry]) -> None:
    """Raises `Violation` where a trial that had been seen complete is another one now."""
    for entry in entries:
        if before := seen.get(entry.number):
            _check_equal(entry.all(), before.all(), f"trial {entry.number}, once complete")


def _check_equal(found: dict[str, str], wanted: dict[str, str], what: str) -> None:
    for name in wanted:
        if found[name] != wanted[name]:
            raise Violation(f"{what}: {name}\n{wanted[name]}\nis now\n{found[name]}")


def check_told_once(events: list[dict[str, Any]]) -> None:
    """Raises `Violation` where the logs call a trial complete twice."""
    told = [str(event["trial"]) for event in events if event["event"] == "trial complete"]
    told += [f"{e['arm']}, seed {e['seed']}" for e in events if e["event"] == "confirmed"]
    if doubled := sorted({number for number in told if told.count(number) > 1}):
        raise Violation(f"trials {doubled} were completed more than once")
