"""Several processes on one SQLite file."""

import multiprocessing
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from sweep.storage import Measurement, open_storage, read_measurements, write_measurements

PROCESSES, TRIALS = 4, 40


def run_the_queue(url: str, start: Any, ran: Any) -> None:
    """Takes trials from the queue until it is empty, and says which it ran."""
    storage = open_storage(url)
    study = optuna.load_study(study_name="queue", storage=storage)
    start.wait()
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        trial = study.ask()
        if "queued" not in trial.user_attrs:
            # Another process took the last one since we looked.
            study.tell(trial, state=TrialState.FAIL)
            break
        value = trial.suggest_float("x", 0, TRIALS)
        write_measurements(
            storage.engine, [Measurement(trial._trial_id, 0, 1, value, 0.0, 0.0, 0.0)]
        )
        study.tell(trial, value)
        ran.put(value)
    storage.engine.dispose()


def test_four_processes_run_every_queued_trial_exactly_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    storage = open_storage(url, create=True)
    study = optuna.create_study(storage=storage, study_name="queue")
    for number in range(TRIALS):
        study.enqueue_trial({"x": float(number)}, user_attrs={"queued": True})
    context = multiprocessing.get_context("spawn")
    start, ran = context.Barrier(PROCESSES), context.Queue()
    workers = [
        context.Process(target=run_the_queue, args=(url, start, ran)) for _ in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    values = []
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    while not ran.empty():
        values.append(ran.get())
    assert Counter(values) == Counter(float(number) for number in range(TRIALS))
    queued = study.get_trials()[:TRIALS]
    assert [trial.value for trial in queued] == [float(number) for number in range(TRIALS)]
    for trial in queued:
        assert [row.fid for row in read_measurements(storage.engine, trial._trial_id)] == [
            trial.value
        ]
    storage.engine.dispose()
