"""Several processes on one database."""

import multiprocessing
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState
from sqlalchemy import create_engine

from bench.processes import ENQUEUED, SAMPLED, STUDY, run, work
from normsweep.storage import open_storage, read_measurements

ALL = ENQUEUED + SAMPLED


def test_eight_processes_run_every_trial_exactly_once(storage_url: str) -> None:
    told = run(storage_url, partial(work, training=0.1))
    assert set(Counter(each.number for each in told).values()) == {1}
    assert len(told) == ALL
    assert len({each.process for each in told}) > 1
    storage = open_storage(storage_url)
    study = optuna.load_study(study_name=STUDY, storage=storage)
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    assert sorted(trial.number for trial in complete) == sorted(each.number for each in told)
    assert [trial.value for trial in complete[:ENQUEUED]] == [float(n) for n in range(ENQUEUED)]
    assert len({trial.value for trial in complete[ENQUEUED:]}) == SAMPLED
    # Of two processes that made the last one at once, one left its own waiting, for a longer study.
    others = {trial.state for trial in study.get_trials() if trial not in complete}
    assert others <= {TrialState.WAITING}
    for trial in complete:
        (row,) = read_measurements(storage.engine, trial._trial_id)
        assert row.fid == trial.value
    storage.engine.dispose()


OPENERS, ROUNDS = 4, 3


def opens(urls: list[str], together: Any, told: Any) -> None:
    """Opens each database at the same moment as the others, and says what came of it."""
    for url in urls:
        together.wait()
        try:
            storage = open_storage(url, create=True)
            told.put("opened " + ", ".join(optuna.get_all_study_names(storage)))
            storage.engine.dispose()
        except Exception as error:
            told.put(repr(error))


def test_processes_that_open_a_new_database_at_once_all_do(
    new_url: Callable[[Path], str], tmp_path: Path
) -> None:
    folders = [tmp_path / str(number) for number in range(ROUNDS)]
    for folder in folders:
        folder.mkdir()
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(OPENERS), context.Queue()
    urls = [new_url(folder) for folder in folders]
    processes = [context.Process(target=opens, args=(urls, together, told)) for _ in range(OPENERS)]
    for process in processes:
        process.start()
    found = [told.get(timeout=120) for _ in range(OPENERS * ROUNDS)]
    for process in processes:
        process.join()
    assert found == ["opened "] * (OPENERS * ROUNDS)


def test_tables_that_another_process_is_about_to_make_are_waited_for(
    tmp_path: Path, monkeypatch
) -> None:
    url, waited = f"sqlite:///{tmp_path / 'studies.db'}", []
    # As far as Optuna gets with its first statement.
    first = create_engine(url)
    with first.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE studies (study_id INTEGER PRIMARY KEY)")

    def finish(seconds: float) -> None:
        waited.append(seconds)
        with first.begin() as connection:
            connection.exec_driver_sql("DROP TABLE studies")

    monkeypatch.setattr("tenacity.nap.time.sleep", finish)
    open_storage(url, create=True).engine.dispose()
    first.dispose()
    assert len(waited) == 1
