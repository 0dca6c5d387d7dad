"""`sweep confirm`, and the verdict where it is shown."""

import json

import numpy as np
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.cli.answers import print_answer
from normsweep.cli.sparkline import BARS, EMPTY, sparkline
from normsweep.storage import open_storage
from normsweep.study.attributes import CONFIRM
from normsweep.study.confirmation import open_confirmation
from normsweep.study.records import load_study
from normsweep.verdict.answers import answer
from tests.report.figures.studies import at, confirmation_of, spec_of, study_of


@pytest.fixture
def launched(sweep, write_spec) -> str:
    """A finished study that was not confirmed, and what its launch said."""
    called = sweep("launch", write_spec())
    assert called.code == 0
    return str(called.out)


def test_a_study_is_confirmed_and_its_verdict_stands_first(sweep, launched) -> None:
    assert "sweep confirm small" in launched
    called = sweep("confirm", "small", "--top", "2", "--seeds", "2")
    assert called.code == 0, called.err
    verdict = called.out.split("\n\n")[0].strip()
    assert verdict[:1] in "✓✗≈?"
    assert "95 % interval" in verdict and "adjusted for 2 candidates" in verdict.replace("\n", " ")
    assert "Confirmed on 2 seeds and folds that the search never saw" in called.out
    shown = sweep("show", "small").out
    assert shown.startswith(called.out.rstrip("\n").split("\n\n")[0])
    assert "sweep confirm small" not in shown


def test_in_json_the_numbers_are_in_full(sweep, launched) -> None:
    called = sweep("confirm", "small", "--top", "1", "--seeds", "2", "--json")
    told = json.loads(called.out)
    assert told["done"]
    found = told["confirmation"]
    assert found["verdict"] in ("helps", "hurts", "unclear")
    (candidate,) = found["candidates"]
    assert len(candidate["scores"]) == len(candidate["baseline_scores"]) == 2
    assert set(candidate["effect"]["estimate"]) >= {"mean", "low", "high", "p"}
    assert json.loads(sweep("show", "small", "--json").out)["confirmation"] == found


def test_replicates_are_told_and_not_for_another_scale(sweep, launched) -> None:
    called = sweep("confirm", "small", "--top", "1", "--seeds", "1", "--replicates", "3", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)["confirmation"]
    assert found["replicates"] == 3
    assert any("3 further trainings at most" in told for told in found["details"])
    options = ("--replicates", "2", "--set", "train.steps=80")
    called = sweep("confirm", "small", *options)
    assert called.code == 2 and "--replicates 2: accepted without --set" in called.err


def test_where_all_has_diverged_there_is_nothing_to_compare_and_it_says_so(sweep, launched) -> None:
    best = json.loads(sweep("show", "small", "--json").out)["best"]["trial"]
    storage = open_storage(None)
    held = open_confirmation(load_study("small", storage), storage)
    for arm, trial in (("baseline", 0), (f"trial {best}", best)):
        about = {"role": CONFIRM, "arm": arm, "against": "baseline", "trial": trial, "seed": 1}
        said = about | {"config": {}, "reason": "not finite by step 10"}
        held.add_trial(create_trial(state=TrialState.FAIL, user_attrs=said))
    called = sweep("confirm", "small", "--top", "1", "--seeds", "1")
    assert called.code == 0
    said = " ".join(called.out.split())
    assert said.startswith("? Not decided Nothing to compare, no candidate and its baseline both")
    assert f"(diverged: baseline on 1 of 1 seed, trial {best} on 1 of 1 seed)" in said
    printed = sweep("confirm", "small", "--top", "1", "--seeds", "1", "--json").out
    assert json.loads(printed)["confirmation"]["verdict"] == "unclear"
    shown = sweep("show", "small").out
    assert "Nothing to compare" in shown and "sweep confirm" not in shown


def test_a_launch_confirms_where_the_spec_says_so(sweep, write_spec) -> None:
    called = sweep("launch", write_spec(confirm__seeds=1, confirm__top=1))
    assert called.code == 0
    assert "Confirmed on 1 seed and folds" in called.out
    assert "small, confirming" in called.err


def test_launched_workers_search_and_confirm(sweep, write_spec) -> None:
    spec = write_spec(confirm__seeds=1, confirm__top=1)
    called = sweep("launch", spec, "--workers", "2", "--json")
    assert called.code == 0, called.err
    assert json.loads(called.out)["confirmation"]["seeds"] == 1


