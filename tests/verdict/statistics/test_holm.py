"""Holm's adjustment of several p-values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.verdict.statistics.holm import holm

P_VALUES = st.lists(st.floats(0, 1), max_size=8)


def test_the_textbook_example_comes_out() -> None:
    # R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") gives 0.03 0.06 0.06 0.02.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_of_one_test_nothing_is_adjusted_and_of_none_nothing_is_left() -> None:
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(P_VALUES)
def test_it_lies_between_the_plain_values_and_bonferroni_s(p_values: list[float]) -> None:
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, len(p_values) * plain) or adjusted <= 1.0
        assert adjusted <= 1.0


@given(P_VALUES)
def test_it_rejects_what_the_step_down_procedure_rejects(p_values: list[float]) -> None:
    alpha, count = 0.05, len(p_values)
    rejected: set[int] = set()
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (count - step) > alpha:
            break
        rejected.add(int(index))
    assert {i for i, p in enumerate(holm(p_values)) if p <= alpha} == rejected


@given(P_VALUES, st.randoms())
def test_the_order_of_the_tests_does_not_matter(p_values: list[float], random) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)
    shuffled = holm([p_values[index] for index in order])
    assert shuffled == [holm(p_values)[index] for index in order]
