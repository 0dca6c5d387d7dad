"""`--set FIELD=VALUE`: what a value means, what a spec becomes by it, and whose mistake it is."""

from pathlib import Path
from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.spec import Spec, load_spec
from normsweep.spec.assignments import assignments, value_of
from normsweep.spec.config import read_config
from normsweep.spec.ranges import Interval

CONFIG = """
[penalty]
form = "power"
strength = 1e-3
order = 2
target = "both"
[provenance]
seed = 3
fold_scores = [1.0, 2.0]
"""


def launched(*given: str) -> Spec:
    return load_spec("digits", *assignments(given))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8000", 8000),
        ("1e-4", 1e-4),
        ("true", True),
        ("[64, 64]", [64, 64]),
        ("{ low = 1e-6, high = 1, log = true }", {"low": 1e-6, "high": 1, "log": True}),
        ('"2"', "2"),
        ("generator", "generator"),
        ("mine.py:lasso", "mine.py:lasso"),
        ("a = b", "a = b"),
        ("2020-01-01", "2020-01-01"),
        ("12:30:00", "12:30:00"),
        ("1\nother = 2", "1\nother = 2"),
        ("[" * 3000, "[" * 3000),
        ("", ""),
    ],
)
def test_a_value_is_toml_and_else_a_text(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_any_fields_are_set_and_the_later_counts() -> None:
    made = launched(
        "train.steps=800", "train.steps=80", "penalty.target=generator", "study.name=a",
        "penalty.strength.low=1e-3", "methods.r1.gradient_penalty.kind=r1",
        "methods.r1.gradient_penalty.strength={ low = 0.1, high = 10.0, log = true }",
    )  # fmt: skip
    assert (made.train.steps, made.penalty.target, made.study.name) == (80, "generator", "a")
    assert made.penalty.strength == Interval(low=1e-3, high=1e-1, log=True)
    assert made.methods["r1"]["gradient_penalty"]["strength"]["high"] == 10.0
    assert launched() == load_spec("digits")


@pytest.mark.parametrize("given", ["a=1", "a.strength", "=3", ".a=1", "a.=1", "a b.c=1"])
def test_what_is_no_assignment_is_refused(given: str) -> None:
    with pytest.raises(UserError) as raised:
        launched(given)
    assert str(raised.value).startswith(f"--set {given}: accepted: SECTION.FIELD=VALUE")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("penalty.strength=abc", 'got "abc"; accepted: a number'),
        ("penalty.strngth=1", 'unknown key (did you mean "strength"?)'),
        ("foo.bar=1", "foo: unknown key; accepted: study, data"),
        ("train.steps=8001", "train: steps must be a multiple of chunks"),
        ("methods.x.penalty.strngth=1", 'unknown key (did you mean "strength"?)'),
        ("methods.r1.gradient_penalty.kind=r1", 'methods.r1.gradient_penalty: kind = "r1" needs'),
        ("penalty.strength.low=3", "penalty.strength: low must be below high"),
    ],
)
def test_a_mistake_in_one_is_told_by_it(given: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        launched(given)
    assert str(raised.value).startswith(f"--set {given}: {told}")


def test_a_config_of_which_fields_are_set_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "best.toml"
    file.write_text(CONFIG, encoding="utf-8")
    assert read_config(file).provenance["seed"] == 3
    made = read_config(file, *assignments(["train.batch=32"]))
    assert made.spec.train.batch == 32 and made.provenance == {}
    with pytest.raises(UserError, match=r"strength is a search range; a config has"):
        read_config(file, *assignments(["penalty.strength={ low = 1, high = 2 }"]))
