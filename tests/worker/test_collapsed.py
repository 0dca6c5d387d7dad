"""A trial whose model is dead ends as collapsed: with its score, early, and shown as such."""

import pytest
from optuna.trial import TrialState

from normsweep.export.configs import trial_config
from normsweep.export.tables.rows import table_of
from normsweep.report.document import report_page
from normsweep.report.markdown import render_markdown
from normsweep.report.source import read_source
from normsweep.study.attributes import collapse_of, twin_of
from normsweep.study.confirmation import find_confirmation, trainings
from normsweep.study.overview import overview
from normsweep.study.status import status
from normsweep.verdict.answers import answer
from normsweep.verdict.reading import read_confirmation

DEAD = 1e-30
"""A learning rate that changes no weight."""
WHY = "by step 30: the score has stood still in every fold over two chunks"


@pytest.fixture
def spec(make_spec):
    rates = [5e-3, DEAD]
    strength = [1e-4, 1e-3]
    return make_spec(
        study__trials=4,
        train__generator_learning_rate=rates,
        penalty__strength=strength,
        penalty__target="both",
    )


def dead(study):
    return [
        trial
        for trial in study.get_trials()
        if trial.params.get("train.generator_learning_rate") == DEAD
    ]


def test_a_dead_trial_ends_at_once_and_its_score_counts(run, spec) -> None:
    study = run(spec).study
    assert len(dead(study)) == 2
    for trial in study.get_trials():
        assert trial.state == TrialState.COMPLETE
        is_dead = trial.params.get("train.generator_learning_rate") == DEAD
        assert max(trial.intermediate_values) == (30 if is_dead else 40)
        assert collapse_of(trial) == (WHY if is_dead else None)
        if is_dead:
            assert trial.user_attrs["result"]["step"] == 30
            assert trial.value == trial.intermediate_values[30]


def test_all_who_tell_of_a_study_tell_of_it(run, spec, databases, storage_url) -> None:
    heard, said = [], []
    log = lambda event, **facts: said.append((event, facts))  # noqa: E731
    study = run(spec, watch=heard.append, log=log).study
    storage = databases.open(storage_url)
    numbers = {trial.number: WHY for trial in dead(study)}
    found = answer(study)
    (listed,), (state,) = overview(storage), status(storage).studies
    assert found.collapses == state.collapses == numbers
    assert heard[-1].collapsed == listed.collapsed == state.collapsed == 2
    assert (heard[-1].complete, listed.complete, state.done) == (3, 3, 3)
    assert found.counts["collapsed"] == 2 and found.counts["complete"] == 3
    assert found.counts_in_words == "3 complete, 2 collapsed"
    assert heard[-1].finished == heard[-1].total == 5
    ends = [facts for event, facts in said if event == "trial collapsed"]
    assert {facts["trial"] for facts in ends} == set(numbers)
    assert all(facts["reason"] == WHY and facts["score"] > 0 for facts in ends)
    # Ranked as if they had been trained on.
    assert len(found.ranking) == 4
    page = render_markdown(report_page(read_source(study, storage)))
    assert WHY in page and "2 collapsed" in page
    states = {row[1]: row[3] for row in table_of(study, storage).rows}
    assert {number for number, name in states.items() if name == "collapsed"} == set(numbers)
    assert trial_config(study, min(numbers)).provenance["step"] == 30


def test_a_study_stopped_in_between_ends_it_at_the_same_step(run, spec, outcome, tmp_path) -> None:
    whole = outcome(run(spec, url=f"sqlite:///{tmp_path}/whole.db").study)
    url = f"sqlite:///{tmp_path}/stopped.db"
    # In the middle of the first three trials, of which one is dead.
    assert not run(spec, url=url, chunks=2).done
    assert outcome(run(spec, url=url).study) == whole


def test_the_baseline_is_trained_to_its_end(run, make_spec) -> None:
    spec = make_spec(study__trials=1, train__generator_learning_rate=DEAD)
    baseline, *searched = run(spec).study.get_trials()
    assert max(baseline.intermediate_values) == 40 and collapse_of(baseline) is None
    assert [collapse_of(trial) for trial in searched] == [WHY]


def test_the_same_config_again_has_collapsed_too(run, make_spec) -> None:
    spec = make_spec(
        study__sampler="random",
        study__trials=6,
        study__slots=1,
        penalty__strength=[1e-4, 1e-3],
        penalty__target="both",
        train__generator_learning_rate=DEAD,
    )
    study = run(spec).study
    again = [trial for trial in study.get_trials() if twin_of(trial) is not None]
    assert again
    assert {collapse_of(trial) for trial in again} == {WHY}
    assert {max(trial.intermediate_values) for trial in again} == {30}
    found = answer(study)
    assert found.counts["complete"] == 1 and found.repeated == 0
    assert found.counts["collapsed"] == 6


def test_a_best_trial_that_collapsed_is_told(run, make_spec) -> None:
    spec = make_spec(study__trials=1, train__generator_learning_rate=DEAD)
    assert any("collapsed by step 30" in told for told in answer(run(spec).study).warnings)


def test_an_arm_of_a_confirmation_goes_to_its_end(run, make_spec, databases, storage_url) -> None:
    changes = {"train__generator_learning_rate": DEAD, "study__trials": 1}
    spec = make_spec(penalty__target="both", confirm__seeds=2, confirm__top=1, **changes)
    launched = run(spec)
    (trial,) = launched.study.get_trials()[1:]
    assert collapse_of(trial) == WHY
    storage = databases.open(storage_url)
    held = find_confirmation(launched.study, storage)
    assert held is not None
    curves = [arm.curve for arm in trainings(held)]
    assert len(curves) == 4 and all(curve is not None and len(curve) == 4 for curve in curves)
    found = read_confirmation(launched.study, storage)
    assert found is not None and len(found.best.scores) == 2
