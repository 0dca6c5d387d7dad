"""A config that was trained already: its result is taken over, marked so, and ranked once."""

from typing import Any

import pytest
from optuna.trial import TrialState

from normsweep.export.configs import best_configs
from normsweep.study.attributes import twin_of
from normsweep.verdict.answers import answer
from normsweep.worker.loop import Work

REPEATING = {
    "study__sampler": "random",
    "study__trials": 6,
    "penalty__target": "both",
    "train__steps": 4,
    "train__chunks": 2,
}


@pytest.mark.parametrize("slots", [1, 4])
def test_of_six_trials_of_two_configs_two_are_trained(
    run, make_spec, monkeypatch, query, database, slots: int
) -> None:
    chunks: list[int] = []
    advance = Work._advance

    def counted(work: Any) -> None:
        before = {id(run): run.chunks for run in work._slots if run is not None}
        runs = [run for run in work._slots if run is not None]
        advance(work)
        chunks.extend(run.trial.number for run in runs if run.chunks > before[id(run)])

    monkeypatch.setattr(Work, "_advance", counted)
    study = run(make_spec(study__slots=slots, **REPEATING)).study
    trials = study.get_trials()
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    strengths = {trial.params["penalty.strength"] for trial in trials[1:]}
    assert len(set(chunks)) == 1 + len(strengths)
    for trial in trials[1:]:
        if (twin := twin_of(trial)) is not None:
            other = trials[twin]
            assert trial.number not in chunks
            assert (trial.params, trial.values) == (other.params, other.values)
            assert trial.user_attrs["result"] == other.user_attrs["result"]
            assert trial.intermediate_values == other.intermediate_values
            columns = "select fold, step, fid, kid, others from sweep_measurements"
            rows = [
                query(database, f"{columns} where trial_id = ? order by 1, 2", each._trial_id)
                for each in (trial, other)
            ]
            assert rows[0] == rows[1] and len(rows[0]) == 4
    found = answer(study)
    assert len(found.ranking) == len(strengths) == 2
    assert "the same config was asked for again" in found.warnings[-1]
    best = best_configs(study, 2)
    assert len({config.spec.penalty.strength for config in best}) == 2
