"""The paired t-test: against SciPy, and simulated studies."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from normsweep.verdict.statistics.estimate import estimate, paired_estimate
from normsweep.verdict.statistics.looks import ONLY

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
DIFFERENCES = arrays(np.float64, st.integers(2, 20), elements=FINITE)


def test_it_is_scipy_s_paired_t_test() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0.3, 1, 12), random.normal(0, 1, 12)
    found = paired_estimate(first - second)
    expected = stats.ttest_rel(first, second)
    interval = expected.confidence_interval(0.95)
    assert found is not None
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.degrees == expected.df


def test_degrees_of_freedom_need_be_no_whole_number() -> None:
    found = estimate(1.3, 0.5, 6.4)
    assert found.p == pytest.approx(2 * stats.t.sf(2.6, 6.4))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 6.4, 1.3, 0.5))


def test_of_equal_differences_the_interval_has_no_width() -> None:
    same, none = paired_estimate(np.full(4, -0.5)), paired_estimate(np.zeros(4))
    assert same is not None and none is not None
    assert (same.low, same.high, same.p) == (-0.5, -0.5, 0.0)
    assert (none.low, none.high, none.p) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("differences", [[], [1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_too_few_or_unusable_differences_have_no_estimate(differences: list[float]) -> None:
    assert paired_estimate(np.array(differences)) is None


@given(DIFFERENCES)
def test_exchanging_the_two_turns_the_sign_alone(differences: np.ndarray) -> None:
    there, back = (paired_estimate(sign * differences) for sign in (1, -1))
    assert there is not None and back is not None
    assert (there.mean, there.low, there.p) == (-back.mean, -back.high, back.p)


def test_zero_lies_outside_the_interval_where_p_is_small() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        found = paired_estimate(random.normal(0.5, 1, 9))
        assert found is not None
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_the_detectable_effect_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(3)
    first = paired_estimate(random.normal(0, 1, 30))
    assert first is not None
    # The spread is that of this sample: drawn anew, with a mean of the size said.
    spread = first.standard_error * np.sqrt(30)
    size = first.detectable(alpha=0.05)
    samples = random.normal(size, spread, (4000, 30))
    found = [paired_estimate(row) for row in samples]
    power = np.mean([each.p < 0.05 for each in found if each is not None])
    assert power == pytest.approx(0.8, abs=0.03)


def test_an_early_look_that_is_held_to_more_detects_less() -> None:
    plain = estimate(0.0, 1.0, 20.0)
    parts = replace(plain, parts=((0.9, 2.0), (0.1, 500.0)))
    for alpha in (0.05, 1e-3):
        careful = 0.9 * stats.t.isf(alpha / 2, 2) + 0.1 * stats.t.isf(alpha / 2, 500)
        assert parts.detectable(alpha) == pytest.approx(careful + stats.t.ppf(0.8, 20))
        assert parts.detectable(alpha) > plain.detectable(alpha)
    assert ONLY.estimate(parts) == plain
