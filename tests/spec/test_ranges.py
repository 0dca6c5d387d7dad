"""What a scalar of a spec may be: values, ranges and choices, and every way to get them wrong."""

import datetime
import math
import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from normsweep.spec.ranges import LARGEST, SMALLEST, Choices, Interval, Rule, plain

SHARE = Rule(float, minimum=0, maximum=1, exclusive_minimum=True)
COUNT = Rule(int, minimum=1, maximum=100)
COLOUR = Rule(str, names=("red", "green"))
WIDTHS = Rule(tuple)
FLAG = Rule(bool)
FIXED = Rule(float, minimum=0, searchable=False)
RULES = (SHARE, COUNT, COLOUR, WIDTHS, FLAG, FIXED)


def refusal(rule: Rule, raw: Any) -> str:
    with pytest.raises(ValueError) as caught:
        rule.parse(raw)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_value_of_the_right_kind_within_the_bounds_is_itself() -> None:
    assert SHARE.parse(0.25) == 0.25
    assert SHARE.parse(1.0) == 1.0
    assert COUNT.parse(1) == 1
    assert COUNT.parse(100) == 100
    assert COLOUR.parse("green") == "green"
    assert FLAG.parse(False) is False


def test_a_whole_number_is_a_number() -> None:
    value = SHARE.parse(1)
    assert value == 1.0
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("raw", "widths"),
    [([128, 64], (128, 64)), ((7,), (7,)), ("128-64", (128, 64)), ("7", (7,)), ([], ()), ("", ())],
)
def test_widths_are_written_as_a_list_or_as_text(raw: Any, widths: tuple[int, ...]) -> None:
    assert WIDTHS.parse(raw) == widths


def test_a_list_of_lists_or_of_texts_is_a_choice_of_widths() -> None:
    assert WIDTHS.parse([[8], "16-16", []]) == Choices(((8,), (16, 16), ()))


def test_a_table_is_an_interval_of_the_field_s_own_number_type() -> None:
    interval = SHARE.parse({"low": 0.5, "high": 1, "step": 0.25})
    assert interval == Interval(0.5, 1.0, False, 0.25)
    assert isinstance(interval, Interval) and isinstance(interval.high, float)
    whole = COUNT.parse({"low": 1, "high": 64, "log": True})
    assert whole == Interval(1, 64, True, None)
    assert isinstance(whole, Interval) and isinstance(whole.low, int)


def test_a_step_as_wide_as_the_range_is_accepted() -> None:
    assert COUNT.parse({"low": 2, "high": 10, "step": 8}) == Interval(2, 10, False, 8)


def test_a_list_is_a_choice() -> None:
    assert SHARE.parse([0.5, 1]) == Choices((0.5, 1.0))
    assert COLOUR.parse(["red"]) == Choices(("red",))


def test_an_optional_field_may_be_unset_and_no_other() -> None:
    assert Rule(float, optional=True).parse(None) is None
    assert "got None" in refusal(Rule(float), None)