@pytest.mark.parametrize("seeds", [0, 1])
def test_a_submitted_study_is_confirmed_by_its_workers(sweep, write_spec, seeds) -> None:
    sweep("submit", write_spec(confirm__seeds=seeds, confirm__top=1))
    called = sweep("worker", "--log-json")
    assert called.code == 0, called.err
    events = [json.loads(line) for line in called.err.splitlines() if line.startswith("{")]
    said = [(e["study"], e["seed"]) for e in events if e["event"] == "confirmed"]
    assert said == [("small", 1)] * 2 * seeds
    assert events[-1] | {"event": "study left", "done": True} == events[-1]
    found = json.loads(sweep("show", "small", "--json").out)["confirmation"]
    assert (found["seeds"] if seeds else found) == (1 if seeds else None)
    # There is nothing left for another.
    assert "study taken" not in sweep("worker", "--log-json").err


def test_a_confirmation_that_was_stopped_is_gone_on_with_by_workers(
    sweep, launched, monkeypatch
) -> None:
    told = iter([False] * 5 + [True] * 9)
    with monkeypatch.context() as patched:
        patched.setattr("normsweep.cli.interrupts.Interrupts.happened", lambda _: next(told))
        called = sweep("confirm", "small", "--top", "1", "--seeds", "2")
    assert called.code == 130
    assert "nothing is lost" in called.out
    sweep("worker", "small")
    assert "Confirmed on 2 seeds" in sweep("show", "small").out


def test_a_worker_leaves_a_study_as_it_is_that_was_confirmed_and_searched_further(
    sweep, write_spec
) -> None:
    sweep("launch", write_spec(confirm__seeds=1, confirm__top=1, study__trials=2))
    sweep("submit", write_spec(confirm__seeds=1, confirm__top=1), "--trials", "3")
    called = sweep("worker", "small", "--log-json")
    assert '"trial complete"' in called.err
    assert '"confirmed"' not in called.err


@pytest.mark.parametrize(
    ("scores", "exported", "left"),
    [
        ({0: 3.0, 1: 2.0, 2: 2.9}, "drawn -o best.toml", "see above what is left of it"),
        ({0: 3.0, 1: 2.9, 2: 2.0}, "drawn --trial 2 -o best.toml", "see above what is left of it"),
        # Trial 1 came after the confirmation, say.
        ({0: 3.0, 2: 2.0}, "drawn --trial 2 -o best.toml", "expect less of it on new seeds"),
    ],
)
def test_what_comes_next_is_about_the_config_of_the_verdict(
    capsys, scores, exported: str, left: str
) -> None:
    trials = [(at(1e-3), [1.0, 1.1, 1.3]), (at(1e-2), [1.2, 1.2, 1.3])]
    study = study_of(spec_of(), [3.0, 3.2, 3.3], trials)
    print_answer(answer(study), None, confirmed=confirmation_of(study, scores))
    said = capsys.readouterr().out
    assert f"sweep export {exported}" in said
    assert left in said.replace("\n", " ")
    assert ("sweep confirm drawn" in said) == (1 not in scores)


def test_what_was_never_searched_cannot_be_confirmed(sweep, write_spec) -> None:
    sweep("submit", write_spec())
    called = sweep("confirm", "small")
    assert called.code == 2
    assert "study 'small' cannot be confirmed: no score of its baseline is there yet" in called.err


def test_an_unknown_study_is_told_with_those_there_are(sweep, launched) -> None:
    sweep("confirm", "small", "--seeds", "1", "--top", "1")
    called = sweep("confirm", "smal")
    assert called.code == 2
    assert called.err.rstrip().endswith("there: small")


def profiles(capsys, trials, **changes) -> list[str]:
    """The lines below the title of the profiles, and the title, of a study with these trials."""
    print_answer(answer(study_of(spec_of(**changes), [3.0] * 3, trials)), None)
    lines = capsys.readouterr().out.splitlines()
    first = [place for place, line in enumerate(lines) if " along λ" in line]
    return [line.strip() for line in lines[first[0] : lines.index("", first[0])]] if first else []


