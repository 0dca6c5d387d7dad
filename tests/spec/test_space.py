"""The search space of a spec: what is asked for, what a config gets, and the whole grid."""

import itertools
import math
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from normsweep.errors import UserError
from normsweep.spec import Choices, Interval, Spec, spec_from_tables
from normsweep.spec.baseline import baseline
from normsweep.spec.grid import grid
from normsweep.spec.space import distribution, middle, resolve, unconditional_space

STRENGTH = {"low": 1e-6, "high": 1e-1, "log": True}
ORDER = {"low": 1.0, "high": 2.0}
TARGETS = ["generator", "discriminator", "both"]


def spec(penalty: dict[str, Any], **sections: Any) -> Spec:
    return spec_from_tables({"penalty": penalty} | sections, "f")


def asked_for(study: Spec, answers: dict[str, Any]) -> tuple[Spec, Any]:
    """The config of these answers, and what was asked, in order; the rest gets its middle."""
    asked: dict[str, BaseDistribution] = {}

    def ask(path: str, distribution: BaseDistribution) -> Any:
        assert path not in asked
        asked[path] = distribution
        return answers.get(path, middle(distribution))

    config, method = resolve(study, ask)
    assert method is None
    return config, asked


@pytest.mark.parametrize(
    ("searched", "expected"),
    [
        (Interval(0.5, 2.0), FloatDistribution(0.5, 2.0)),
        (Interval(1e-3, 1.0, log=True), FloatDistribution(1e-3, 1.0, log=True)),
        (Interval(0.0, 1.0, step=0.25), FloatDistribution(0.0, 1.0, step=0.25)),
        (Interval(2, 8), IntDistribution(2, 8)),
        (Interval(2, 8, log=True), IntDistribution(2, 8, log=True)),
        (Interval(2, 8, step=3), IntDistribution(2, 8, step=3)),
        (Choices(("a", "b")), CategoricalDistribution(["a", "b"])),
        (Choices((1.0, 2.0)), CategoricalDistribution([1.0, 2.0])),
        (Choices(((128, 64), (8,), ())), CategoricalDistribution(["128-64", "8", ""])),
    ],
)
def test_a_range_is_a_distribution_of_optuna(searched: Any, expected: BaseDistribution) -> None:
    assert distribution(searched) == expected


@pytest.mark.parametrize(
    ("searched", "last"),
    [
        (Interval(0.0, 1.0, step=0.3), 0.9),
        (Interval(0.0, 0.7, step=0.1), 0.7),
        (Interval(0.1, 0.75, step=0.2), 0.7),
        (Interval(1, 10, step=4), 9),
    ],
)
def test_a_range_ends_at_its_last_step_without_a_warning(searched: Interval, last: float) -> None:
    assert distribution(searched).high == last  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "centre"),
    [
        (FloatDistribution(1.0, 2.0), 1.5),
        (FloatDistribution(1e-6, 1e-2, log=True), 1e-4),
        (FloatDistribution(0.0, 1.0, step=0.5), 0.5),
        (FloatDistribution(0.0, 0.6, step=0.1), 0.3),
        (IntDistribution(2, 8), 5),
        (IntDistribution(2, 8, log=True), 4),
        (IntDistribution(0, 100, step=25), 50),
        (IntDistribution(1, 9, step=4), 5),
    ],
)
def test_the_middle_is_halfway_on_the_scale_of_the_range(
    asked: BaseDistribution, centre: Any
) -> None:
    assert middle(asked) == pytest.approx(centre, rel=1e-14)
    assert type(middle(asked)) is type(centre)


def test_the_middle_of_choices_is_the_first() -> None:
    assert middle(CategoricalDistribution(["first", "second"])) == "first"


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 8])
@pytest.mark.parametrize("high", [9, 10, 11])
def test_the_middle_of_a_stepped_range_is_one_of_its_points_nearest_to_halfway(
    step: int, high: int
) -> None:
    points = range(1, high + 1, step)
    found = middle(distribution(Interval(1, high, step=step)))
    assert found in points
    halfway = (points[0] + points[-1]) / 2
    assert abs(found - halfway) == min(abs(point - halfway) for point in points)


