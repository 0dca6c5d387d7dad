"""Every sampler and every pruner through a whole study."""

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from normsweep.export.configs import best_configs, trial_config
from normsweep.search.pruners import PRUNERS
from normsweep.search.samplers import SAMPLERS
from normsweep.verdict.answers import answer

FINISHED = {TrialState.COMPLETE, TrialState.PRUNED}


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_a_study_of_every_sampler_runs_within_its_ranges(run, make_spec, sampler: str) -> None:
    ranges = {
        "penalty__strength": {"low": 1e-4, "high": 1e-1, "log": True},
        "penalty__order": {"low": 1.0, "high": 2.0},
    }
    if sampler == "grid":
        ranges["penalty__strength"] = {"low": 0.02, "high": 0.1, "step": 0.04}
        ranges["penalty__order"] = [1.0, 2.0]
    spec = make_spec(
        study__sampler=sampler,
        study__trials=5,
        study__startup_trials=2,
        penalty__target="both" if sampler == "cmaes" else ["generator", "both"],
        **ranges,
    )
    launched = run(spec)
    assert launched.done
    trials = launched.study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    for trial in trials[1:]:
        assert 1e-4 <= trial.params["penalty.strength"] <= 1e-1
        assert 1.0 <= trial.params["penalty.order"] <= 2.0
    assert len({tuple(trial.params.values()) for trial in trials[1:]}) == 5


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
def test_a_study_of_every_pruner_ends_with_all_trials_finished(
    run, make_spec, pruner: str, query, database
) -> None:
    study = run(
        make_spec(
            study__pruner=pruner,
            study__slots=1,
            study__startup_trials=2,
            study__pruner_warmup=1,
        )
    ).study
    trials = study.get_trials()
    assert {trial.state for trial in trials} <= FINISHED
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    if pruner == "none":
        assert not pruned
    else:
        assert pruned, "nothing was pruned: the test shows nothing"
    for trial in pruned:
        rows = "select count(*) from sweep_measurements where trial_id = ?"
        measured = query(database, rows, trial._trial_id)[0][0]
        assert measured == 2 * len(trial.intermediate_values) < 8
        assert trial.last_step is not None


class PrunesAll(BasePruner):
    """Finds every trial hopeless."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        del study, trial
        return True


def test_the_baseline_is_never_pruned(run, make_spec, monkeypatch) -> None:
    monkeypatch.setattr("normsweep.worker.loop.pruner_of", lambda *_: PrunesAll())
    launched = run(make_spec(study__pruner="median"))
    assert launched.done
    baseline, *others = launched.study.get_trials()
    assert baseline.state == TrialState.COMPLETE
    assert baseline.last_step == 40
    assert [trial.state for trial in others] == [TrialState.PRUNED] * 6
    assert {trial.last_step for trial in others} == {10}


def test_the_median_pruner_prunes_what_is_worse_than_the_median_at_that_step(
    run, make_spec
) -> None:
    spec = make_spec(
        study__pruner="median", study__slots=1, study__startup_trials=2, study__pruner_warmup=3
    )
    trials = run(spec).study.get_trials()
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        step = trial.last_step
        assert step is not None
        assert step >= 30, "pruned within the warm-up of three chunks"
        others = sorted(
            other.intermediate_values[step]
            for other in trials[: trial.number]
            if other.state == TrialState.COMPLETE
        )
        middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
        assert min(trial.intermediate_values.values()) > middle


def test_a_pruned_trial_is_not_ranked_and_can_be_exported(run, make_spec) -> None:
    study = run(make_spec(study__pruner="median", study__slots=1, study__startup_trials=2)).study
    pruned = [trial for trial in study.get_trials() if trial.state == TrialState.PRUNED]
    ranked = {config.provenance["trial"] for config in best_configs(study, 100)}
    assert ranked.isdisjoint(trial.number for trial in pruned)
    assert answer(study).counts["pruned"] == len(pruned)
    for trial in pruned:
        config = trial_config(study, trial.number)
        assert config.provenance["step"] == trial.last_step
        assert config.provenance["score"] == trial.intermediate_values[trial.last_step]
        assert config.spec.penalty.strength == trial.params["penalty.strength"]
