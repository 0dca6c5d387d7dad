"""Ranges that a spec leaves to the study: where "auto" is taken, and what is made of it."""

import math
from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.auto import (
    AutoRange,
    Balance,
    auto_fields,
    plain_ranges,
    provisional,
    range_of,
    ranges_of_plain,
    told,
    with_ranges,
)
from normsweep.spec.config import read_config
from normsweep.spec.ranges import Interval
from normsweep.spec.space import check_ranges, unconditional_space

AUTO = {"order": 2.0, "strength": "auto"}


def spec(**sections: Any) -> Spec:
    return spec_from_tables({"penalty": AUTO} | sections, "f")


@pytest.mark.parametrize(
    ("sections", "paths"),
    [
        ({}, ("penalty.strength",)),
        ({"penalty": {"form": "elastic", "l1": "auto", "l2": 1e-4}}, ("penalty.l1",)),
        (
            {"penalty": AUTO | {"separate_strengths": True, "generator_strength": "auto"}},
            ("penalty.strength", "penalty.generator_strength"),
        ),
        ({"penalty": {"form": "l2_ball", "radius": "auto"}}, ("penalty.radius",)),
        (
            {"penalty": {"form": "none"}, "gradient_penalty": {"kind": "r1", "strength": "auto"}},
            ("gradient_penalty.strength",),
        ),
        (
            {
                "penalty": {"form": "none"},
                "train": {"optimizer": "adamw", "weight_decay": "auto"},
            },
            ("train.weight_decay",),
        ),
        (
            {
                "penalty": {"form": "none"},
                "methods": {
                    "l2": {"penalty": {"form": "power"} | AUTO},
                    "r1": {"gradient_penalty": {"kind": "r1", "strength": "auto"}},
                },
            },
            ("methods.l2.penalty.strength", "methods.r1.gradient_penalty.strength"),
        ),
    ],
)
def test_strengths_and_radii_may_be_auto_in_methods_too(
    sections: dict[str, Any], paths: tuple[str, ...]
) -> None:
    asked = spec(**sections)
    assert auto_fields(asked) == paths
    known = provisional(asked)
    assert auto_fields(known) == ()
    assert set(known.ranges()) == set(paths)
    check_ranges(known)


@pytest.mark.parametrize(
    "value", [["auto", 1e-3], {"low": "auto", "high": 1.0}, {"low": 1e-3, "high": "auto"}, "aut"]
)
def test_auto_stands_alone(value: Any) -> None:
    with pytest.raises(UserError, match=r"penalty\.strength: got \"?aut"):
        spec(penalty=AUTO | {"strength": value})


def test_what_is_no_strength_is_never_auto() -> None:
    with pytest.raises(UserError, match=r'order: got "auto"'):
        spec(penalty={"order": "auto", "strength": 1e-3})


def test_auto_where_nothing_asks_for_it_is_refused() -> None:
    with pytest.raises(UserError, match=r"gradient_penalty\.strength = \"auto\" has no effect"):
        spec(gradient_penalty={"strength": "auto"})


def test_a_grid_has_no_steps_there() -> None:
    with pytest.raises(UserError, match=r'penalty\.strength = "auto" is a range without steps'):
        provisional(spec(study={"sampler": "grid"}))


def test_a_config_has_values(tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[penalty]\norder = 2.0\nstrength = "auto"\n', "utf-8")
    with pytest.raises(UserError, match=r'config\.toml: penalty\.strength = "auto" is a search r'):
        read_config(file)


BALANCES = [Balance("power", "generator", 0.0123), Balance("power", "discriminator", 4.56)]


def test_a_strength_s_range_is_the_hull_from_a_thousandth_to_ten_times_rounded_outward() -> None:
    found = range_of("penalty.strength", BALANCES, 400, 3)
    assert (found.low, found.high) == (1.2e-5, 46.0)
    assert found.interval == Interval(1.2e-5, 46.0, log=True)


def test_a_gradient_penalty_s_range_lies_a_decade_higher() -> None:
    found = range_of("methods.a.gradient_penalty.strength", BALANCES, 400, 3)
    assert (found.low, found.high) == (1.2e-4, 460.0)


def test_a_radius_s_range_is_shares_of_the_size() -> None:
    found = range_of("methods.a.penalty.radius", BALANCES, 400, 3)
    assert (found.low, found.high) == (6.1e-4, 4.6)


def test_what_has_no_balance_is_left_out_and_nothing_left_is_refused() -> None:
    dead = Balance("r1", "discriminator", math.inf)
    assert range_of("penalty.strength", [*BALANCES, dead], 4, 3).balances == tuple(BALANCES)
    with pytest.raises(UserError, match=r'penalty\.strength = "auto": the baseline tells no range'):
        range_of("penalty.strength", [dead], 4, 3)


def test_a_range_stays_within_float32() -> None:
    found = range_of("penalty.strength", [Balance("p", "g", 1e-37), Balance("p", "g", 1e38)], 4, 3)
    known = with_ranges(spec(), {"penalty.strength": found})
    assert unconditional_space(known).keys() == {"penalty.strength"}


def test_a_stored_range_is_the_same_and_goes_in_place_of_auto() -> None:
    ranges = {"penalty.strength": range_of("penalty.strength", BALANCES, 400, 3)}
    assert ranges_of_plain(plain_ranges(ranges)) == ranges
    known = with_ranges(spec(), ranges)
    assert known.ranges() == {"penalty.strength": ranges["penalty.strength"].interval}
    # Where the spec has no "auto", nothing is changed.
    assert with_ranges(known, {"penalty.strength": AutoRange(1.0, 2.0, 4, 3, ())}) == known


def test_a_range_is_told_with_what_it_follows_from() -> None:
    first, *rest = told("penalty.strength", range_of("penalty.strength", BALANCES, 400, 3))
    assert first.startswith("penalty.strength: 1.2e-05 … 46, from 400 steps of the baseline")
    assert rest[0] == "  0.0123 (power, on the generator)"


def test_a_method_has_its_range_as_a_file_would_give_it() -> None:
    l2 = {"l2": {"penalty": {"form": "power"} | AUTO}}
    asked = spec(penalty={"form": "none"}, methods=l2)
    (path,) = auto_fields(asked)
    found = with_ranges(asked, {path: range_of(path, BALANCES, 400, 3)})
    (interval,) = found.ranges().values()
    given = found.plain()["methods"]["l2"]["penalty"]["strength"]
    assert given == {"low": interval.low, "high": interval.high, "log": True}
    assert Spec.model_validate(found.plain()) == found