def test_a_spec_without_ranges_asks_for_nothing_and_is_its_own_config() -> None:
    fixed = spec({"strength": 1e-3, "order": 1.5, "target": "generator"})
    config, asked = asked_for(fixed, {})
    assert asked == {}
    assert config == fixed


def test_a_config_has_what_was_answered_and_no_range() -> None:
    study = spec(
        {"strength": STRENGTH, "order": ORDER, "target": TARGETS},
        train={"batch": [32, 64]},
        model={"generator_hidden": [[8], [16, 16]]},
    )
    answers = {
        "train.batch": 64,
        "model.generator_hidden": "16-16",
        "penalty.target": "generator",
        "penalty.strength": 1e-2,
        "penalty.order": 1.25,
    }
    config, asked = asked_for(study, answers)
    assert asked == {
        "train.batch": CategoricalDistribution([32, 64]),
        "model.generator_hidden": CategoricalDistribution(["8", "16-16"]),
        "penalty.target": CategoricalDistribution(TARGETS),
        "penalty.strength": FloatDistribution(1e-6, 1e-1, log=True),
        "penalty.order": FloatDistribution(1.0, 2.0),
    }
    assert list(asked)[2] == "penalty.target"
    assert config.ranges() == {}
    assert config == spec(
        {"strength": 1e-2, "order": 1.25, "target": "generator"},
        train={"batch": 64},
        model={"generator_hidden": [16, 16]},
    )


FORMS = {
    "form": ["none", "power", "elastic"],
    "strength": STRENGTH,
    "order": ORDER,
    "l1": {"low": 0.0, "high": 1.0},
    "l2": 0.5,
    "target": TARGETS,
}


@pytest.mark.parametrize(
    ("form", "target", "asked", "penalty"),
    [
        ("none", None, ["form"], {"form": "none"}),
        (
            "power",
            "both",
            ["form", "target", "strength", "order"],
            {"strength": 1e-3, "order": 1.5, "target": "both"},
        ),
        (
            "elastic",
            "generator",
            ["form", "target", "l1"],
            {"form": "elastic", "target": "generator", "l1": 0.5, "l2": 0.5},
        ),
    ],
)
def test_only_the_fields_of_the_chosen_form_are_asked_for(
    form: str, target: str | None, asked: list[str], penalty: dict[str, Any]
) -> None:
    answers = {"penalty.form": form, "penalty.target": target, "penalty.strength": 1e-3}
    config, found = asked_for(spec(FORMS), answers)
    assert list(found) == [f"penalty.{field}" for field in asked]
    assert config == spec(penalty)


@pytest.mark.parametrize(
    ("target", "asked", "penalty"),
    [
        ("generator", ["generator_strength"], {"generator_strength": 1e-2}),
        ("discriminator", ["discriminator_strength"], {"discriminator_strength": 0.25}),
        (
            "both",
            ["generator_strength", "discriminator_strength"],
            {"generator_strength": 1e-2, "discriminator_strength": 0.25},
        ),
    ],
)
def test_separate_strengths_are_asked_for_network_by_network(
    target: str, asked: list[str], penalty: dict[str, Any]
) -> None:
    study = spec(
        {
            "separate_strengths": True,
            "strength": STRENGTH,
            "discriminator_strength": [0.5, 0.25],
            "order": 2,
            "target": TARGETS,
        }
    )
    answers = {
        "penalty.target": target,
        "penalty.generator_strength": 1e-2,
        "penalty.discriminator_strength": 0.25,
    }
    config, found = asked_for(study, answers)
    assert list(found) == [f"penalty.{field}" for field in ["target", *asked]]
    ranges = {
        "penalty.generator_strength": FloatDistribution(1e-6, 1e-1, log=True),
        "penalty.discriminator_strength": CategoricalDistribution([0.5, 0.25]),
    }
    assert all(found[path] == ranges[path] for path in found if path in ranges)
    assert config == spec({"separate_strengths": True, "order": 2, "target": target} | penalty)