def test_a_profile_is_drawn_for_every_target(capsys) -> None:
    trials = [
        (at(1e-5, "generator"), [2.0] * 3),
        (at(1e-3, "generator"), [1.0] * 3),
        (at(1e-1, "generator"), [4.5] * 3),
        (at(1e-4, "discriminator"), [0.5] * 3),
        (at(1e-2, "discriminator"), [0.75] * 3),
    ]
    # 24 steps over four decades: a strength of 10⁻⁵⁺ᵏ is in step 6k, the upper end in the last.
    discriminator = EMPTY * 6 + BARS[0] + EMPTY * 11 + BARS[-1] + EMPTY * 5
    generator = BARS[2] + EMPTY * 11 + BARS[0] + EMPTY * 10 + BARS[-1]
    assert profiles(capsys, trials) == [
        "FID-proxy along λ = 1e-05 … 0.1, a bar the median",
        f"discriminator  {discriminator}  0.500 … 0.750",
        f"generator      {generator}  1.000 … 4.500",
    ]


def test_where_all_was_pruned_there_is_a_cross(capsys) -> None:
    strengths = [(s, "both") for s in (1e-5, 1e-1, 1e-1, 1e-3)] + [(1e-2, "generator")]
    changes = {"penalty__target": ["both", "generator"], "penalty__order": 2.0}
    trials = [({"penalty.strength": s, "penalty.target": on}, [1.0] * 3) for s, on in strengths]
    study = study_of(spec_of(**changes), [3.0] * 3, trials)
    for trial in study.get_trials(deepcopy=False)[-3:]:
        trial.state = TrialState.PRUNED
    print_answer(answer(study), None)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    place = lines.index("FID-proxy along λ = 1e-05 … 0.1, a bar the median, × pruned")
    assert lines[place + 1 : place + 3] == [
        f"both       {BARS[0]}{EMPTY * 11}×{EMPTY * 10}{BARS[0]}  1.000 … 1.000",
        f"generator  {EMPTY * 18}×{EMPTY * 5}",
    ]


def test_a_single_target_has_a_single_profile(capsys) -> None:
    trials = [({"penalty.strength": s}, [score] * 3) for s, score in ((1e-5, 1.0), (1e-1, 2.0))]
    changes = {"penalty__target": "both", "penalty__order": 2.0}
    _, line = profiles(capsys, trials, **changes)
    assert line == f"both  {BARS[0]}{EMPTY * 22}{BARS[-1]}  1.000 … 2.000"
    # One trial has no course.
    assert profiles(capsys, trials[:1], **changes) == []


def test_scores_that_are_not_finite_are_in_no_profile(capsys) -> None:
    finite = [(at(1e-5), [1.0] * 3), (at(1e-1), [2.0] * 3)]
    # Optuna takes no NaN for the value of a completed trial.
    beyond = [(at(1e-3), [np.inf] * 3), (at(1e-2, "discriminator"), [np.inf] * 3)]
    _, line = profiles(capsys, finite + beyond)
    assert line == f"generator  {BARS[0]}{EMPTY * 22}{BARS[-1]}  1.000 … 2.000"
    assert profiles(capsys, finite[:1] + beyond) == []


@pytest.mark.parametrize(
    "strength", [[1e-3, 1e-1], {"low": 0.0, "high": 0.1}], ids=["choices", "from 0"]
)
def test_a_strength_without_a_logarithm_to_go_along_has_no_profile(capsys, strength) -> None:
    trials = [(at(1e-3), [1.0] * 3), (at(1e-1), [2.0] * 3)]
    assert profiles(capsys, trials, penalty__strength=strength) == []


def test_the_lowest_bar_is_the_least_median() -> None:
    drawn = sparkline([2e-4, 2e-3, 2e-3, 1e-1], [3.0, 1.0, 1.0, 2.0], 1e-4, 1e-1, width=3)
    assert drawn == "█▁▅"


@pytest.mark.parametrize(
    ("values", "scores", "expected"),
    [
        ([], [], "···"),
        ([1e-3], [float("nan")], "···"),
        ([1e-9, 1e9], [1.0, 2.0], "···"),
        ([1e-4, 1e-1], [2.0, 2.0], "▁·▁"),
    ],
)
def test_steps_without_a_score_are_dots(values, scores, expected) -> None:
    assert sparkline(values, scores, 1e-4, 1e-1, width=3) == expected
