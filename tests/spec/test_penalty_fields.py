"""Which fields of the penalty section count, and which of them are missing or idle."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Choices, Interval, Spec, spec_from_tables
from normsweep.spec.family import networks_of
from normsweep.spec.penalty_fields import coefficient_fields, field_value

BOTH = ("generator", "discriminator")


def penalty(**fields: Any) -> Spec:
    return spec_from_tables({"penalty": fields}, "f")


def refusal(**fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        penalty(**fields)
    message = str(caught.value)
    assert message.startswith("f: penalty: ") and "\n" not in message
    return message.removeprefix("f: penalty: ")


def test_a_target_names_its_networks() -> None:
    assert networks_of("both") == BOTH
    assert networks_of("generator") == ("generator",)
    assert networks_of("discriminator") == ("discriminator",)


@pytest.mark.parametrize(
    ("form", "target", "separate", "fields"),
    [
        ("none", "both", False, {}),
        ("none", "both", True, {}),
        ("power", "both", False, {"strength": BOTH, "order": BOTH}),
        ("norm", "generator", False, {"strength": BOTH[:1], "order": BOTH[:1]}),
        ("elastic", "discriminator", False, {"l1": BOTH[1:], "l2": BOTH[1:]}),
        ("group", "both", False, {"strength": BOTH}),
        ("l2_ball", "both", False, {"radius": BOTH}),
        (
            "clip",
            "both",
            True,
            {"generator_radius": BOTH[:1], "discriminator_radius": BOTH[1:]},
        ),
        (
            "power",
            "both",
            True,
            {"generator_strength": BOTH[:1], "discriminator_strength": BOTH[1:], "order": BOTH},
        ),
        ("norm", "generator", True, {"generator_strength": BOTH[:1], "order": BOTH[:1]}),
        (
            "elastic",
            "both",
            True,
            {
                "generator_l1": BOTH[:1],
                "discriminator_l1": BOTH[1:],
                "generator_l2": BOTH[:1],
                "discriminator_l2": BOTH[1:],
            },
        ),
    ],
)
def test_the_fields_that_count_follow_from_form_target_and_separation(
    form: str, target: str, separate: bool, fields: dict[str, tuple[str, ...]]
) -> None:
    assert coefficient_fields(form, networks_of(target), separate) == fields


def test_one_network_s_field_falls_back_on_the_shared_one() -> None:
    section = penalty(
        separate_strengths=True, strength=0.25, discriminator_strength=0.5, order=2
    ).penalty
    assert field_value(section, "generator_strength") == 0.25
    assert field_value(section, "discriminator_strength") == 0.5
    assert field_value(section, "strength") == 0.25
    assert field_value(section, "order") == 2.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, 'form = "power" needs strength'),
        ({"strength": 1}, 'form = "power" needs order'),
        ({"order": 1}, 'form = "power" needs strength'),
        ({"form": "norm", "order": 1}, 'form = "norm" needs strength'),
        ({"form": "elastic"}, 'form = "elastic" needs l1'),
        ({"form": "elastic", "l1": 1}, 'form = "elastic" needs l2'),
        ({"form": ["none", "elastic"], "l2": 1}, 'form = "elastic" needs l1'),
        ({"form": "orthogonal"}, 'form = "orthogonal" needs strength'),
        ({"form": "l1_ball"}, 'form = "l1_ball" needs radius'),
        ({"form": ["power", "clip"], "strength": 1, "order": 1}, 'form = "clip" needs radius'),
        (
            {"form": "clip", "separate_strengths": True, "generator_radius": 1},
            'form = "clip" needs radius',
        ),
        (
            {"separate_strengths": True, "generator_strength": 1, "order": 1},
            'form = "power" needs strength',
        ),
    ],
)
def test_a_coefficient_that_the_form_needs_must_be_given(
    fields: dict[str, Any], message: str
) -> None:
    assert refusal(**fields) == message


@pytest.mark.parametrize(
    ("fields", "idle", "why"),
    [
        ({"form": "elastic", "l1": 1, "l2": 1, "strength": 1}, "strength", '"elastic"'),
        ({"form": "elastic", "l1": 1, "l2": 1, "order": 1}, "order", '"elastic"'),
        ({"form": "power", "strength": 1, "order": 1, "l1": 1}, "l1", '"power"'),
        ({"form": "none", "strength": 1}, "strength", '"none"'),
        ({"form": "power", "strength": 1, "order": 1, "radius": 1}, "radius", '"power"'),
        ({"form": "l2_ball", "radius": 1, "strength": 1}, "strength", '"l2_ball"'),
        ({"form": "group", "strength": 1, "order": 1}, "order", '"group"'),
        ({"form": "l2_ball", "radius": 1, "coupling": "decoupled"}, "coupling", '"l2_ball"'),
        ({"form": "l2_ball", "radius": 1, "schedule": "linear"}, "schedule", '"l2_ball"'),
        ({"form": "none", "scope": "layer"}, "scope", '"none"'),
        ({"form": "l2_ball", "radius": 1, "scope": "layer", "reduction": "mean"}, "reduction", ""),
        (
            {"strength": 1, "order": 1, "reduction": ["sum", "mean"]},
            "reduction",
            'scope = "network"',
        ),
        (
            {"form": ["power", "norm"], "strength": 1, "order": 1, "l2": [1, 2]},
            "l2",
            '"power", "norm"',
        ),
        (
            {"strength": 1, "order": 1, "generator_strength": 1},
            "generator_strength",
            "it counts with separate_strengths = true",
        ),
        (
            {"strength": 1, "order": 1, "discriminator_strength": {"low": 1, "high": 2}},
            "discriminator_strength",
            "it counts with separate_strengths = true",
        ),
        (
            {
                "strength": 1,
                "order": 1,
                "separate_strengths": True,
                "target": "generator",
                "discriminator_strength": 1,
            },
            "discriminator_strength",
            'target = "generator"',
        ),
        (
            {
                "strength": 1,
                "order": 1,
                "separate_strengths": True,
                "generator_strength": 1,
                "discriminator_strength": 1,
            },
            "strength",
            '"power"',
        ),
    ],
)
def test_a_coefficient_without_an_effect_is_refused(
    fields: dict[str, Any], idle: str, why: str
) -> None:
    message = refusal(**fields)
    assert message.startswith(f"{idle} has no effect with form = ")
    assert why in message


@pytest.mark.parametrize("order", [0.5, {"low": 0.5, "high": 2.0}, [2.0, 0.5]])
@pytest.mark.parametrize("form", ["norm", ["power", "norm"]])
def test_an_order_below_1_is_no_norm(form: Any, order: Any) -> None:
    message = refusal(form=form, strength=1, order=order)
    assert message == 'order must be ≥ 1 for form = "norm" (below it is no norm), got 0.5'


def test_an_order_below_1_is_a_power() -> None:
    assert penalty(strength=1, order=0.5).penalty.order == 0.5
    assert penalty(strength=1, order={"low": 0.5, "high": 1}).ranges() == {
        "penalty.order": Interval(0.5, 1.0)
    }


def test_an_order_of_1_is_a_norm() -> None:
    assert penalty(form="norm", strength=1, order=1).penalty.order == 1.0


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<x"])
def test_a_pattern_that_is_no_regular_expression_is_refused(pattern: str) -> None:
    message = refusal(strength=1, order=1, weights=pattern)
    assert message.startswith(f"weights = {pattern!r} is not a regular expression: ")


def test_coefficients_of_all_forms_may_stand_together_where_the_form_is_searched() -> None:
    spec = penalty(form=["none", "power", "elastic"], strength=1, order=[1, 2], l1=0, l2=1)
    assert spec.ranges() == {
        "penalty.form": Choices(("none", "power", "elastic")),
        "penalty.order": Choices((1.0, 2.0)),
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"schedule_end": 2}, 'schedule_end has no effect with schedule = "constant"'),
        ({"schedule_begin": [0.1, 0.2]}, 'schedule_begin has no effect with schedule = "constant"'),
        (
            {"schedule": "step", "schedule_finish": 0.5},
            'schedule_finish has no effect with schedule = "step"',
        ),
        (
            {"schedule": "adaptive", "schedule_start": 1},
            'schedule_start has no effect with schedule = "adaptive"',
        ),
        (
            {"schedule": ["linear", "cosine"], "adaptive_target": 0.5},
            'adaptive_target has no effect with schedule = "linear", "cosine"',
        ),
        (
            {"schedule": "linear", "schedule_begin": 0.5, "schedule_finish": 0.25},
            "schedule_begin must not be above schedule_finish, got 0.5 and 0.25",
        ),
        (
            {"schedule": "linear", "schedule_begin": [0.1, 0.5], "schedule_finish": [0.4, 1]},
            "schedule_begin must not be above schedule_finish, got 0.5 and 0.4",
        ),
        (
            {
                "schedule": "cosine",
                "schedule_begin": {"low": 0, "high": 0.75},
                "schedule_finish": {"low": 0.5, "high": 1},
            },
            "schedule_begin must not be above schedule_finish, got 0.75 and 0.5",
        ),
    ],
)
def test_a_schedule_is_refused_what_it_has_no_use_for(fields: dict[str, Any], told: str) -> None:
    assert refusal(strength=1, order=1, **fields) == told


def test_a_schedule_s_fields_may_be_searched_where_one_of_its_kinds_uses_them() -> None:
    spec = penalty(
        strength=1,
        order=1,
        schedule=["constant", "linear", "adaptive"],
        schedule_begin=[0.0, 0.5],
        schedule_finish=0.5,
        adaptive_target=[0.25, 0.5],
    )
    assert spec.penalty.schedule_begin == Choices((0.0, 0.5))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"order": 2.5},
            "at order 1 and 2 only, got order = 2.5; accepted: 1, 2 or [1, 2]",
        ),
        ({"order": [1, 1.5]}, "at order 1 and 2 only, got order = 1, 1.5; accepted"),
        ({"order": {"low": 1, "high": 2}}, "at order 1 and 2 only, got order = a range 1 … 2;"),
        ({"form": "norm", "order": 3}, 'for form = "norm" at order 1 and 2 only, got order = 3'),
        (
            {"form": "orthogonal", "order": None},
            'no closed form for form = "orthogonal"; accepted: power, norm, elastic, group',
        ),
        ({"form": ["group", "spectral"], "order": None}, 'no closed form for form = "spectral"'),
    ],
)
@pytest.mark.parametrize("coupling", ["proximal", ["loss", "proximal"]])
def test_a_proximal_step_without_a_closed_form_is_refused(
    fields: dict[str, Any], told: str, coupling: Any
) -> None:
    given = {"strength": 1, "coupling": coupling} | fields
    message = refusal(**{name: value for name, value in given.items() if value is not None})
    assert message.startswith('coupling = "proximal" has ')
    assert told in message


@pytest.mark.parametrize("order", [1, 2, [1, 2], [2]])
def test_a_proximal_step_of_order_1_and_2_is_accepted(order: Any) -> None:
    assert penalty(strength=1, order=order, coupling="proximal").penalty.coupling == "proximal"