def test_the_separate_coefficients_of_an_elastic_net_fall_back_on_the_shared_ones() -> None:
    study = spec(
        {
            "form": "elastic",
            "separate_strengths": True,
            "l1": {"low": 0.0, "high": 1.0},
            "l2": 0.5,
            "discriminator_l2": 0.25,
        }
    )
    config, asked = asked_for(study, {"penalty.generator_l1": 0.125})
    assert list(asked) == ["penalty.generator_l1", "penalty.discriminator_l1"]
    assert config == spec(
        {
            "form": "elastic",
            "separate_strengths": True,
            "generator_l1": 0.125,
            "discriminator_l1": 0.5,
            "generator_l2": 0.5,
            "discriminator_l2": 0.25,
        }
    )


def test_a_baseline_has_no_penalty_and_the_middle_of_all_else() -> None:
    study = spec(
        FORMS | {"weights": "bias$"},
        train={"beta1": {"low": 0.0, "high": 0.5}, "batch": [32, 64]},
    )
    assert baseline(study) == spec(
        {"form": "none", "weights": "bias$"}, train={"beta1": 0.25, "batch": 32}
    )


def test_the_unconditional_space_holds_what_all_trials_are_asked_for() -> None:
    study = spec(
        {"strength": STRENGTH, "order": ORDER, "target": TARGETS}, train={"batch": [32, 64]}
    )
    assert unconditional_space(study) == {
        "train.batch": CategoricalDistribution([32, 64]),
        "penalty.target": CategoricalDistribution(TARGETS),
        "penalty.strength": FloatDistribution(1e-6, 1e-1, log=True),
        "penalty.order": FloatDistribution(1.0, 2.0),
    }


def test_the_unconditional_space_leaves_out_what_depends_on_form_or_target() -> None:
    assert set(unconditional_space(spec(FORMS))) == {"penalty.form"}
    separate = {"separate_strengths": True, "strength": STRENGTH, "order": ORDER}
    assert set(unconditional_space(spec(separate | {"target": TARGETS}))) == {
        "penalty.target",
        "penalty.order",
    }
    assert set(unconditional_space(spec(separate | {"target": ["generator", "both"]}))) == {
        "penalty.target",
        "penalty.order",
        "penalty.generator_strength",
    }


def test_the_unconditional_space_of_a_fixed_spec_is_empty() -> None:
    assert unconditional_space(spec({"strength": 1, "order": 1})) == {}
    assert unconditional_space(spec({"form": "none"})) == {}


def test_a_grid_is_the_product_of_all_choices_and_steps() -> None:
    study = spec(
        {"strength": [0.0, 1e-3], "order": {"low": 1, "high": 2, "step": 0.5}, "target": TARGETS},
        model={"latent": {"low": 8, "high": 24, "step": 8}, "generator_hidden": [[8], []]},
    )
    expected = [
        {
            "model.latent": latent,
            "model.generator_hidden": hidden,
            "penalty.target": target,
            "penalty.strength": strength,
            "penalty.order": order,
        }
        for target, latent, hidden, strength, order in itertools.product(
            TARGETS, [8, 16, 24], ["8", ""], [0.0, 1e-3], [1.0, 1.5, 2.0]
        )
    ]
    points = grid(study)
    assert len(points) == 3 * 3 * 2 * 2 * 3
    assert sorted(map(str, (sorted(point.items()) for point in points))) == sorted(
        map(str, (sorted(point.items()) for point in expected))
    )


def test_the_grid_of_conditional_fields_has_every_combination_once() -> None:
    study = spec(
        {
            "form": ["none", "power", "elastic"],
            "target": ["generator", "both"],
            "strength": [1.0, 2.0],
            "order": [1.0, 2.0, 3.0],
            "l1": 0.5,
            "l2": [0.0, 1.0],
        },
        train={"batch": [16, 32]},
    )
    points = grid(study)
    unique = {tuple(sorted(point.items())) for point in points}
    assert len(unique) == len(points) == 2 * (1 + 2 * 2 * 3 + 2 * 2)
    by_form = [point["penalty.form"] for point in points]
    assert [by_form.count(form) for form in ("none", "power", "elastic")] == [2, 24, 8]
    for point in points:
        expected = {
            "none": set(),
            "power": {"penalty.target", "penalty.strength", "penalty.order"},
            "elastic": {"penalty.target", "penalty.l2"},
        }[point["penalty.form"]]
        assert set(point) == expected | {"penalty.form", "train.batch"}


