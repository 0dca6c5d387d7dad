"""Trials that other code has added to a study of ours: known to samplers, and in nobody's way."""

import csv
import io
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.cli.answers import print_answer
from normsweep.errors import UserError
from normsweep.export.configs import best_config, trial_config
from normsweep.export.formats import exported
from normsweep.report.document import FORMATS, report_page
from normsweep.report.figures import read_picture
from normsweep.report.source import read_source
from normsweep.spec.space import distribution
from normsweep.study.attributes import is_foreign
from normsweep.study.follow_up import narrowed_spec
from normsweep.study.overview import overview
from normsweep.study.plan import plan_as_made
from normsweep.study.records import load_study
from normsweep.study.status import status
from normsweep.verdict.answers import answer

BETTER_THAN_ALL = -1e3


def add(study: optuna.Study, **facts: Any) -> int:
    """Adds a finished trial as a script of a user would; its number."""
    study.add_trial(create_trial(**facts))
    return len(study.get_trials()) - 1


@pytest.fixture
def visited(copied_example, databases, storage_url) -> tuple[optuna.Study, Any]:
    """The finished example with a completed and a pruned trial of someone else's."""
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    assert add(study, value=BETTER_THAN_ALL) == 7
    assert add(study, state=TrialState.PRUNED, intermediate_values={10: 1.0}) == 8
    return study, storage


def test_they_stand_in_no_ranking_and_are_named(visited, example, capsys) -> None:
    study, storage = visited
    found, before = answer(study), answer(example.study)
    assert found.ranking == before.ranking
    assert found.warnings == (
        *before.warnings,
        "trials 7, 8: added by other code than sweep, without scores on folds; not in the ranking",
    )
    print_answer(found, None)
    assert "warning: trials 7, 8: added by other code" in capsys.readouterr().out
    (told,) = overview(storage)
    assert (told.best, told.complete) == (before.ranking[0].score, 7)
    (state,) = status(storage).studies
    assert (state.state, state.done, state.waiting) == ("finished", 7, 0)
    assert plan_as_made(found.spec, study.get_trials()).search == 6


def test_reports_figures_and_exports_are_of_the_others(visited, example) -> None:
    study, storage = visited
    assert [trial.number for trial in read_picture(study, storage).trials] == [1, 2, 3, 4, 5, 6]
    for render in FORMATS.values():
        assert "added by other code than sweep" in render(report_page(read_source(study, storage)))
    assert best_config(study).provenance == best_config(example.study).provenance
    for number in (7, 8):
        with pytest.raises(UserError, match=f"--trial {number}: was added by other code"):
            trial_config(study, number)
    rows = list(csv.DictReader(io.StringIO(exported(study, storage, "csv").decode())))
    assert [(row["trial"], row["step"]) for row in rows[-2:]] == [("7", ""), ("8", "")]


def test_a_search_trains_what_it_was_asked_for_beside_them_and_may_stop_by_itself(
    run, make_spec
) -> None:
    strength = {"low": 1e-6, "high": 1e-1, "log": True}
    spec = make_spec(
        study__sampler="tpe",
        study__trials=12,
        study__startup_trials=1,
        penalty__strength=strength,
        penalty__target="both",
        stop__patience=3,
        stop__noise=1e-9,
    )
    study = run(spec, chunks=1).study
    asked = {"penalty.strength": distribution(spec.penalty.strength)}
    params = {"penalty.strength": 1e-3}
    other = add(study, value=BETTER_THAN_ALL, params=params, distributions=asked)
    study.enqueue_trial({"penalty.strength": 2e-3})
    heard: list[Any] = []
    assert run(spec, watch=heard.append).done
    trials = study.get_trials()
    own = [trial for trial in trials if not is_foreign(trial)]
    assert len(own) == 1 + 12
    assert all(trial.state == TrialState.COMPLETE for trial in own)
    # What a user only asked for is trained, and a trial like any other.
    assert 2e-3 in [entry.parameters["penalty.strength"] for entry in answer(study).ranking]
    assert heard[-1].best_score > BETTER_THAN_ALL
    narrowed = narrowed_spec(spec, trials)
    assert narrowed == narrowed_spec(spec, [t for t in trials if t.number != other])
