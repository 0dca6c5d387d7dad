"""Eight processes on one database: what taking, storing and telling a trial costs each of them."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import optuna
from optuna.trial import TrialState

from bench.postgres import started_postgres
from bench.rows import print_rows, row
from normsweep.storage import Measurement, open_storage
from normsweep.storage.telling import Ending, tell
from normsweep.storage.workers import beat, leave, this_worker
from normsweep.study.attributes import Result, of_result
from normsweep.study.plan import Plan
from normsweep.study.queue import Queue, enqueue

PROCESSES, ENQUEUED, SAMPLED = 8, 80, 80
STUDY = "queue"
TRAINING = 1.0
"""Seconds for which a trial would train, as one on digits does: eight processes that do nothing but
ask would measure the scheduler."""


Work = Callable[[str, int, Any, Any], None]


@dataclass(frozen=True)
class Ran:
    """A trial that a process ran: its number, and the seconds that the database took."""

    process: int
    number: int
    seconds: float


def work(url: str, process: int, start: Any, ran: Any, training: float = TRAINING) -> None:
    """Takes trials until all are taken, trains each for so long, and says which it ran."""
    storage = open_storage(url)
    study = optuna.load_study(study_name=STUDY, storage=storage)
    worker = this_worker("cpu")
    queue = Queue(study, storage, worker.worker, Plan(ENQUEUED + SAMPLED), retries=0, grace=60)
    beat(storage.engine, worker)
    start.wait()
    begun = time.monotonic()
    while trial := queue.take():
        study.sampler = optuna.samplers.RandomSampler(seed=trial.number)
        value = trial.suggest_float("x", 0, ENQUEUED)
        asked = time.monotonic()
        time.sleep(training)
        trained = time.monotonic()
        rows = [Measurement(trial._trial_id, 0, 1, value, 0.0)]
        # Without a result it counts as somebody else's.
        ending = Ending(TrialState.COMPLETE, [value], user_attrs=of_result(Result((value,), 1)))
        tell(storage.engine, trial._trial_id, worker.worker, rows, {1: value}, ending)
        seconds = time.monotonic() - trained + asked - begun
        ran.put(Ran(process, trial.number, seconds))
        begun = time.monotonic()
    leave(storage.engine, worker.worker)
    storage.engine.dispose()


def work_by_optuna(url: str, process: int, start: Any, ran: Any) -> None:
    """The same with Optuna alone, which takes no care that a trial runs once."""
    storage = open_storage(url)
    study = optuna.load_study(study_name=STUDY, storage=storage)
    start.wait()
    for _ in range((ENQUEUED + SAMPLED) // PROCESSES):
        begun = time.monotonic()
        trial = study.ask()
        study.sampler = optuna.samplers.RandomSampler(seed=trial.number)
        value = trial.suggest_float("x", 0, ENQUEUED)
        asked = time.monotonic()
        time.sleep(TRAINING)
        trained = time.monotonic()
        trial.report(value, 1)
        study.tell(trial, value)
        ran.put(Ran(process, trial.number, time.monotonic() - trained + asked - begun))
    storage.engine.dispose()


def run(url: str, work: Work = work) -> list[Ran]:
    """A study of trials with a fixed parameter and trials without, by all processes at once.

    Raises `RuntimeError` where a process fails.
    """
    storage = open_storage(url, create=True)
    study = optuna.create_study(storage=storage, study_name=STUDY)
    for number in range(ENQUEUED):
        enqueue(study, {"x": float(number)})
    storage.engine.dispose()
    context = multiprocessing.get_context("spawn")
    start, ran = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=work, args=(url, number, start, ran)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    told: list[Ran] = []
    while any(process.is_alive() for process in processes) or not ran.empty():
        while not ran.empty():
            told.append(ran.get())
        time.sleep(0.01)
    if failed := [process.exitcode for process in processes if process.exitcode]:
        raise RuntimeError(f"{len(failed)} of {PROCESSES} processes failed")
    return told


def main() -> None:
    """Measures SQLite and PostgreSQL."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, started_postgres() as postgres:
        for name, urls in {
            "SQLite": [f"sqlite:///{Path(folder) / which}.db" for which in ("ours", "optuna")],
            "PostgreSQL": [postgres.new_url(), postgres.new_url()],
        }.items():
            ours, theirs = (
                1000 * median(each.seconds for each in run(url, how))
                for url, how in zip(urls, (work, work_by_optuna), strict=True)
            )
            what = f"storage time of a trial, {PROCESSES} processes at once, median, {name}"
            rows.append(row(what, f"{ours:.0f} ms  (Optuna alone: {theirs:.0f} ms)", "≤ 30 ms"))
    print_rows(rows)


if __name__ == "__main__":
    main()
