"""Influences on means of what networks measure: against derivatives and a bootstrap."""

import numpy as np
import pytest

from normsweep.objectives.figures import influence_on_mean

IMAGES, DRAWS = 90, 2000


def values(share: float) -> np.ndarray:
    """A skewed number of each image, of which a share has one."""
    rng = np.random.default_rng(0)
    found = rng.gamma(0.7, size=IMAGES) - 20
    found[rng.permutation(IMAGES)[int(share * IMAGES) :]] = np.nan
    return found


def weighted(numbers: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(numbers[~np.isnan(numbers)], weights=weights[~np.isnan(numbers)]))


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_it_is_the_derivative_by_the_weight_of_an_image(share: float) -> None:
    numbers, even = values(share), np.full(IMAGES, 1 / IMAGES)
    found = influence_on_mean(numbers)
    for image in (0, 7, 31, int(np.isnan(numbers).argmax())):
        towards, step = np.eye(IMAGES)[image] - even, 1e-5
        ends = [weighted(numbers, even + sign * step * towards) for sign in (1, -1)]
        assert found[image] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6)
    assert abs(found.mean()) < 1e-12


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_its_error_is_that_of_a_bootstrap(share: float) -> None:
    numbers, rng = values(share), np.random.default_rng(1)
    again = [np.nanmean(numbers[rng.integers(IMAGES, size=IMAGES)]) for _ in range(DRAWS)]
    influence = influence_on_mean(numbers)
    assert influence.std() / IMAGES**0.5 == pytest.approx(np.std(again), rel=0.05)


def test_of_float32_it_is_taken_in_float64() -> None:
    found = influence_on_mean(np.float32([1e6, 1e6 + 0.125, 1e6 + 0.25]))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [-0.125, 0, 0.125], rtol=1e-9)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), np.full(3, np.nan), np.zeros(0)])
def test_what_has_no_mean_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be"):
        influence_on_mean(wrong)
