"""Precision, recall, density and coverage against the package of their authors."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from prdc import compute_prdc

from normsweep.objectives.distances import precision_recall_density_coverage


@pytest.mark.parametrize("neighbours", [1, 3, 5, 10])
@pytest.mark.parametrize(("n", "m", "features"), [(12, 12, 2), (60, 100, 8), (400, 300, 64)])
def test_they_are_those_of_the_package_prdc(n, m, features, neighbours):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, features)), 0.8 * rng.normal(size=(m, features)) + 0.2
    expected = compute_prdc(real, fake, nearest_k=neighbours)
    found = precision_recall_density_coverage(real, fake, neighbours)
    assert found._asdict() == pytest.approx(expected, abs=1e-12)


def test_narrow_fakes_are_precise_and_recall_little_and_wide_ones_the_reverse():
    rng = np.random.default_rng(0)
    real, like_real = rng.normal(size=(2, 500, 8))
    narrow = precision_recall_density_coverage(real, 0.1 * like_real)
    assert narrow.precision > 0.8 and narrow.recall < 0.3
    wide = precision_recall_density_coverage(real, 10 * like_real)
    assert wide.precision < 0.3 and wide.recall > 0.8


def test_a_sample_of_the_same_distribution_has_a_density_and_coverage_near_one():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 1000, 4))
    found = precision_recall_density_coverage(real, fake)
    assert found.density == pytest.approx(1, abs=0.1)
    # Naeem et al. 2020, lemma 2: 1 - (n-1)…(n-k) / ((2n-1)…(2n-k)), about 1 - 2⁻⁵.
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_fakes_collapsed_to_one_point_recall_and_cover_almost_nothing():
    real = np.random.default_rng(2).normal(size=(100, 3))
    found = precision_recall_density_coverage(real, np.zeros((100, 3)))
    assert found.precision == 1 and found.recall == 0
    assert 0 < found.coverage < 0.5


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(3, 20), st.integers(3, 20), st.integers(1, 5))
def test_shares_are_shares_and_no_number_depends_on_the_order_of_samples(seed, n, m, features):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n, features)), rng.normal(size=(m, features))
    found = precision_recall_density_coverage(real, fake, 2)
    assert all(0 <= share <= 1 for share in (found.precision, found.recall, found.coverage))
    assert 0 <= found.density <= n / 2
    shuffled = precision_recall_density_coverage(rng.permutation(real), rng.permutation(fake), 2)
    assert shuffled == pytest.approx(found, abs=1e-12)
    swapped = precision_recall_density_coverage(fake, real, 2)
    assert (swapped.precision, swapped.recall) == (found.recall, found.precision)


def closed_balls(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """By its definition, in whole numbers: f(x, Y) = 1 where |x - y| ≤ |y - NN_k(y)| for some y."""

    def squared(x: np.ndarray, y: np.ndarray) -> int:
        return sum(int(d) ** 2 for d in x - y)

    def radius(points: np.ndarray, at: int) -> int:
        return sorted(squared(points[at], y) for j, y in enumerate(points) if j != at)[k - 1]

    of_real = [[squared(x, y) <= radius(real, i) for x in fake] for i, y in enumerate(real)]
    of_fake = [[squared(x, y) <= radius(fake, i) for x in real] for i, y in enumerate(fake)]
    inside = np.array(of_real)
    return (
        inside.any(axis=0).mean(),
        np.array(of_fake).any(axis=0).mean(),
        inside.sum(axis=0).mean() / k,
        inside.any(axis=1).mean(),
    )


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_a_point_on_the_boundary_of_a_ball_is_within_it(seed, neighbours):
    rng = np.random.default_rng(seed)
    real, fake = rng.integers(0, 3, size=(12, 2)), rng.integers(0, 3, size=(15, 2))
    found = precision_recall_density_coverage(real, fake, neighbours)
    assert tuple(found) == pytest.approx(closed_balls(real, fake, neighbours))


def test_copies_of_points_that_are_there_more_often_than_neighbours_are_looked_for_are_found():
    """Their balls have the radius 0, and rounding must not put a copy outside of them."""
    points = np.random.default_rng(3).normal(size=(5, 64))
    found = precision_recall_density_coverage(np.repeat(points, 8, 0), np.repeat(points, 6, 0), 5)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_too_few_samples_for_the_neighbours_are_an_error_that_names_both():
    few, many = np.zeros((5, 2)), np.zeros((9, 2))
    for pair in ((few, many), (many, few)):
        with pytest.raises(ValueError, match="between 1 and 4 for 5 samples, got 5"):
            precision_recall_density_coverage(*pair)
    with pytest.raises(ValueError, match="got 0"):
        precision_recall_density_coverage(many, many, 0)
    with pytest.raises(ValueError, match="not finite"):
        precision_recall_density_coverage(many, many * np.nan)
