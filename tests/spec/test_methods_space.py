"""The search space of a spec with methods, and of fields that count only at times."""

import itertools
from typing import Any

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.baseline import baseline, held_in_the_middle
from normsweep.spec.grid import grid
from normsweep.spec.space import check_ranges, middle, resolve, unconditional_space

STRENGTH = {"low": 1e-6, "high": 1e-2, "log": True}
LOG = FloatDistribution(1e-6, 1e-2, log=True)
METHODS: dict[str, Any] = {
    "lasso": {"penalty": {"form": "power", "order": 1, "strength": STRENGTH}},
    "ball": {"penalty": {"form": "l2_ball", "radius": [1, 2]}},
    "r1": {"gradient_penalty": {"kind": "r1", "strength": STRENGTH, "every": [1, 4]}},
}


def spec(**sections: Any) -> Spec:
    return spec_from_tables(sections, "f")


def asked_for(study: Spec, answers: dict[str, Any]) -> tuple[Spec, str | None, dict[str, Any]]:
    """Config and method of these answers, and what was asked, in order; the rest: its middle."""
    asked: dict[str, BaseDistribution] = {}

    def ask(name: str, distribution: BaseDistribution) -> Any:
        assert name not in asked
        asked[name] = distribution
        return answers.get(name, middle(distribution))

    return *resolve(study, ask), asked


@pytest.mark.parametrize(
    ("method", "asked", "sections"),
    [
        (
            "lasso",
            {"lasso.penalty.strength": LOG},
            {"penalty": {"form": "power", "order": 1, "strength": 1e-4}},
        ),
        (
            "ball",
            {"ball.penalty.radius": CategoricalDistribution([1.0, 2.0])},
            {"penalty": {"form": "l2_ball", "radius": 1}},
        ),
        (
            "r1",
            {
                "r1.gradient_penalty.strength": LOG,
                "r1.gradient_penalty.every": CategoricalDistribution([1, 4]),
            },
            {"gradient_penalty": {"kind": "r1", "strength": 1e-4}},
        ),
    ],
)
def test_a_trial_is_asked_its_method_then_what_that_searches_under_its_name(
    method: str, asked: dict[str, BaseDistribution], sections: dict[str, Any]
) -> None:
    study = spec(methods=METHODS, train={"beta1": [0.0, 0.5]})
    answers = {"method": method, "train.beta1": 0.5}
    answers |= {name: 1e-4 for name in asked if name.endswith("strength")}
    config, chosen, found = asked_for(study, answers)
    assert chosen == method
    assert next(iter(found)) == "method"
    shared = {
        "method": CategoricalDistribution(list(METHODS)),
        "train.beta1": CategoricalDistribution([0.0, 0.5]),
    }
    assert found == shared | asked
    assert config == spec(train={"beta1": 0.5}, **sections)
    assert config.ranges() == {}
    assert config.methods == {}


def test_a_method_that_searches_what_the_spec_does_too_has_a_parameter_of_its_own() -> None:
    study = spec(
        methods=METHODS | {"slow": {"train": {"beta1": {"low": 0.5, "high": 0.9}}}},
        train={"beta1": [0.0, 0.5]},
    )
    _, _, asked = asked_for(study, {"method": "slow"})
    assert asked["slow.train.beta1"] == FloatDistribution(0.5, 0.9)
    assert "train.beta1" not in asked
    _, _, asked = asked_for(study, {"method": "ball"})
    assert "train.beta1" in asked


def test_shared_strengths_asked_network_by_network_keep_the_method_s_name() -> None:
    penalty = METHODS["lasso"]["penalty"] | {"separate_strengths": True}
    study = spec(methods={"lasso": {"penalty": penalty}})
    _, _, asked = asked_for(study, {})
    assert list(asked) == [
        "method",
        "lasso.penalty.generator_strength",
        "lasso.penalty.discriminator_strength",
    ]
    check_ranges(study)
    check_ranges(spec(penalty=penalty))


def test_the_grid_of_methods_has_each_one_s_points_beside_each_other() -> None:
    study = spec(
        methods={
            "lasso": {"penalty": {"form": "power", "order": 1, "strength": [1.0, 2.0, 3.0]}},
            "ball": METHODS["ball"],
            "plain": {"train": {"batch": 8}},
        },
        train={"beta1": [0.0, 0.5]},
    )
    points = grid(study)
    expected = [
        {"method": method, "train.beta1": beta1} | own
        for method, owns in {
            "lasso": [{"lasso.penalty.strength": value} for value in (1.0, 2.0, 3.0)],
            "ball": [{"ball.penalty.radius": value} for value in (1.0, 2.0)],
            "plain": [{}],
        }.items()
        for beta1, own in itertools.product([0.0, 0.5], owns)
    ]
    assert sorted(map(sorted_items, points)) == sorted(map(sorted_items, expected))


def sorted_items(point: dict[str, Any]) -> str:
    return str(sorted(point.items()))


def test_a_grid_over_a_method_s_range_without_steps_names_it() -> None:
    with pytest.raises(UserError, match=r"^methods\.lasso\.penalty\.strength: a grid needs a list"):
        grid(spec(methods=METHODS))


