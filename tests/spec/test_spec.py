"""The sections of a spec: their fields, their defaults, and each mistake told in one message."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.errors import UserError
from sweep.spec import Choices, Interval, Spec, built_in_names, load_spec, spec_from_tables

PENALTY = {"strength": 1e-3, "order": 1.5}


def spec(**sections: Any) -> Spec:
    return spec_from_tables({"penalty": PENALTY} | sections, "study.toml")


def refusal(tables: dict[str, Any]) -> str:
    """The one message of a wrong spec, without the name of its file."""
    with pytest.raises(UserError) as caught:
        spec_from_tables(tables, "study.toml")
    message = str(caught.value)
    assert message.startswith("study.toml: ")
    assert "\n" not in message
    return message.removeprefix("study.toml: ")


def test_a_penalty_is_enough_and_all_else_has_a_default() -> None:
    assert spec().plain() == {
        "study": {
            "name": "study",
            "trials": 40,
            "seed": 0,
            "sampler": "tpe",
            "pruner": "none",
            "startup_trials": 10,
            "pruner_warmup": 1,
            "pruner_percentile": 25.0,
            "slots": 4,
        },
        "data": {"source": "digits", "split": "train", "seed": 0},
        "model": {
            "kind": "mlp",
            "latent": 64,
            "latent_distribution": "normal",
            "generator_hidden": [128, 128],
            "generator_activation": "leaky_relu",
            "generator_output": "tanh",
            "discriminator_hidden": [128, 128],
            "discriminator_activation": "leaky_relu",
        },
        "train": {
            "steps": 4000,
            "chunks": 8,
            "batch": 64,
            "discriminator_steps": 1,
            "loss": "non_saturating",
            "generator_learning_rate": 2e-4,
            "discriminator_learning_rate": 2e-4,
            "beta1": 0.5,
            "beta2": 0.999,
            "ema": 0.0,
        },
        "penalty": {
            "form": "power",
            "target": "both",
            "order": 1.5,
            "strength": 1e-3,
            "separate_strengths": False,
            "weights": "kernel$",
        },
        "score": {
            "metric": "fid",
            "at": "final",
            "folds": 3,
            "features": "classifier",
            "dimension": 32,
            "feature_share": 0.3,
        },
    }


def test_an_empty_spec_lacks_its_penalty() -> None:
    assert refusal({}) == "penalty: missing, and has no default"


@pytest.mark.parametrize(
    ("tables", "place", "meant"),
    [
        ({"penalty": PENALTY | {"stength": 1}}, "penalty.stength", "strength"),
        ({"penalty": PENALTY, "train": {"step": 3}}, "train.step", "steps"),
        ({"penalty": PENALTY, "study": {"trial": 3}}, "study.trial", "trials"),
        ({"penalty": PENALTY, "scores": {}}, "scores", "score"),
    ],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(
    tables: dict[str, Any], place: str, meant: str
) -> None:
    message = refusal(tables)
    assert message.startswith(f'{place}: unknown key (did you mean "{meant}"?); accepted: ')
    assert meant in message.split("accepted: ")[1].split(", ")


def test_a_key_unlike_any_is_refused_with_all_that_there_are() -> None:
    assert refusal({"penalty": PENALTY, "score": {"zzz": {"deep": 1}}}) == (
        "score.zzz: unknown key; accepted: "
        "metric, at, folds, samples, features, dimension, feature_share"
    )


@pytest.mark.parametrize("section", ["study", "data", "model", "train", "penalty", "score"])
@pytest.mark.parametrize("value", [3, "x", [], [{"strength": 1}]])
def test_a_section_that_is_no_table_is_refused(section: str, value: Any) -> None:
    message = refusal({"penalty": PENALTY} | {section: value})
    assert message == f"{section}: must be a table of settings, got {value!r}"


WRONG: list[tuple[str, str, Any, str]] = [
    ("study", "name", 3, "string"),
    ("study", "name", ["a"], "string"),
    ("study", "name", "", "letters, digits"),
    ("study", "name", "a b", "letters, digits"),
    ("study", "name", "../a", "letters, digits"),
    ("study", "name", "a\n", "letters, digits"),
    ("study", "name", "a" * 101, "100 characters"),
    ("study", "trials", 0, "a whole number ≥ 1"),
    ("study", "trials", 1.5, "a whole number ≥ 1"),
    ("study", "trials", True, "a whole number ≥ 1"),
    ("study", "seed", -1, "≥ 0 and ≤ 2147483647"),
    ("study", "seed", 2**31, "≥ 0 and ≤ 2147483647"),
    ("study", "sampler", "bayes", "one of tpe, random, grid, qmc, cmaes"),
    ("study", "pruner", "all", "one of none, median, percentile, successive_halving, hyperband"),
    ("study", "startup_trials", 0, "≥ 1"),
    ("study", "pruner_warmup", -1, "≥ 0"),
    ("study", "pruner_percentile", 101, "≥ 0 and ≤ 100"),
    ("study", "slots", 0, "≥ 1 and ≤ 1024"),
    ("data", "source", "cifar", "digits"),
    ("data", "path", 3, "a text"),
    ("data", "split", "all", "one of train, test"),
    ("data", "limit", 1, "≥ 2"),
    ("data", "seed", "x", "a whole number"),
    ("model", "kind", "cnn", "one of mlp"),
    ("model", "latent", 0, "≥ 1"),
    ("model", "latent_distribution", "cauchy", "one of normal, uniform"),
    ("model", "generator_hidden", 128, "a list of positive whole numbers"),
    ("model", "generator_activation", "step", "leaky_relu"),
    ("model", "generator_output", "relu", "one of tanh, sigmoid, linear"),
    ("model", "discriminator_hidden", [0], "whole numbers ≥ 1"),
    ("model", "discriminator_activation", 1, "leaky_relu"),
    ("train", "steps", 0, "≥ 1"),
    ("train", "steps", [100, 200], "one value and no range"),
    ("train", "chunks", 0, "≥ 1"),
    ("train", "batch", 64.0, "a whole number ≥ 1"),
    ("train", "discriminator_steps", 101, "≥ 1 and ≤ 100"),
    ("train", "loss", "hinge", "one of non_saturating"),
    ("train", "generator_learning_rate", 0, "> 0"),
    ("train", "discriminator_learning_rate", float("nan"), "> 0"),
    ("train", "beta1", 1.0, "≥ 0 and < 1"),
    ("train", "beta2", "x", "≥ 0 and < 1"),
    ("train", "ema", -0.1, "≥ 0 and < 1"),
    ("penalty", "form", "l2", "one of none, power, norm, elastic"),
    ("penalty", "target", "all", "one of generator, discriminator, both"),
    ("penalty", "order", 0, "> 0 and ≤ 64"),
    ("penalty", "order", 65, "> 0 and ≤ 64"),
    ("penalty", "strength", -1, "≥ 0"),
    ("penalty", "strength", float("inf"), "≥ 0"),
    ("penalty", "strength", True, "≥ 0"),
    ("penalty", "separate_strengths", "yes", "true or false"),
    ("penalty", "weights", 3, "string"),
    ("score", "metric", "is", "one of fid, kid"),
    ("score", "at", "last", "one of final, best"),
    ("score", "folds", 1, "≥ 2 and ≤ 100"),
    ("score", "samples", 1, "≥ 2"),
    ("score", "features", "inception", "classifier"),
    ("score", "dimension", 65, "≥ 1 and ≤ 64"),
    ("score", "feature_share", 1.0, "> 0 and < 1"),
]


@pytest.mark.parametrize(("section", "field", "value", "accepted"), WRONG)
def test_a_wrong_value_names_its_field_itself_and_what_is_accepted(
    section: str, field: str, value: Any, accepted: str
) -> None:
    table = PENALTY if section == "penalty" else {}
    tables = {"penalty": PENALTY} | {section: table | {field: value}}
    message = refusal(tables)
    place, _, rest = message.partition(": ")
    assert place == f"{section}.{field}"
    shown = str(value) if isinstance(value, int | float) else repr(value)[1:-1]
    assert accepted in rest
    assert shown in rest or accepted == "one value and no range"


def test_every_field_has_a_wrong_value_in_these_tests() -> None:
    fields = {
        f"{name}.{field}"
        for name, section in Spec.model_fields.items()
        for field in section.annotation.model_fields  # type: ignore[union-attr]
    }
    # The other coefficients are fields of the same type as the strength.
    alike = {field for field in fields if field.endswith(("l1", "l2", "_strength"))}
    assert fields - alike == {f"{section}.{field}" for section, field, _, _ in WRONG}


@pytest.mark.parametrize(
    ("section", "field"),
    [
        (name, field)
        for name in ("study", "data", "score")
        for field in Spec.model_fields[name].annotation.model_fields  # type: ignore[union-attr]
        if field != "name"
    ],
)
def test_study_data_and_score_take_no_ranges(section: str, field: str) -> None:
    for searched in ([1, 2], {"low": 1, "high": 2}):
        message = refusal({"penalty": PENALTY, section: {field: searched}})
        assert message.startswith(f"{section}.{field}: takes one value and no range; accepted: ")


def test_chunks_that_do_not_divide_the_steps_are_refused() -> None:
    assert refusal({"penalty": PENALTY, "train": {"steps": 100, "chunks": 8}}) == (
        "train: steps must be a multiple of chunks, got steps = 100, chunks = 8"
    )


def test_two_mistakes_are_two_messages() -> None:
    with pytest.raises(UserError) as caught:
        spec(train={"batch": 0}, score={"folds": 1})
    first, second = str(caught.value).split("\n")
    assert first.startswith("study.toml: train.batch: got 0")
    assert second.startswith("study.toml: score.folds: got 1")


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        spec().study.seed = 3  # type: ignore[misc]


SEARCHED: dict[str, Any] = {
    "model": {"generator_hidden": [[8], [16, 16]], "latent": {"low": 2, "high": 8, "step": 2}},
    "train": {"generator_learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}, "ema": 0.99},
    "penalty": {
        "form": ["power", "none"],
        "strength": {"low": 0, "high": 1, "step": 0.25},
        "order": [1, 1.5],
    },
}


def test_ranges_lists_every_range_by_its_path() -> None:
    assert spec(**SEARCHED).ranges() == {
        "model.generator_hidden": Choices(((8,), (16, 16))),
        "model.latent": Interval(2, 8, step=2),
        "train.generator_learning_rate": Interval(1e-5, 1e-3, log=True),
        "penalty.form": Choices(("power", "none")),
        "penalty.strength": Interval(0.0, 1.0, step=0.25),
        "penalty.order": Choices((1.0, 1.5)),
    }
    assert spec().ranges() == {}


def through_toml(given_spec: Spec) -> Spec:
    text = tomlkit.dumps(given_spec.plain())
    return spec_from_tables(tomllib.loads(text), "again")


@pytest.mark.parametrize("sections", [{}, SEARCHED, {"data": {"path": 'a "b"\\c', "limit": 9}}])
def test_a_spec_written_down_as_toml_reads_as_the_same_spec(sections: dict[str, Any]) -> None:
    assert through_toml(spec(**sections)) == spec(**sections)


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_studies_load_survive_toml_and_carry_their_own_name(name: str) -> None:
    study = load_spec(name)
    assert study.study.name == name
    assert study.ranges()
    assert through_toml(study) == study


def test_with_values_sets_and_unsets_fields_and_leaves_the_rest() -> None:
    before = spec(**SEARCHED)
    after = before.with_values(
        {
            "penalty.form": "elastic",
            "penalty.l1": 0.5,
            "penalty.l2": Interval(0.0, 1.0),
            "penalty.strength": None,
            "penalty.order": None,
            "model.generator_hidden": "32-16",
            "data.limit": None,
        }
    )
    expected = before.plain()
    expected["penalty"] = {
        "form": "elastic",
        "target": "both",
        "l1": 0.5,
        "l2": {"low": 0.0, "high": 1.0},
        "separate_strengths": False,
        "weights": "kernel$",
    }
    expected["model"]["generator_hidden"] = [32, 16]
    assert after.plain() == expected
    assert before == spec(**SEARCHED)


def test_with_values_checks_what_it_sets() -> None:
    with pytest.raises(ValueError, match=r"got -1"):
        spec().with_values({"train.batch": -1})


@settings(max_examples=60)
@given(
    steps=st.integers(1, 10**6),
    strengths=st.tuples(st.floats(1e-30, 1e30), st.floats(1e-30, 1e30)).filter(
        lambda pair: pair[0] < pair[1]
    ),
    log=st.booleans(),
    orders=st.lists(st.floats(min_value=1, max_value=64, allow_nan=False), min_size=1, unique=True),
    widths=st.lists(st.lists(st.integers(1, 4096), max_size=4).map(tuple), min_size=1, unique=True),
    rate=st.floats(1e-30, 1e30),
)
def test_any_valid_spec_survives_toml(
    steps: int,
    strengths: tuple[float, float],
    log: bool,
    orders: list[float],
    widths: list[tuple[int, ...]],
    rate: float,
) -> None:
    low, high = strengths
    study = spec(
        train={"steps": steps, "chunks": 1, "generator_learning_rate": rate},
        model={"discriminator_hidden": [list(width) for width in widths]},
        penalty={
            "form": ["norm", "none"],
            "strength": {"low": low, "high": high, "log": log},
            "order": orders,
        },
    )
    assert study.ranges() == {
        "model.discriminator_hidden": Choices(tuple(widths)),
        "penalty.form": Choices(("norm", "none")),
        "penalty.order": Choices(tuple(orders)),
        "penalty.strength": Interval(low, high, log),
    }
    assert study.train.generator_learning_rate == rate
    assert through_toml(study) == study
