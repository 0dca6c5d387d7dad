"""Several processes on one database."""

from collections import Counter

import optuna
from optuna.trial import TrialState

from bench.processes import ENQUEUED, SAMPLED, STUDY, run
from sweep.storage import open_storage, read_measurements

ALL = ENQUEUED + SAMPLED


def test_eight_processes_run_every_trial_exactly_once(storage_url: str) -> None:
    told = run(storage_url)
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