def test_the_unconditional_space_of_methods_is_what_they_share() -> None:
    study = spec(methods=METHODS, train={"beta1": [0.0, 0.5]})
    assert unconditional_space(study) == {
        "method": CategoricalDistribution(list(METHODS)),
        "train.beta1": CategoricalDistribution([0.0, 0.5]),
    }


CONDITIONAL: list[tuple[dict[str, Any], dict[str, Any], set[str], dict[str, Any]]] = [
    (
        {"gradient_penalty": {"kind": ["none", "r1"], "strength": STRENGTH, "every": [1, 4]}},
        {"gradient_penalty.kind": "none"},
        {"gradient_penalty.kind"},
        {},
    ),
    (
        {"augment": {"policy": ["none", "cutout"], "strength": [0.5, 1], "images": "real"}},
        {"augment.policy": "none"},
        {"augment.policy"},
        {},
    ),
    (
        {"train": {"optimizer": ["adam", "sgd"], "momentum": [0.5, 0.9], "beta1": [0.0, 0.5]}},
        {"train.optimizer": "sgd"},
        {"train.optimizer", "train.momentum"},
        {"train": {"optimizer": "sgd", "momentum": 0.5}},
    ),
    (
        {"train": {"optimizer": ["adam", "adamw"], "weight_decay": 0.1}},
        {"train.optimizer": "adam"},
        {"train.optimizer"},
        {},
    ),
    (
        {"train": {"loss": ["hinge", "minimax"], "label_smoothing": [0.1, 0.2]}},
        {"train.loss": "hinge"},
        {"train.loss"},
        {"train": {"loss": "hinge"}},
    ),
    (
        {
            "train": {
                "learning_rate_schedule": ["constant", "cosine"],
                "learning_rate_end": [0.1, 0.2],
            }
        },
        {"train.learning_rate_schedule": "constant"},
        {"train.learning_rate_schedule"},
        {},
    ),
    (
        {
            "penalty": {
                "form": ["power", "l2_ball"],
                "strength": STRENGTH,
                "order": 1,
                "radius": 2,
                "coupling": ["decoupled", "loss"],
                "schedule": "linear",
                "schedule_end": [1, 2],
                "scope": "layer",
                "reduction": "mean",
            }
        },
        {"penalty.form": "l2_ball"},
        {"penalty.form"},
        {"penalty": {"form": "l2_ball", "radius": 2, "scope": "layer"}},
    ),
    (
        {
            "penalty": {
                "strength": 1,
                "order": 1,
                "schedule": ["adaptive", "step"],
                "schedule_begin": [0.25, 0.5],
                "adaptive_target": [0.1, 0.2],
            }
        },
        {"penalty.schedule": "step", "penalty.schedule_begin": 0.5},
        {"penalty.schedule", "penalty.schedule_begin"},
        {"penalty": {"strength": 1, "order": 1, "schedule": "step", "schedule_begin": 0.5}},
    ),
    (
        {
            "penalty": {
                "strength": 1,
                "order": 1,
                "scope": ["layer", "network"],
                "reduction": ["mean", "sum"],
            }
        },
        {"penalty.scope": "network"},
        {"penalty.scope"},
        {"penalty": {"strength": 1, "order": 1}},
    ),
]


@pytest.mark.parametrize(("sections", "answers", "asked", "expected"), CONDITIONAL)
def test_what_has_no_effect_is_not_asked_for_and_is_at_its_default(
    sections: dict[str, Any],
    answers: dict[str, Any],
    asked: set[str],
    expected: dict[str, Any],
) -> None:
    study = spec(**sections)
    config, _, found = asked_for(study, answers)
    assert set(found) == asked
    assert config == spec(**expected)
    assert unconditional_space(study).keys() <= asked
    check_ranges(study)


@pytest.mark.parametrize("sections", [entry[0] for entry in CONDITIONAL])
def test_every_answer_makes_a_valid_config_without_ranges(sections: dict[str, Any]) -> None:
    study = spec(**sections)
    controls = [name for name, entry in study.ranges().items() if hasattr(entry, "options")]
    for choice in itertools.product(
        *(unconditional_choices(study, name) for name in controls),
    ):
        config, _, _ = asked_for(study, dict(zip(controls, choice, strict=True)))
        assert config.ranges() == {}
    assert baseline(study).ranges() == {}


