"""What trains is float32: a number that this has not is refused before anything is made of it."""

import numpy as np
import pytest
from pydantic import ValidationError

from normsweep.spec.next_range import limits_of, outward
from normsweep.spec.ranges import LARGEST, SMALLEST, Interval
from normsweep.spec.spec import Spec


def spec(value: object, section: str = "penalty", field: str = "strength") -> Spec:
    tables = {"penalty": {"form": "power", "order": 2.0, "strength": 1e-3}}
    tables.setdefault(section, {})[field] = value
    return Spec.model_validate(tables)


def test_the_ends_are_those_of_float32() -> None:
    assert np.finfo(np.float32).max == LARGEST
    assert np.finfo(np.float32).smallest_normal == SMALLEST


@pytest.mark.parametrize(
    "value",
    [
        1e39,
        -1e39,
        10**400,
        1e-39,
        1e-300,
        5e-324,
        {"low": 1e39, "high": 1e300},
        {"low": 1e-6, "high": 1e39, "log": True},
        {"low": 1e-50, "high": 1.0, "log": True},
        [1e-4, 1e39],
    ],
)
def test_others_are_refused_in_one_message(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(value)
    assert len(caught.value.errors()) == 1
    assert "accepted: a number" in str(caught.value)


@pytest.mark.parametrize("value", [0.0, 1e-37, 1e38, {"low": 1e-37, "high": 1e38, "log": True}])
def test_all_within_are_accepted(value: object) -> None:
    spec(value)


@pytest.mark.parametrize(
    ("section", "field"), [("train", "ema"), ("train", "beta1"), ("model", "generator_dropout")]
)
def test_a_number_that_float32_rounds_to_one_that_is_not_accepted_is_refused(
    section: str, field: str
) -> None:
    with pytest.raises(ValidationError, match="which is 1 in float32"):
        spec(0.99999999999, section, field)
    spec(0.9999, section, field)


def test_a_range_at_the_end_grows_no_further() -> None:
    found = spec({"low": 1.0, "high": 3e38, "log": True})
    limits = limits_of(found, "penalty.strength")
    grown = outward(Interval(1.0, 3e38, log=True), "upper", limits)
    assert grown is None or grown.high <= LARGEST
