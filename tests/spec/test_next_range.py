"""Where to look next: rules on intervals, with known answers and laws that hold for all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.spec import Interval, spec_from_tables
from normsweep.spec.next_range import (
    LOWER,
    PAD,
    UPPER,
    Limits,
    edge_of,
    limits_of,
    narrowed,
    outward,
)
from normsweep.spec.ranges import LARGEST

DECADES = Interval(1e-6, 1e-1, True)
ORDER = Interval(1.0, 2.0)


@pytest.mark.parametrize(
    ("searched", "side", "limits", "expected"),
    [
        # Half of five decades is two and a half, which is three whole ones.
        (DECADES, LOWER, Limits(0.0), (1e-9, 1e-1)),
        (DECADES, UPPER, Limits(0.0), (1e-6, 1e2)),
        (Interval(0.1, 0.5, True), UPPER, Limits(0.0), (0.1, 5.0)),
        (DECADES, UPPER, Limits(0.0, 1.0), (1e-6, 1.0)),
        (ORDER, LOWER, Limits(0.0, 64.0, True), (0.5, 2.0)),
        (ORDER, UPPER, Limits(0.0, 64.0, True), (1.0, 2.5)),
        (ORDER, LOWER, Limits(0.75), (0.75, 2.0)),
        # A limit that is not accepted itself is gone half way to.
        (Interval(0.5, 0.9), UPPER, Limits(0.0, 1.0, False, True), (0.5, 0.95)),
        (Interval(0.1, 1.0), LOWER, Limits(0.0, None, True), (0.05, 1.0)),
        (Interval(1.0, 2.0, step=0.25), UPPER, Limits(0.0, 2.3), (1.0, 2.25)),
        (Interval(1.0, 2.0, step=0.25), LOWER, Limits(0.5, None, True), (0.75, 2.0)),
        (Interval(8, 64), UPPER, Limits(1, 128), (8, 92)),
        (Interval(8, 64), UPPER, Limits(1, 80), (8, 80)),
        (Interval(8, 64), LOWER, Limits(1), (1, 64)),
    ],
)
def test_a_range_grows_past_its_edge_by_half_its_width(
    searched: Interval, side: str, limits: Limits, expected: tuple[float, float]
) -> None:
    found = outward(searched, side, limits)
    assert found == Interval(*expected, searched.log, searched.step)
    assert isinstance(found.low, type(searched.low))


@pytest.mark.parametrize(
    ("searched", "side", "limits"),
    [
        (ORDER, LOWER, Limits(1.0)),
        (Interval(8, 128), UPPER, Limits(1, 128)),
        (Interval(0.0, 0.5), LOWER, Limits(0.0)),
        (Interval(1.0, 2.0, step=0.25), UPPER, Limits(0.0, 2.2)),
    ],
)
def test_nothing_is_suggested_where_the_field_ends(
    searched: Interval, side: str, limits: Limits
) -> None:
    assert outward(searched, side, limits) is None


@pytest.mark.parametrize(
    ("searched", "best", "expected"),
    [
        # Five decades: half of one on each side.
        (DECADES, [1e-3, 1e-4], (10**-4.5, 10**-2.5)),
        (DECADES, [1e-3], (10**-3.5, 10**-2.5)),
        (DECADES, [1e-3, 1e-6], (1e-6, 10**-2.5)),
        # The very best at an edge: there it grows.
        (DECADES, [1e-6, 1e-4], (1e-9, 10**-3.5)),
        (DECADES, [1e-1, 1e-2], (10**-2.5, 1e2)),
        (ORDER, [1.5, 1.3], (1.2, 1.6)),
        (Interval(1.0, 2.0, step=0.25), [1.5], (1.25, 1.75)),
        (Interval(10, 110), [50, 60], (40, 70)),
    ],
)
def test_a_range_narrows_to_the_span_of_the_best_and_a_tenth_of_its_width(
    searched: Interval, best: list[float], expected: tuple[float, float]
) -> None:
    found = narrowed(searched, best, Limits(0.0, None, True))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-3)
    assert (found.log, found.step) == (searched.log, searched.step)


ends = st.floats(1e-6, 1e6).map(lambda x: float(f"{x:.6g}"))
intervals = st.tuples(ends, ends, st.booleans()).filter(lambda e: e[1] > 1.01 * e[0])


@given(intervals, st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_best_lie_in_the_narrowed_range_which_leaves_the_old_one_at_edges_alone(
    drawn: tuple[float, float, bool], places: list[float]
) -> None:
    searched = Interval(*drawn)
    span = searched.high - searched.low
    ratio = searched.high / searched.low
    best = [
        min(
            max(searched.low * ratio**p if searched.log else searched.low + p * span, searched.low),
            searched.high,
        )
        for p in places
    ]
    found = narrowed(searched, best, Limits(0.0, None, True))
    assert all(found.low <= value <= found.high for value in best)
    assert 0 < found.low < found.high
    side = edge_of(searched, best[0])
    assert found.low >= searched.low or side == LOWER
    assert found.high <= searched.high or side == UPPER


@given(st.floats(-5.4, -1.6))
def test_a_single_best_value_leaves_a_fifth_of_the_range(place: float) -> None:
    found = narrowed(DECADES, [10**place], Limits(0.0))
    width = math.log10(found.high / found.low)
    assert width == pytest.approx(2 * PAD * 5, rel=1e-2)


def test_limits_are_those_of_the_field_and_of_the_form() -> None:
    spec = spec_from_tables({"penalty": {"form": "norm", "order": 2.0, "strength": 1.0}}, "f")
    assert limits_of(spec, "penalty.order") == Limits(1.0, 64)
    assert limits_of(spec, "penalty.strength") == Limits(0, LARGEST)
    assert limits_of(spec, "train.beta1") == Limits(0, 1, False, True)
    assert limits_of(spec, "model.generator_units") == Limits(1, 128)
    assert limits_of(spec, "model.generator_layers") == Limits(1, 2)
