"""The kernel distance against its definition as two loops, and its lack of bias."""

from itertools import product

import numpy as np
import pytest

from normsweep.objectives.distances import kernel_distance


def naive_distance(
    a: np.ndarray, b: np.ndarray, degree: int, coefficient: float, gamma: float
) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (gamma * float(np.dot(x, y)) + coefficient) ** degree

    def within(sample: np.ndarray) -> float:
        pairs = product(range(len(sample)), repeat=2)
        return float(np.mean([kernel(sample[i], sample[j]) for i, j in pairs if i != j]))

    return within(a) + within(b) - 2 * float(np.mean([kernel(x, y) for x, y in product(a, b)]))


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("sizes", [(2, 2), (5, 9), (20, 2)])
def test_it_is_the_double_loop_over_pairs(degree, sizes):
    rng = np.random.default_rng(degree)
    a, b = rng.normal(size=(sizes[0], 4)), rng.normal(size=(sizes[1], 4)) + 0.3
    assert kernel_distance(a, b, degree=degree) == pytest.approx(
        naive_distance(a, b, degree, 1.0, 1 / 4), rel=1e-10, abs=1e-12
    )
    assert kernel_distance(a, b, degree, coefficient=0.5, gamma=0.7) == pytest.approx(
        naive_distance(a, b, degree, 0.5, 0.7), rel=1e-10, abs=1e-12
    )


def test_samples_of_one_distribution_are_on_average_at_distance_zero_however_few():
    rng = np.random.default_rng(0)
    distances = [
        kernel_distance(rng.normal(size=(4, 3)), rng.normal(size=(6, 3))) for _ in range(4000)
    ]
    standard_error = np.std(distances) / np.sqrt(len(distances))
    assert abs(np.mean(distances)) < 4 * standard_error
    assert min(distances) < 0


def test_shifted_samples_are_at_the_distance_of_their_distributions_on_average():
    """For degree 1 and gamma 1 the squared discrepancy is the squared difference of the means."""
    rng = np.random.default_rng(1)
    distances = [
        kernel_distance(rng.normal(size=(5, 2)), rng.normal(size=(5, 2)) + 1.5, degree=1, gamma=1.0)
        for _ in range(2000)
    ]
    standard_error = np.std(distances) / np.sqrt(len(distances))
    assert abs(np.mean(distances) - 2 * 1.5**2) < 4 * standard_error


def test_it_is_symmetric_and_takes_float32():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 30, 8)).astype(np.float32)
    assert kernel_distance(a, b) == pytest.approx(kernel_distance(b, a), rel=1e-10)
    assert isinstance(kernel_distance(a, b), float)


def test_samples_that_cannot_be_compared_are_errors():
    good = np.zeros((3, 2))
    with pytest.raises(ValueError, match="got 2 and 4"):
        kernel_distance(good, np.zeros((3, 4)))
    with pytest.raises(ValueError, match="features_a needs at least 2 samples"):
        kernel_distance(good[:1], good)
    with pytest.raises(ValueError, match="features_b is not finite"):
        kernel_distance(good, good * np.nan)
    with pytest.raises(ValueError, match="degree must be at least 1, got 0"):
        kernel_distance(good, good, degree=0)
