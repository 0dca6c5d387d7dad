"""A spec without its defaults is the same spec."""

import pytest

from normsweep.spec import spec_from_tables
from normsweep.spec.given import given
from tests.small_studies import make

CHANGES = [
    {},
    {"penalty__order": {"low": 1.0, "high": 2.0}},
    {"model__generator_hidden": [128, 128], "model__discriminator_hidden": [128, 128]},
    {"confirm__seeds": 3, "score__record": ["kid"], "study__seed": 0},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_what_is_given_makes_the_same_spec(changes) -> None:
    spec = make(**changes)
    assert spec_from_tables(given(spec), "the given") == spec


def test_defaults_are_left_out_and_the_name_is_not() -> None:
    found = given(make(study__name="study", model__generator_hidden=[128, 128], study__seed=0))
    assert found["study"]["name"] == "study"
    assert "seed" not in found["study"] and "generator_hidden" not in found["model"]
    assert "service" not in found and "augment" not in found
