"""Specs that versions before 0.5 wrote whole train as they did there."""

from copy import deepcopy
from typing import Any

import pytest

from normsweep.spec import Spec, spec_from_tables
from normsweep.spec.fields import default
from normsweep.spec.ranges import Choices, Interval

LATER = ("train.decay", "gradient_penalty.images", "gradient_penalty.rescale_adam")
"""Fields that 0.5 added to sections that 0.4 had, and has a value for in each spec."""
PROVENANCE = {"provenance": {"study": "s"}}


def before(**sections: dict[str, Any]) -> dict[str, Any]:
    """The tables of a whole spec of version 0.4."""
    tables = deepcopy(Spec().plain())
    for path in LATER:
        section, field = path.split(".")
        del tables[section][field]
    for section, table in sections.items():
        tables[section] = tables.get(section, {}) | table
    return tables


R1 = {"kind": "r1", "strength": 1.0}
CUTOUT = {"policy": "cutout", "strength": 1.0}
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"train.decay": 0.9, "train.beta2": 0.999}),
    ({"train": {"optimizer": "rmsprop"}}, {"train.decay": 0.999}),
    (
        {"train": {"optimizer": "rmsprop", "beta2": 0.8}},
        {"train.decay": 0.8, "train.beta2": 0.999},
    ),
    (
        {"train": {"optimizer": ["adam", "rmsprop"], "beta2": 0.8}},
        {"train.decay": 0.8, "train.beta2": 0.8},
    ),
    # A range is one of the decay, where no other optimiser has it too.
    (
        {"train": {"optimizer": "rmsprop", "beta2": {"low": 0.8, "high": 0.99}}},
        {"train.decay": Interval(0.8, 0.99), "train.beta2": 0.999},
    ),
    (
        {"train": {"optimizer": "rmsprop", "beta2": [0.8, 0.99]}},
        {"train.decay": Choices((0.8, 0.99)), "train.beta2": 0.999},
    ),
    *(
        (
            {"train": {"learning_rate_schedule": "exponential", "learning_rate_end": end}},
            {"train.learning_rate_end": max(end, 1e-6)},
        )
        for end in (0.0, 1e-9, 0.1)
    ),
    ({"train": {"learning_rate_schedule": "linear"}}, {"train.learning_rate_end": 0.0}),
    ({"gradient_penalty": R1}, {"gradient_penalty.images": "raw"}),
    ({"augment": CUTOUT}, {"gradient_penalty.images": "raw"}),
    (
        {"gradient_penalty": R1 | {"kind": ["none", "r1"]}, "augment": CUTOUT},
        {"gradient_penalty.images": "augmented"},
    ),
]


@pytest.mark.parametrize(("sections", "expected"), CASES)
def test_what_they_did_is_said_by_the_fields_of_today(
    sections: dict[str, Any], expected: dict[str, Any]
) -> None:
    tables = before(**sections)
    kept = deepcopy(tables)
    stored = Spec.stored(tables)
    assert {path: stored.value(path) for path in expected} == expected
    assert stored.checked() == stored
    assert spec_from_tables(tables | PROVENANCE, "f") == stored
    assert tables == kept


def test_methods_do_what_they_did_too() -> None:
    methods = {
        "rms": {"train": {"optimizer": "rmsprop", "beta2": 0.8}},
        "sgd": {"train": {"optimizer": "sgd"}},
        "r1": {"gradient_penalty": R1},
    }
    given = before(train={"optimizer": "rmsprop"}, augment=CUTOUT, methods=methods)
    found = Spec.stored(given).checked()
    assert [found.alternative(name).train.decay for name in (None, "rms", "sgd")] == [
        0.999,
        0.8,
        0.999,
    ]
    assert found.methods["sgd"] == methods["sgd"]
    assert found.methods["r1"] == {"gradient_penalty": R1 | {"images": "augmented"}}


@pytest.mark.parametrize("path", LATER)
def test_a_spec_of_today_or_of_one_s_own_means_what_it_says(path: str) -> None:
    whole = Spec().plain()
    assert Spec.stored(whole).plain() == whole
    assert spec_from_tables({"train": {"optimizer": "rmsprop"}}, "f").value(path) == default(path)
