"""What a study gives its pruner, and what it warns of."""

import numpy as np
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.objectives.distances import cost
from normsweep.search.paired import PairedPruner
from normsweep.storage import read_measurements
from normsweep.study.pruning import StoredCurves, early_pruning, pruner_of
from normsweep.verdict.answers import answer


@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_the_costs_of_a_trial_are_those_stored_fold_by_fold(example, metric: str) -> None:
    engine = example.study._storage._backend.engine
    curves = StoredCurves(engine, metric)
    for trial in example.study.get_trials():
        rows = read_measurements(engine, trial._trial_id)
        found = curves(trial)
        assert found is not None and found.shape == (4, 2)
        for row in rows:
            assert found[row.step // 10 - 1, row.fold] == cost(metric, row.value(metric))


def test_of_a_metric_of_which_more_is_better_less_is_the_cost(run, make_spec) -> None:
    study = run(make_spec(study__trials=1, score__metric="recall")).study
    trial = study.get_trials()[1]
    found = StoredCurves(study._storage._backend.engine, "recall")(trial)
    assert found is not None
    np.testing.assert_allclose(found.mean(axis=1), [-v for v in trial.intermediate_values.values()])


def test_a_trial_of_other_code_has_no_curve(example) -> None:
    curves = StoredCurves(example.study._storage._backend.engine, "fid")
    assert curves(create_trial(value=1.0)) is None


def test_a_spec_gets_the_pruner_that_it_asks_for(make_spec, example) -> None:
    engine = example.study._storage._backend.engine
    found = pruner_of(make_spec(study__pruner="paired", study__pruner_warmup=3), engine)
    assert isinstance(found, PairedPruner)
    assert (found.chunks, found.warmup) == (4, 3)


@pytest.mark.parametrize("pruner", ["median", "percentile", "successive_halving", "hyperband"])
def test_a_pruner_by_rank_that_begins_early_is_warned_of(make_spec, pruner: str) -> None:
    (told,) = early_pruning(make_spec(study__pruner=pruner))
    assert told.startswith(f'study.pruner = "{pruner}" may prune after 1 of 4 chunks')
    assert early_pruning(make_spec(study__pruner=pruner, study__pruner_warmup=2)) == []


@pytest.mark.parametrize("pruner", ["none", "paired"])
def test_others_are_not(make_spec, pruner: str) -> None:
    assert early_pruning(make_spec(study__pruner=pruner)) == []


def test_the_launch_and_the_answer_warn_of_it(run, make_spec) -> None:
    said = []
    spec = make_spec(study__pruner="median", study__trials=1)
    launched = run(spec, log=lambda event, **facts: said.append((event, facts.get("of"))))
    (told,) = early_pruning(spec)
    assert ("warning", told) in said
    assert told in answer(launched.study).warnings
    states = [trial.state for trial in launched.study.get_trials()]
    assert states == [TrialState.COMPLETE] * 2


def test_of_a_trial_that_is_scored_at_its_best_chunk_the_best_so_far_counts(example) -> None:
    engine = example.study._storage._backend.engine
    trial = example.study.get_trials()[2]
    found = StoredCurves(engine, "fid")(trial)
    best = StoredCurves(engine, "fid", at_best=True)(trial)
    assert found is not None and best is not None
    means = found.mean(axis=1)
    np.testing.assert_array_equal(best.mean(axis=1), np.minimum.accumulate(means))


def test_what_misses_a_bound_prunes_nothing_but_for_the_baseline(run, make_spec) -> None:
    study = run(make_spec(study__trials=1, score__require={"recall": ">= 2"})).study
    curves = StoredCurves(study._storage._backend.engine, "fid")
    baseline, trial = study.get_trials()
    assert curves(baseline) is not None
    assert curves(trial) is None