def test_the_grid_of_separate_strengths_varies_them_together_only_for_both() -> None:
    study = spec(
        {
            "separate_strengths": True,
            "strength": [0.25, 0.5, 1.0],
            "order": 2,
            "target": TARGETS,
        }
    )
    points = grid(study)
    by_target = [point["penalty.target"] for point in points]
    assert [by_target.count(target) for target in TARGETS] == [3, 3, 9]
    assert len({tuple(sorted(point.items())) for point in points}) == 15


def test_a_fixed_spec_has_a_grid_of_one_point() -> None:
    assert grid(spec({"strength": 1, "order": 1})) == [{}]


@pytest.mark.parametrize(
    ("low", "high", "step", "values"),
    [
        (0.0, 0.3, 0.1, [0.0, 0.1, 0.2, 0.3]),
        (0.0, 1.0, 0.3, [0.0, 0.3, 0.6, 0.9]),
        (1.0, 1.7, 0.1, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]),
        (1e-4, 3e-4, 1e-4, [1e-4, 2e-4, 3e-4]),
    ],
)
def test_points_of_a_stepped_range_are_the_decimal_numbers_within_it(
    low: float, high: float, step: float, values: list[float]
) -> None:
    study = spec({"strength": {"low": low, "high": high, "step": step}, "order": 1})
    assert [point["penalty.strength"] for point in grid(study)] == values


def test_optuna_takes_every_point_of_a_grid_without_a_warning() -> None:
    study = spec(
        {
            "form": ["none", "norm"],
            "strength": {"low": 0.0, "high": 0.3, "step": 0.1},
            "order": {"low": 1, "high": 2, "step": 0.3},
            "target": ["generator", "both"],
        },
        model={"latent": {"low": 3, "high": 10, "step": 3}},
    )
    queue = optuna.create_study()
    for point in grid(study):
        queue.enqueue_trial(point)
        trial = queue.ask()

        def ask(path: str, asked: BaseDistribution, trial: optuna.Trial = trial) -> Any:
            return trial._suggest(path, asked)

        config, _ = resolve(study, ask)
        assert trial.params == point
        assert config.ranges() == {}
        queue.tell(trial, 0.0)


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"penalty": {"strength": STRENGTH, "order": 1}}, "penalty.strength"),
        ({"penalty": {"strength": [1, 2], "order": ORDER}}, "penalty.order"),
        (
            {
                "penalty": {"strength": 1, "order": 1},
                "train": {"beta1": {"low": 0.0, "high": 0.5}},
            },
            "train.beta1",
        ),
        (
            {
                "penalty": {"strength": 1, "order": 1},
                "train": {"batch": {"low": 8, "high": 64, "log": True}},
            },
            "train.batch",
        ),
    ],
)
def test_a_grid_over_a_range_without_steps_is_refused(sections: dict[str, Any], path: str) -> None:
    with pytest.raises(UserError) as caught:
        grid(spec_from_tables(sections, "f"))
    assert str(caught.value).startswith(
        f"{path}: a grid needs a list of choices, or a range with a step; got low = "
    )


def test_a_grid_over_a_whole_range_without_a_step_counts_by_one() -> None:
    study = spec({"strength": 1, "order": 1}, model={"latent": {"low": 3, "high": 5}})
    assert grid(study) == [{"model.latent": 3}, {"model.latent": 4}, {"model.latent": 5}]


def test_middles_of_a_searched_learning_rate_make_a_valid_baseline() -> None:
    study = spec(
        {"strength": STRENGTH, "order": 1},
        train={"generator_learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}},
    )
    rate = baseline(study).train.generator_learning_rate
    assert math.isclose(rate, 1e-3, rel_tol=1e-12)
