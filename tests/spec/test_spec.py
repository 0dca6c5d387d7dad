"""The sections of a spec: their fields, their defaults, and each mistake told in one message."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from normsweep.errors import UserError
from normsweep.spec import Choices, Interval, Spec, built_in_names, load_spec, spec_from_tables
from normsweep.spec.family import FAMILIES, NETWORKS, PLAYERS

PENALTY = {"strength": 1e-3, "order": 1.5}
SECTIONS = [name for name in Spec.model_fields if name != "methods"]


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


ACTS_AS_BY_DEFAULT = {
    "separate_strengths": False,
    "weights": "kernel$",
    "biases": False,
    "scope": "network",
    "reduction": "sum",
    "coupling": "loss",
    "schedule": "constant",
    "schedule_start": 0.0,
    "schedule_end": 1.0,
    "schedule_begin": 0.0,
    "schedule_finish": 1.0,
    "adaptive_signal": "real_sign",
    "adaptive_target": 0.6,
    "adaptive_speed": 2.0,
}
"""The fields of the penalty section beside its coefficients."""


def test_a_penalty_is_enough_and_all_else_has_a_default() -> None:
    assert spec().plain() == {
        "study": {
            "name": "study",
            "trials": 40,
            "seed": 0,
            "sampler": "tpe",
            "pruner": "none",
            "begin": "drawn",
            "startup_trials": 10,
            "pruner_warmup": 1,
            "pruner_percentile": 25.0,
            "slots": 4,
        },
        "data": {"source": "digits", "split": "train", "seed": 0},
        "model": {
            "family": "gan",
            "network": "mlp",
            "latent": 64,
            "latent_distribution": "normal",
            "generator_hidden": [128, 128],
            "generator_activation": "leaky_relu",
            "generator_output": "tanh",
            "generator_normalisation": "none",
            "discriminator_hidden": [128, 128],
            "discriminator_activation": "leaky_relu",
            "discriminator_normalisation": "none",
        },
        "train": {
            "steps": 4000,
            "chunks": 8,
            "batch": 64,
            "precision": "float32",
            "discriminator_steps": 1,
            "loss": "non_saturating",
            "label_smoothing": 0.0,
            "optimizer": "adam",
            "generator_learning_rate": 2e-4,
            "discriminator_learning_rate": 2e-4,
            "learning_rate_schedule": "constant",
            "learning_rate_end": 0.0,
            "learning_rate_warmup": 0.0,
            "beta1": 0.5,
            "beta2": 0.999,
            "decay": 0.9,
            "ema": 0.0,
        },
        "penalty": {
            "form": "power",
            "target": "both",
            "order": 1.5,
            "strength": 1e-3,
            **ACTS_AS_BY_DEFAULT,
        },
        "gradient_penalty": {"kind": "none", "every": 1, "images": "raw", "rescale_adam": False},
        "augment": {"policy": "none", "images": "both"},
        "score": {
            "metric": "fid",
            "record": [],
            "at": "final",
            "folds": 3,
            "features": "classifier",
            "dimension": 32,
            "feature_share": 0.3,
        },
        "confirm": {
            "seeds": 0,
            "replicates": 0,
            "images": "these",
            "looks": "each",
            "top": 3,
            "holdout": 0.0,
        },
        "service": {
            "retries": 3,
            "checkpoint_every": 5,
            "keep_checkpoints": 0,
            "storage_patience": 600.0,
        },
        "stop": {"noise": 1.0},
    }


def test_a_spec_without_a_penalty_has_none() -> None:
    assert spec_from_tables({}, "study.toml").penalty.form == "none"
    assert spec_from_tables({}, "study.toml").ranges() == {}


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
        "metric, second, record, require, at, folds, samples, features, dimension, feature_share"
    )


@pytest.mark.parametrize("section", SECTIONS)
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
    (
        "study",
        "pruner",
        "all",
        "one of none, median, percentile, successive_halving, hyperband, paired",
    ),
    ("study", "begin", "first", "one of drawn, suggested"),
    ("study", "startup_trials", 0, "≥ 1"),
    ("study", "pruner_warmup", -1, "≥ 0"),
    ("study", "pruner_percentile", 101, "≥ 0 and ≤ 100"),
    ("study", "slots", 0, "≥ 1 and ≤ 1024"),
    ("data", "source", "cifar", "digits"),
    ("data", "path", 3, "a text"),
    ("data", "split", "all", "one of train, test"),
    ("data", "limit", 1, "≥ 2"),
    ("data", "size", 0, "≥ 1 and ≤ 4096"),
    ("data", "colour", "blue", "one of grey, rgb"),
    ("data", "range", [255, 0], "[low, high], two numbers, the first below the second"),
    ("data", "range", [0, "x"], "[low, high]"),
    ("data", "range", {"low": 0, "high": 1}, "[low, high]"),
    ("data", "range", [0, 1, 2], "[low, high]"),
    ("data", "seed", "x", "a whole number"),
    ("model", "family", "cnn", "one of gan, conditional, vae, rae, autoencoder, cyclegan"),
    ("model", "network", "cnn", "one of mlp"),
    ("model", "settings", 3, "a table of numbers, texts"),
    ("model", "initial", 3, "a text"),
    ("model", "latent", 0, "≥ 1"),
    ("model", "latent_distribution", "cauchy", "one of normal, uniform"),
    ("model", "code_law", "uniform", "one of gaussian, mixture"),
    ("model", "generator_condition", "class", "one of embedding, batch_norm"),
    ("model", "discriminator_condition", "acgan", "one of projection, concatenation"),
    ("model", "generator_hidden", 128, "a list of positive whole numbers"),
    ("model", "generator_activation", "step", "leaky_relu"),
    ("model", "generator_output", "relu", "one of tanh, sigmoid, linear"),
    ("model", "generator_layers", 0, "≥ 1"),
    ("model", "generator_channels", 0, "≥ 1"),
    ("model", "generator_units", 1.5, "a whole number ≥ 1"),
    (
        "model",
        "generator_normalisation",
        "group",
        "one of none, batch, layer, instance, weight, spectral",
    ),
    ("model", "generator_dropout", 1.0, "≥ 0 and < 1"),
    ("model", "discriminator_hidden", [0], "whole numbers ≥ 1"),
    ("model", "discriminator_activation", 1, "leaky_relu"),
    ("model", "discriminator_layers", -1, "≥ 1"),
    ("model", "discriminator_channels", "many", "a whole number"),
    ("model", "discriminator_units", 0, "≥ 1"),
    (
        "model",
        "discriminator_normalisation",
        True,
        "one of none, batch, layer, instance, weight, spectral",
    ),
    ("model", "discriminator_dropout", -0.5, "≥ 0 and < 1"),
    ("train", "steps", 0, "≥ 1"),
    ("train", "steps", [100, 200], "one value and no range"),
    ("train", "chunks", 0, "≥ 1"),
    ("train", "batch", 64.0, "a whole number ≥ 1"),
    ("train", "precision", "float16", "one of float32, bfloat16"),
    ("train", "discriminator_steps", 101, "≥ 1 and ≤ 100"),
    ("train", "loss", "wgan", "one of non_saturating, minimax, hinge"),
    ("train", "label_smoothing", 1.0, "≥ 0 and < 1"),
    ("train", "likelihood", "poisson", "one of bernoulli, gaussian, logistic"),
    ("train", "likelihood_scale", 0, "> 0"),
    ("train", "beta", -1.0, "≥ 0"),
    ("train", "kl_warmup", 1.5, "≥ 0 and ≤ 1"),
    ("train", "free_bits", -0.1, "≥ 0"),
    ("train", "cycle_a", -1.0, "≥ 0"),
    ("train", "cycle_b", "x", "≥ 0"),
    ("train", "identity_a", -0.5, "≥ 0"),
    ("train", "identity_b", float("inf"), "≥ 0"),
    ("train", "image_pool", -1, "≥ 0 and ≤ 65536"),
    ("train", "reconstruction_weight", -1.0, "≥ 0"),
    ("train", "code_weight", "x", "≥ 0"),
    ("train", "jacobian_weight", float("inf"), "≥ 0"),
    ("train", "auxiliary_weight", -1.0, "≥ 0"),
    ("train", "optimizer", "lion", "one of adam, adamw, sgd, rmsprop"),
    ("train", "learning_rate_schedule", "step", "one of constant, linear, cosine, exponential"),
    ("train", "learning_rate_end", 1.5, "≥ 0 and ≤ 1"),
    ("train", "learning_rate_warmup", 1.0, "≥ 0 and < 1"),
    ("train", "momentum", 1.0, "≥ 0 and < 1"),
    ("train", "weight_decay", -0.1, "≥ 0"),
    ("train", "generator_learning_rate", 0, "> 0"),
    ("train", "discriminator_learning_rate", float("nan"), "> 0"),
    ("train", "beta1", 1.0, "≥ 0 and < 1"),
    ("train", "beta2", "x", "≥ 0 and < 1"),
    ("train", "decay", 1.0, "≥ 0 and < 1"),
    ("train", "ema", -0.1, "≥ 0 and < 1"),
    ("penalty", "form", "l2", "one of none, power, norm, elastic"),
    ("penalty", "target", "critic", "one of generator, discriminator, "),
    ("penalty", "order", 0, "> 0 and ≤ 64"),
    ("penalty", "order", 65, "> 0 and ≤ 64"),
    ("penalty", "strength", -1, "≥ 0"),
    ("penalty", "strength", float("inf"), "≥ 0"),
    ("penalty", "strength", True, "≥ 0"),
    ("penalty", "radius", 0, "> 0"),
    ("penalty", "radius", -2.0, "> 0"),
    ("penalty", "separate_strengths", "yes", "true or false"),
    ("penalty", "weights", 3, "string"),
    ("penalty", "biases", 1, "true or false"),
    ("penalty", "scope", "unit", "one of network, layer"),
    ("penalty", "reduction", "max", "one of sum, mean"),
    ("penalty", "coupling", "adamw", "one of loss, decoupled, proximal"),
    ("penalty", "schedule", "ramp", "one of constant, linear, cosine, step, adaptive"),
    ("penalty", "schedule_start", -1.0, "≥ 0"),
    ("penalty", "schedule_end", -1.0, "≥ 0"),
    ("penalty", "schedule_begin", 1.5, "≥ 0 and ≤ 1"),
    ("penalty", "schedule_finish", -0.5, "≥ 0 and ≤ 1"),
    ("penalty", "adaptive_signal", "loss", "one of real_sign, held_out"),
    ("penalty", "adaptive_target", 2.0, "≥ -1 and ≤ 1"),
    ("penalty", "adaptive_speed", 0, "> 0"),
    ("gradient_penalty", "kind", "r3", "one of none, wgan_gp, r1, r2, dragan, zero_centred"),
    ("gradient_penalty", "strength", -1, "≥ 0"),
    ("gradient_penalty", "every", 0, "≥ 1"),
    ("gradient_penalty", "images", "real", "one of raw, augmented"),
    ("gradient_penalty", "rescale_adam", 1, "true or false"),
    ("augment", "policy", "flip", "one of none, brightness, translation, cutout"),
    ("augment", "policy", "cutout+cutout", "one of none, brightness, translation, cutout"),
    ("augment", "strength", 1.5, "≥ 0 and ≤ 1"),
    ("augment", "images", "fake", "one of both, real"),
    ("score", "metric", "is", "one of fid, fid_infinity, fid_training, kid"),
    ("score", "second", "fidelity", "one of fid, fid_infinity, fid_training, kid"),
    ("score", "record", ["recall", "colour"], "a list of names out of fid, fid_infinity"),
    ("score", "record", "recall", "a list of names out of fid, fid_infinity"),
    ("score", "require", [1], "a table of bounds, such as"),
    ("score", "at", "last", "one of final, best"),
    ("score", "folds", 1, "≥ 2 and ≤ 100"),
    ("score", "samples", 1, "≥ 2"),
    ("score", "features", "inception", "classifier"),
    ("score", "dimension", 65, "≥ 1 and ≤ 64"),
    ("score", "feature_share", 1.0, "> 0 and < 1"),
    ("confirm", "seeds", -1, "≥ 0"),
    ("confirm", "replicates", -1, "≥ 0 and ≤ 10000"),
    ("confirm", "images", "thirds", "these, shards, halves"),
    ("confirm", "looks", "never", "each, end"),
    ("confirm", "smallest", "0.5", '> 0, or "0.5 sd"'),
    ("confirm", "top", 0, "≥ 1"),
    ("confirm", "holdout", 1.0, "< 1"),
    ("service", "retries", -1, "≥ 0"),
    ("service", "checkpoint_every", 0, "≥ 1"),
    ("service", "keep_checkpoints", 1.5, "a whole number"),
    ("service", "storage_patience", -1, "≥ 0"),
    ("stop", "patience", 0, "≥ 1"),
    ("stop", "noise", 0.0, "> 0"),
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
        for name in SECTIONS
        for field in Spec.model_fields[name].annotation.model_fields  # type: ignore[union-attr]
    }
    # The other coefficients are fields of the same type as the strength, or the radius.
    alike = {field for field in fields if field.endswith(("l1", "l2", "_strength", "_radius"))}
    # So are those of the networks and players of other families.
    others = {*NETWORKS, *PLAYERS} - {*FAMILIES["gan"].networks}
    alike |= {field for field in fields if field.split(".")[1].split("_")[0] in others}
    assert fields - alike == {f"{section}.{field}" for section, field, _, _ in WRONG}


@pytest.mark.parametrize(
    ("section", "field"),
    [
        (name, field)
        for name in ("study", "data", "score", "confirm", "service", "stop")
        for field in Spec.model_fields[name].annotation.model_fields  # type: ignore[union-attr]
        # A list is a value of these, and a table of that one.
        if field not in ("name", "record", "range", "require")
    ],
)
def test_study_data_and_score_take_no_ranges(section: str, field: str) -> None:
    for searched in ([1, 2], {"low": 1, "high": 2}):
        message = refusal({"penalty": PENALTY, section: {field: searched}})
        assert message.startswith(f"{section}.{field}: takes one value and no range; accepted: ")


def test_rescaling_for_a_penalty_in_every_step_is_refused() -> None:
    given = {"kind": "r1", "strength": 1.0, "rescale_adam": True}
    assert refusal({"gradient_penalty": given}) == (
        "gradient_penalty: rescale_adam = true has no effect with every = 1; it counts above 1"
    )
    spec_from_tables({"gradient_penalty": given | {"every": [1, 4]}}, "f")


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
    "score": {"second": "recall", "record": ["coverage", "copying"]},
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
        **ACTS_AS_BY_DEFAULT,
    }
    expected["model"]["generator_hidden"] = [32, 16]
    assert after.plain() == expected
    assert before == spec(**SEARCHED)


@pytest.mark.parametrize(
    ("section", "table", "told"),
    [
        ("model", {"generator_layers": 3}, "generator_layers: got 3, but generator_hidden has 2"),
        (
            "model",
            {"discriminator_layers": [1, 2], "discriminator_hidden": [[8, 8], [16]]},
            "discriminator_layers: got 2, but discriminator_hidden has 1 widths; accepted: at "
            "most 1",
        ),
        ("gradient_penalty", {"kind": "r1"}, 'kind = "r1" needs strength'),
        ("gradient_penalty", {"kind": ["none", "r2"]}, 'kind = "none", "r2" needs strength'),
        ("augment", {"policy": "cutout"}, 'policy = "cutout" needs strength'),
        ("score", {"second": "fid"}, 'second = "fid" is the metric already'),
    ],
)
def test_settings_that_do_not_go_together_in_one_section_are_refused(
    section: str, table: dict[str, Any], told: str
) -> None:
    assert refusal({section: table}).startswith(f"{section}: {told}")


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ({"pruner": "median"}, 'study.pruner = "median" needs one objective, and score.second'),
        ({"sampler": "cmaes"}, 'study.sampler = "cmaes" needs one objective, and score.second'),
    ],
)
def test_two_objectives_are_no_matter_for_pruners_and_cmaes(
    study: dict[str, Any], told: str
) -> None:
    message = refusal({"penalty": PENALTY, "study": study, "score": {"second": "recall"}})
    assert message.startswith(told)
    assert "accepted: " in message


def test_metrics_to_record_are_a_list_in_every_format() -> None:
    recorded = spec(score={"record": ["recall", "copying"]})
    assert recorded.score.record == ("recall", "copying")
    assert recorded.plain()["score"]["record"] == ["recall", "copying"]
    assert isinstance(recorded.plain()["score"]["record"], list)


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


@pytest.mark.parametrize(
    "train",
    [
        {"learning_rate_schedule": "exponential"},
        {"learning_rate_schedule": ["cosine", "exponential"], "learning_rate_end": [0.1, 0.0]},
        {
            "learning_rate_schedule": "exponential",
            "learning_rate_end": {"low": 0.0, "high": 1.0},
        },
    ],
)
def test_a_learning_rate_that_never_comes_to_its_end_is_refused(train: dict[str, Any]) -> None:
    assert refusal({"train": train}) == (
        'train: learning_rate_end with learning_rate_schedule = "exponential": got 0.0, to which '
        "no equal factors lead; accepted: a number ≥ 2.4e-38"
    )
    spec_from_tables({"train": train | {"learning_rate_end": [0.1, 1e-9]}}, "f")
    spec_from_tables({"train": train | {"learning_rate_schedule": "cosine"}}, "f")