@pytest.mark.parametrize(
    ("rule", "raw", "found", "accepted"),
    [
        (SHARE, "x", '"x"', "a number > 0 and ≤ 1, or a range"),
        (SHARE, True, "True", "a number > 0 and ≤ 1"),
        (SHARE, 0, "0", "> 0"),
        (SHARE, 1.5, "1.5", "≤ 1"),
        (SHARE, math.nan, "nan", "a number"),
        (SHARE, math.inf, "inf", "a number"),
        (SHARE, -math.inf, "-inf", "a number"),
        (SHARE, 10**400, "inf", "a number"),
        (SHARE, -(10**400), "-inf", "a number"),
        (SHARE, datetime.date(1979, 5, 27), "1979-05-27", "a number"),
        (SHARE, [0.5, 2.0], "2.0", "≤ 1"),
        (SHARE, [0.5, [0.6]], "[0.6]", "a number"),
        (SHARE, [{"low": 0.1, "high": 0.2}], "{'low': 0.1, 'high': 0.2}", "a number"),
        (COUNT, 2.0, "2.0", "a whole number ≥ 1 and ≤ 100"),
        (COUNT, True, "True", "a whole number"),
        (COUNT, 0, "0", "≥ 1"),
        (COUNT, 101, "101", "≤ 100"),
        (COUNT, 10**400, "1000", "≤ 100"),
        (Rule(int, minimum=0, maximum=2**31 - 1), -1, "-1", "≥ 0 and ≤ 2147483647"),
        (COLOUR, "blue", '"blue"', "one of red, green"),
        (COLOUR, 1, "1", "one of red, green"),
        (COLOUR, ["red", "blue"], '"blue"', "one of red, green"),
        (FLAG, 1, "1", "true or false"),
        (FLAG, "yes", '"yes"', "true or false"),
        (WIDTHS, 128, "128", "a list of positive whole numbers"),
        (WIDTHS, "128-x", "x", "whole numbers ≥ 1"),
        (WIDTHS, "128--64", "''", "whole numbers ≥ 1"),
        (WIDTHS, [0], "[0]", "whole numbers ≥ 1"),
        (WIDTHS, [-3], "[-3]", "whole numbers ≥ 1"),
        (WIDTHS, [8.0], "[8.0]", "whole numbers ≥ 1"),
        (WIDTHS, [True], "[True]", "whole numbers ≥ 1"),
        (WIDTHS, [8, [8]], "8", "a list of positive whole numbers"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_found_and_what_is_accepted(
    rule: Rule, raw: Any, found: str, accepted: str
) -> None:
    message = refusal(rule, raw)
    before, _, after = message.partition("accepted: ")
    assert found in before
    assert accepted in after


@pytest.mark.parametrize(
    ("rule", "raw", "message"),
    [
        (SHARE, {"low": 0.5, "high": 0.5}, "low must be below high, got low = 0.5, high = 0.5"),
        (COUNT, {"low": 9, "high": 3}, "low must be below high, got low = 9, high = 3"),
        (
            Rule(float),
            {"low": 0.0, "high": 1.0, "log": True},
            "a log range needs low > 0, got low = 0.0",
        ),
        (
            Rule(int),
            {"low": -1, "high": 1, "log": True},
            "a log range needs low > 0, got low = -1",
        ),
        (
            SHARE,
            {"low": 0.1, "high": 1.0, "log": True, "step": 0.1},
            "a range has log = true or a step, not both",
        ),
        (
            SHARE,
            {"low": 0.1, "high": 1.0, "step": 1.5},
            "step = 1.5 is wider than the range 0.1 … 1.0",
        ),
        (COUNT, {"low": 1, "high": 9, "step": 9}, "step = 9 is wider than the range 1 … 9"),
        (SHARE, {"low": 0.1, "high": 1, "step": 0}, "step = 0; accepted: a number above 0"),
        (SHARE, {"low": 0.1, "high": 1, "step": -0.1}, "step = -0.1; accepted: a number above 0"),
        (
            SHARE,
            {"low": 0.1, "high": 1, "step": math.nan},
            "step = nan; accepted: a number above 0",
        ),
        (SHARE, {"low": 0.1, "high": 1, "step": True}, "step = True; accepted: a number above 0"),
        (SHARE, {"low": 0.1, "high": 1, "step": "a"}, 'step = "a"; accepted: a number above 0'),
        (COUNT, {"low": 1, "high": 9, "step": 1.5}, "step = 1.5; accepted: a whole number above 0"),
        (SHARE, {"low": 0.1, "high": 1, "log": "yes"}, 'log = "yes"; accepted: true or false'),
        (SHARE, {"low": 0.1, "high": 1, "log": 1}, "log = 1; accepted: true or false"),
        (SHARE, {"high": 1.0}, "the range has no low"),
        (SHARE, {"low": 0.5}, "the range has no high"),
        (SHARE, {}, "the range has no low and no high"),
        (
            SHARE,
            {"low": 0.1, "high": 1, "lg": True},
            'unknown key "lg" in the range; accepted: low, high, log, step',
        ),
        (SHARE, [], "the list of choices is empty"),
        (SHARE, [0.5, 0.25, 0.5], "a choice stands twice in [0.5, 0.25, 0.5]"),
        (COUNT, [3, 3], "a choice stands twice in [3, 3]"),
        (WIDTHS, [[8], "8"], "a choice stands twice in [[8], '8']"),
        (FIXED, {"low": 0, "high": 1}, "takes one value and no range; accepted: a number ≥ 0"),
        (FIXED, [0.1, 0.2], "takes one value and no range; accepted: a number ≥ 0"),
    ],
)
def test_a_wrong_range_is_refused_with_the_rule_that_it_breaks(
    rule: Rule, raw: Any, message: str
) -> None:
    assert refusal(rule, raw) == message


def test_both_ends_of_an_interval_keep_the_bounds_of_the_field() -> None:
    assert "got 0.0" in refusal(SHARE, {"low": 0, "high": 0.5})
    assert "got 1.5" in refusal(SHARE, {"low": 0.5, "high": 1.5})
    assert "got nan" in refusal(SHARE, {"low": 0.5, "high": math.nan})
    assert "got inf" in refusal(Rule(float), {"low": 0.5, "high": math.inf})


def test_an_interval_needs_numbers() -> None:
    assert "has no low and high; accepted: one of red, green" in refusal(COLOUR, {"low": 1})
    assert "has no low and high" in refusal(WIDTHS, {"low": 1, "high": 2})
    assert "has no low and high" in refusal(FLAG, {"low": 1, "high": 2})


# What float32 has a number for, as any larger or smaller one is refused.
finite = st.one_of(st.just(0.0), st.floats(SMALLEST, LARGEST), st.floats(-LARGEST, -SMALLEST))


@st.composite
def intervals(draw: st.DrawFn) -> dict[str, Any]:
    """Tables that every rule of an interval allows, of floats or of whole numbers."""
    numbers: Any = draw(st.sampled_from([finite, st.integers(-(2**40), 2**40)]))
    low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
    table = {"low": low, "high": high}
    kinds = ["plain"] + ["log"] * (low > 0)
    if high - low >= SMALLEST:
        kinds.append("step")
    kind = draw(st.sampled_from(kinds))
    if kind == "log":
        table["log"] = True
    if kind == "step":
        whole = isinstance(low, int)
        most = min(high - low, LARGEST)
        steps = st.integers(1, most) if whole else st.floats(SMALLEST, most)
        table["step"] = draw(steps)
    return table


def through_toml(value: Any) -> Any:
    return tomllib.loads(tomlkit.dumps({"field": value}))["field"]


@given(intervals())
def test_any_valid_interval_survives_being_written_down(table: dict[str, Any]) -> None:
    rule = Rule(type(table["low"]))
    interval = rule.parse(table)
    expected = Interval(table["low"], table["high"], table.get("log", False), table.get("step"))
    assert interval == expected
    assert plain(interval) == table
    assert rule.parse(through_toml(plain(interval))) == interval


@given(
    st.one_of(
        st.tuples(st.just(float), st.lists(finite, min_size=1, unique=True)),
        st.tuples(st.just(int), st.lists(st.integers(-(2**62), 2**62), min_size=1, unique=True)),
        st.tuples(st.just(str), st.lists(st.text(), min_size=1, unique=True)),
        st.tuples(
            st.just(tuple),
            st.lists(
                st.lists(st.integers(1, 4096), max_size=4), min_size=1, unique_by=lambda x: tuple(x)
            ),
        ),
    )
)
def test_any_valid_choices_survive_being_written_down(case: tuple[type, list[Any]]) -> None:
    kind, options = case
    rule = Rule(kind)
    choices = rule.parse(options)
    assert isinstance(choices, Choices)
    assert plain(choices) == options
    assert rule.parse(through_toml(plain(choices))) == choices


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.just(10**400),
        st.floats(),
        st.text(max_size=5),
        st.dates(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["low", "high", "log", "step", "x"]), inner, max_size=4),
    ),
    max_leaves=6,
)


@given(st.sampled_from(RULES), anything)
def test_whatever_stands_in_a_field_is_taken_or_refused_with_a_message(
    rule: Rule, raw: Any
) -> None:
    try:
        parsed = rule.parse(raw)
    except ValueError as error:
        assert str(error)
        return
    assert rule.parse(plain(parsed)) == parsed
