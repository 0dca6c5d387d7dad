"""What `--json` prints, against the schemas in docs/, by a validator that knows nothing of us."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from optuna import create_study
from optuna.trial import create_trial

from normsweep.spec.baseline import baseline
from normsweep.spec.space import resolve
from normsweep.storage import open_storage

DOCS = Path(__file__).parents[2] / "docs"


def validator(command: str) -> Draft202012Validator:
    schema = json.loads((DOCS / f"{command.replace(' ', '-')}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def checked(command: str, text: str) -> dict[str, Any]:
    """What a command printed, if it is JSON without Python's NaN and fits its schema."""
    printed = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    validator(command).validate(printed)
    return dict(printed)


def test_a_finished_study_fits_the_schema(sweep, example) -> None:
    shown = checked("show", sweep("show", "small", "--storage", example.url, "--json").out)
    assert shown["version"] == 2
    assert shown["counts"] == {
        "running": 0,
        "complete": 7,
        "collapsed": 0,
        "pruned": 0,
        "fail": 0,
        "waiting": 0,
    }
    assert len(shown["ranking"]) == 6
    assert shown["baseline"]["penalty"] == {"form": "none"}


def test_the_headline_and_what_scores_are_to_be_seen_beside_are_told(sweep, example) -> None:
    shown = checked("show", sweep("show", "small", "--storage", example.url, "--json").out)
    said = shown["headline"]
    assert (said["word"], said["caveat"]) == ("not confirmed", None)
    assert said["command"] == f"sweep confirm small --storage {example.url}"
    assert said["sentence"] in " ".join(
        sweep("show", "small", "--storage", example.url).out.split()
    )
    assert [len(scores) for scores in shown["references"].values()] == [2, 2]


def test_a_study_of_which_nothing_is_trained_yet_fits_it(sweep, write_spec) -> None:
    assert sweep("submit", write_spec()).code == 0
    shown = checked("show", sweep("show", "small", "--json").out)
    assert (shown["best"], shown["baseline"], shown["difference"]) == (None, None, None)
    assert shown["ranking"] == []
    stopped = checked("launch", sweep("launch", write_spec(), "--timeout", "1e-6", "--json").out)
    assert stopped["done"] is False


def test_a_study_of_failures_only_fits_it(sweep, write_spec) -> None:
    spec = write_spec(train__discriminator_learning_rate=1e30)
    launched = checked("launch", sweep("launch", spec, "--json").out)
    assert launched["done"] is True
    shown = checked("show", sweep("show", "small", "--json").out)
    assert shown["counts"]["fail"] == 7
    assert shown["failures"].keys() == set("0123456")
    assert shown == {key: value for key, value in launched.items() if key != "done"}


def test_a_study_of_two_metrics_that_is_confirmed_fits_it(sweep, write_spec) -> None:
    changes: dict[str, Any] = {"confirm__seeds": 2, "confirm__top": 2, "confirm__holdout": 0.2}
    changes |= {"score__second": "coverage", "score__record": ["recall"]}
    launched = checked("launch", sweep("launch", write_spec(**changes), "--json").out)
    verdict = launched["confirmation"]
    assert [len(entry["scores"]) for entry in verdict["candidates"]] == [2, 2]
    assert all(entry["effect"] and entry["stopped"] for entry in verdict["candidates"])
    assert len(verdict["final"]["scores"]) == 2
    assert launched["front"]
    assert checked("show", sweep("show", "small", "--json").out)["confirmation"] == verdict
    again = checked("confirm", sweep("confirm", "small", "--json").out)
    told = {"headline": launched["headline"], "confirmation": verdict}
    assert again == {"version": 2, "done": True, **told}
    assert launched["headline"]["command"] is None


def test_a_confirmation_by_one_seed_fits_it(sweep, write_spec) -> None:
    assert sweep("launch", write_spec(study__trials=2)).code == 0
    called = sweep("confirm", "small", "--top", "1", "--seeds", "1", "--json")
    (entry,) = checked("confirm", called.out)["confirmation"]["candidates"]
    assert (entry["stopped"], entry["effect"]) == (None, None)


def test_comparisons_fit_it_whether_or_not_they_can_be_paired(sweep, write_spec) -> None:
    for name, target in (("one", "discriminator"), ("two", "generator")):
        changes = {"study__name": name, "study__trials": 1, "penalty__target": target}
        assert sweep("launch", write_spec(f"{name}.toml", **changes)).code == 0
    paired = checked("compare", sweep("compare", "one", "two", "--json").out)
    assert len(paired["differences"][0]) == 2
    assert sweep("submit", write_spec(study__name="new")).code == 0
    apart = checked("compare", sweep("compare", "one", "new", "--json").out)
    assert (apart["difference"], apart["second"]["config"]) == (None, None)


@pytest.fixture
def overflowed(example, folder) -> Iterator[str]:
    """A study whose worse trial has scores beyond all numbers, and in which a mean is of none."""
    storage = open_storage("sqlite:///studies.db", create=True)
    study = create_study(study_name="wild", storage=storage)
    study.set_user_attr("spec", example.spec.plain())
    config, _ = resolve(example.spec, lambda path, asked: asked.choices[0])
    for role, chosen, score in (
        ("baseline", baseline(example.spec), 2.0),
        ("search", config, 1.0),
        ("search", config, math.inf),
    ):
        result = {
            "fold_scores": [score, score],
            "standard_error": 0.0 if math.isfinite(score) else math.nan,
            "step": 40,
            "recorded": {"copying": -math.inf, "recall": 0.5},
        }
        told = {"role": role, "config": chosen.plain(), "result": result}
        study.add_trial(create_trial(value=score, user_attrs=told))
    yield "wild"
    storage.engine.dispose()


def test_a_number_that_is_not_finite_is_null(sweep, overflowed) -> None:
    shown = checked("show", sweep("show", overflowed, "--json").out)
    assert [entry["score"] for entry in shown["ranking"]] == [1.0, None]
    assert shown["ranking"][1]["fold_scores"] == [None, None]
    assert shown["ranking"][1]["standard_error"] is None
    assert shown["best"]["recorded"] == {"copying": None, "recall": 0.5}


def test_where_a_study_was_logged_to_fits_it(sweep, example, folder) -> None:
    call = ("log", "small", "--storage", example.url, "--to", "tensorboard:runs", "--json")
    assert checked("log", sweep(*call, "--to", "tensorboard:runs").out) == {
        "version": 2,
        "study": "small",
        "destinations": ["tensorboard:runs"],
    }
    assert (folder / "runs" / "small" / "trial-0001").is_dir()


def test_what_is_not_documented_does_not_fit(sweep, example) -> None:
    shown = checked("show", sweep("show", "small", "--storage", example.url, "--json").out)
    for place in (shown, shown["best"], shown["counts"]):
        place["new"] = 1
        assert not validator("show").is_valid(shown)
        del place["new"]
    assert validator("show").is_valid(shown)