def unconditional_choices(study: Spec, path: str) -> list[Any]:
    return list(study.ranges()[path].options)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"train": {"learning_rate_end": [0.1, 0.2]}}, "train.learning_rate_end"),
        ({"train": {"optimizer": "sgd", "beta1": [0.1, 0.2]}}, "train.beta1"),
        (
            {"train": {"optimizer": ["adam", "sgd"], "weight_decay": {"low": 0.0, "high": 0.1}}},
            "train.weight_decay",
        ),
        ({"gradient_penalty": {"every": [1, 2]}}, "gradient_penalty.every"),
        ({"augment": {"strength": [0.5, 1]}}, "augment.strength"),
        ({"augment": {"images": ["both", "real"]}}, "augment.images"),
        ({"penalty": {"form": "none", "target": ["both", "generator"]}}, "penalty.target"),
        (
            {
                "methods": {"slow": {"train": {"beta1": 0.9}}, "fast": {"train": {"beta1": 0.0}}},
                "train": {"beta1": [0.0, 0.5]},
            },
            "train.beta1",
        ),
        (
            {
                "methods": {
                    "lasso": METHODS["lasso"],
                    "idle": {"gradient_penalty": {"every": [1, 2]}},
                }
            },
            "methods.idle.gradient_penalty.every",
        ),
    ],
)
def test_a_range_that_no_trial_would_ask_for_is_refused(
    sections: dict[str, Any], path: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_ranges(spec(**sections))
    assert str(caught.value) == f"{path}: is searched, but has no effect on any trial"


WIDE = {"generator_hidden": [[32, 16], [64]], "discriminator_hidden": [24, 8]}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"model": {"discriminator_dropout": {"low": 0, "high": 0.5}, "generator_dropout": 0.1}},
            {"model": {"generator_dropout": 0.1}},
        ),
        (
            {"model": WIDE | {"generator_units": [4, 8], "discriminator_units": 4}},
            {
                "model": {
                    "generator_hidden": [32, 16],
                    "generator_units": 64,
                    "discriminator_hidden": [24, 8],
                    "discriminator_units": 4,
                }
            },
        ),
        (
            {"model": {"generator_layers": [1, 2], "discriminator_layers": 1}},
            {"model": {"discriminator_layers": 1}},
        ),
        (
            {
                "model": {
                    "generator_normalisation": ["batch", "layer"],
                    "discriminator_normalisation": ["spectral", "none"],
                }
            },
            {"model": {"generator_normalisation": "batch"}},
        ),
        (
            {"train": {"optimizer": "adamw", "weight_decay": STRENGTH, "label_smoothing": [0.1]}},
            {"train": {"optimizer": "adamw", "weight_decay": 0.0}},
        ),
        (
            {"train": {"optimizer": ["adam", "adamw"], "weight_decay": STRENGTH}},
            {"train": {"optimizer": "adam"}},
        ),
        (
            {"train": {"loss": ["hinge", "minimax"], "label_smoothing": 0.1}},
            {"train": {"loss": "hinge"}},
        ),
        ({"gradient_penalty": {"kind": "r1", "strength": STRENGTH, "every": 4}}, {}),
        ({"gradient_penalty": {"kind": ["r1", "r2"], "strength": 1}}, {}),
        (
            {"gradient_penalty": {"kind": "r1", "strength": 1, "every": 4}},
            {"gradient_penalty": {"kind": "r1", "strength": 1, "every": 4}},
        ),
        ({"augment": {"policy": "cutout", "strength": [0.5, 1.0]}}, {}),
        (
            {"augment": {"policy": "cutout", "strength": 0.5}},
            {"augment": {"policy": "cutout", "strength": 0.5}},
        ),
        (
            {"penalty": {"form": "l2_ball", "radius": 3, "scope": "layer", "weights": "bias$"}},
            {"penalty": {"form": "none", "weights": "bias$"}},
        ),
        ({"methods": METHODS, "model": {"latent": 8}}, {"model": {"latent": 8}}),
        (
            {"methods": METHODS, "augment": {"policy": "cutout", "strength": 0.5}},
            {"augment": {"policy": "cutout", "strength": 0.5}},
        ),
    ],
)
def test_a_baseline_keeps_the_regularisers_that_are_fixed_and_none_that_is_searched(
    sections: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert baseline(spec(**sections)) == spec(**expected)


def test_settings_that_do_not_regularise_are_told_as_held_in_the_middle() -> None:
    study = spec(
        model=WIDE | {"generator_units": [4, 8], "latent": [4, 8]},
        train={"beta1": [0.0, 0.5], "label_smoothing": [0.0, 0.1], "ema": [0.0, 0.9]},
        methods=METHODS,
    )
    assert held_in_the_middle(study) == [
        "model.latent",
        "model.generator_hidden",
        "train.beta1",
        "train.ema",
    ]
    normalised = spec(
        model={
            "generator_normalisation": ["batch", "layer"],
            "discriminator_normalisation": ["spectral", "none"],
        }
    )
    assert held_in_the_middle(normalised) == ["model.generator_normalisation"]


def test_whole_numbers_of_units_are_searched_as_such() -> None:
    study = spec(model={"generator_units": {"low": 8, "high": 128, "log": True}})
    config, _, asked = asked_for(study, {})
    assert asked == {"model.generator_units": IntDistribution(8, 128, log=True)}
    assert config.model.generator_units == 32


def test_a_study_that_searches_nothing_needs_a_penalty_to_compare() -> None:
    check_ranges(spec(penalty={"form": "power", "strength": 1e-3, "order": 2.0}))
    with pytest.raises(UserError, match=r"no penalty to compare.*accepted: .*such as \[1e-4\]"):
        check_ranges(spec(penalty={"form": "none"}))
