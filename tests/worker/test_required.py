"""Trials that miss what is required of them: shown as such, and best nowhere."""

import warnings

import optuna
import pytest

from normsweep.errors import UserError
from normsweep.export.configs import best_config, trial_config
from normsweep.report.document import report_page
from normsweep.report.markdown import render_markdown
from normsweep.report.source import read_source
from normsweep.study.overview import overview
from normsweep.study.ranking import is_feasible
from normsweep.verdict.answers import answer
from normsweep.verdict.headline import headline

TWO = {"study__trials": 2, "penalty__strength": [1e-4, 1e-1], "penalty__target": "both"}


@pytest.fixture(scope="module")
def bound(example) -> str:
    """Between the scores of the best trial and the second, so that the best one misses it."""
    first, second, *_ = answer(example.study).ranking
    return f">= {(first.score + second.score) / 2:.6g}"


def test_the_best_trial_is_the_best_that_is_feasible(
    run, make_spec, example, bound, databases, storage_url
) -> None:
    free = answer(example.study)
    spec = make_spec(score__require={"fid": bound})
    study = run(spec).study
    found = answer(study)
    assert [entry.number for entry in found.ranking] == [e.number for e in free.ranking[1:]]
    assert [entry.score for entry in found.ranking] == [e.score for e in free.ranking[1:]]
    lost = free.ranking[0]
    assert found.infeasible[lost.number] == f"fid {lost.score:.3g}, required {bound}"
    for trial in study.get_trials():
        assert trial.value is not None and trial.state == optuna.trial.TrialState.COMPLETE
        assert is_feasible(trial) == (trial.value >= float(bound.removeprefix(">= ")))
        assert is_feasible(trial) == (trial.number not in found.infeasible)
    assert study.best_trial.number in (0, found.ranking[0].number)
    storage = databases.open(storage_url)
    (listed,) = overview(storage)
    assert listed.best == found.ranking[0].score and listed.complete == 7
    assert best_config(study).provenance["trial"] == found.ranking[0].number
    # It can be had by its number.
    assert trial_config(study, lost.number).provenance["score"] == lost.score
    page = render_markdown(report_page(read_source(study, storage)))
    assert "Infeasible" in page and f"fid {lost.score:.3g}, required" in page


def test_without_any_the_answer_says_so(run, make_spec) -> None:
    study = run(make_spec(score__require={"recall": ">= 2"}, **TWO)).study
    found = answer(study)
    assert found.best is None and set(found.infeasible) == {0, 1, 2}
    assert "feasible by score.require" in headline(found, None).sentence
    with pytest.raises(UserError, match="no completed trial that is feasible by score"):
        best_config(study)
    # What is required is recorded with the result, without being asked for.
    assert found.baseline is not None and 0 <= found.baseline.recorded["recall"] <= 1


def test_the_sampler_is_told_by_optunas_constraints(run, make_spec) -> None:
    spec = make_spec(
        study__sampler="tpe",
        study__startup_trials=1,
        score__require={"recall": ">= 2"},
        **TWO,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = run(spec).study
    for trial in study.get_trials():
        recall = trial.user_attrs["result"]["recorded"]["recall"]
        assert trial.constraints == {"recall": pytest.approx(2 - recall)}


def test_the_same_config_again_misses_it_too(run, make_spec) -> None:
    spec = make_spec(
        study__sampler="random",
        study__slots=1,
        score__require={"recall": ">= 2"},
        **TWO | {"study__trials": 4},
    )
    trials = run(spec).study.get_trials()
    assert len({tuple(trial.params.items()) for trial in trials[1:]}) < 4
    assert all(trial.constraints for trial in trials)
