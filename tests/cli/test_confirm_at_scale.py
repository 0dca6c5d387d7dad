"""`sweep confirm STUDY --set`: what a study found, at another scale."""

import json

import pytest

from normsweep.report.figures import drawn_figures, read_picture
from normsweep.storage import open_storage
from normsweep.study.records import load_study


@pytest.fixture
def copied(sweep, example, folder) -> None:
    """A finished study of six configs in the database of this folder."""
    assert (
        sweep("copy", "small", "--to", "sqlite:///studies.db", "--storage", example.url).code == 0
    )


def shown(sweep, study: str) -> dict:
    """What is stored of a study."""
    return json.loads(sweep("show", study, "--json").out)


def test_the_best_configs_are_confirmed_against_the_baseline_there(sweep, copied) -> None:
    before = shown(sweep, "small")
    assert before["scales"] == [] and before["configs_of"] is None
    called = sweep("confirm", "small", "--set", "train.steps=20", "--top", "2", "--seeds", "2")
    assert called.code == 0, called.err
    assert "The configs of small, with train.steps = 20." in called.out
    found = shown(sweep, "small-at-steps-20")
    assert found["configs_of"] == {"study": "small", "values": {"train.steps": 20}}
    assert found["spec"]["train"]["steps"] == 20
    assert found["spec"]["confirm"]["seeds"] == 2
    kinds = [(c["penalty"]["target"], c["penalty"]["strength"]) for c in _best(before, 2)]
    there = [(c["penalty"]["target"], c["penalty"]["strength"]) for c in found["ranking"]]
    assert sorted(there) == sorted(kinds)
    confirmed = found["confirmation"]
    assert len(confirmed["candidates"]) == 2 and confirmed["missing"] == 0
    after = shown(sweep, "small")
    assert after["confirmation"] is None
    (scale,) = after["scales"]
    assert scale == {
        "study": "small-at-steps-20",
        "values": {"train.steps": 20},
        "confirmation": confirmed,
    }
    told = sweep("show", "small").out
    assert "At other scales" in told and "small-at-steps-20" in told
    again = sweep("confirm", "small", "--set", "train.steps=20", "--top", "2", "--seeds", "2")
    assert again.code == 0
    assert shown(sweep, "small-at-steps-20")["confirmation"] == confirmed


def _best(answer: dict, count: int) -> list[dict]:
    """The best trial of each target, as a confirmation chooses them."""
    chosen: dict[str, dict] = {}
    for trial in answer["ranking"]:
        chosen.setdefault(trial["penalty"]["target"], trial)
    return list(chosen.values())[:count]


def test_each_strength_is_also_tried_a_third_and_three_times_as_large(sweep, copied) -> None:
    options = ("--set", "train.steps=20", "--top", "1", "--seeds", "2", "--rescale")
    called = sweep("confirm", "small", *options, "--name", "longer", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    best = shown(sweep, "small")["best"]["penalty"]["strength"]
    strengths = sorted(trial["penalty"]["strength"] for trial in found["ranking"])
    assert strengths == pytest.approx([best / 3, best, 3 * best])
    assert len(found["confirmation"]["candidates"]) == 3
    storage = open_storage("sqlite:///studies.db")
    assert "scales" not in drawn_figures(read_picture(load_study("small", storage), storage))
    assert sweep("confirm", "small", "--top", "1", "--seeds", "2").code == 0
    _, drawn = drawn_figures(read_picture(load_study("small", storage), storage))["scales"]
    assert [row[0] for row in drawn.numbers.rows] == ["as searched", *["train.steps = 20"] * 3]
    assert "train.steps = 20" in drawn.alternative
    storage.engine.dispose()


def test_in_a_study_with_methods_the_strength_of_the_best_one_is_rescaled(
    sweep, write_spec
) -> None:
    searched = {"low": 1e-3, "high": 1e-2, "log": True}
    penalty = {"form": "power", "target": "both", "strength": searched}
    methods = {
        "l1": {"penalty": penalty | {"order": 1.0}},
        "l2": {"penalty": penalty | {"order": 2.0}},
    }
    spec = write_spec(penalty=None, methods=methods, study__sampler="random", study__trials=3)
    assert sweep("launch", spec).code == 0
    best = shown(sweep, "small")["best"]
    options = ("--set", "train.steps=20", "--top", "1", "--seeds", "2", "--rescale")
    called = sweep("confirm", "small", *options, "--name", "longer", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert {trial["kind"] for trial in found["ranking"]} == {best["kind"]}
    strengths = sorted(trial["penalty"]["strength"] for trial in found["ranking"])
    strength = best["penalty"]["strength"]
    assert strengths == pytest.approx([strength / 3, strength, 3 * strength])
    assert len(found["confirmation"]["candidates"]) == 3


def test_what_cannot_be_is_told_in_one_message(sweep, copied) -> None:
    for options, told in (
        (("--rescale",), "--rescale: accepted with --set, which says at what scale"),
        (("--name", "x"), "--name x: accepted with --set"),
        (("--set", "train.steps"), "--set train.steps: accepted: SECTION.FIELD=VALUE"),
        (("--set", "train.steps=0"), "--set train.steps=0: "),
        (("--set", "train.speed=1"), "train.speed"),
        (("--set", "train.steps=20", "--name", "small"), "--name small: a study of this name"),
        (("--set", "penalty.form=none"), "penalty"),
    ):
        called = sweep("confirm", "small", *options)
        assert called.code == 2, (options, called.out, called.err)
        assert told in called.err
        assert called.err.count("\n") <= 4
    assert [each["study"] for each in json.loads(sweep("list", "--json").out)] == ["small"]
