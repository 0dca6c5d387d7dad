"""The extrapolated Fréchet distance against SciPy's regression, and its lack of bias."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from normsweep.objectives.distances import (
    GaussianMoments,
    frechet_distance_to,
    frechet_infinity,
    frechet_reference,
    moments,
)
from normsweep.objectives.distances.infinity import frechet_infinity_to


def scipy_distance(a: np.ndarray, b: np.ndarray) -> float:
    difference = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(difference @ difference + np.trace(cov_a + cov_b - 2 * root))


@pytest.mark.parametrize("seed", [0, 7])
def test_it_is_the_intercept_of_a_regression_on_the_distances_of_subsets(seed):
    rng = np.random.default_rng(1)
    generated, real = rng.normal(size=(200, 3)), 1.5 * rng.normal(size=(300, 3)) + 0.2
    sizes = np.floor(np.linspace(200 // 5, 200, 15)).astype(int)
    raw = np.random.PCG64(seed).random_raw(15 * 200).reshape(15, 200)
    distances = [
        scipy_distance(generated[np.argsort(row)[:size]], real)
        for row, size in zip(raw, sizes, strict=True)
    ]
    expected = scipy.stats.linregress(1 / sizes, distances).intercept
    assert frechet_infinity(generated, real, seed) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("samples", "features"), [(300, 8), (160, 16)])
def test_most_of_the_bias_of_few_samples_is_gone(samples, features):
    """The generated Gaussian is 1.3 times as wide: its true distance is 0.09 a coordinate."""
    reference = frechet_reference(GaussianMoments(np.zeros(features), np.eye(features)))
    truth = 0.09 * features
    rng = np.random.default_rng(2)
    plain, extrapolated = [], []
    for _ in range(40):
        generated = 1.3 * rng.normal(size=(samples, features))
        plain.append(frechet_distance_to(reference, moments(generated)) - truth)
        extrapolated.append(frechet_infinity_to(reference, generated) - truth)
    assert np.mean(plain) > 0.05
    assert abs(np.mean(extrapolated)) < 0.3 * np.mean(plain)


@pytest.mark.parametrize(("samples", "features"), [(10, 1), (80, 8), (320, 32)])
def test_at_the_fewest_samples_it_takes_away_little_more_than_the_bias(samples, features):
    """Of the standard Gaussian itself, at distance 0."""
    reference = frechet_reference(GaussianMoments(np.zeros(features), np.eye(features)))
    rng = np.random.default_rng(3)
    drawn = [rng.normal(size=(samples, features)) for _ in range(20)]
    plain = [frechet_distance_to(reference, moments(each)) for each in drawn]
    found = [frechet_infinity_to(reference, each) for each in drawn]
    noise = 3 * np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 0.15 * np.mean(plain) + noise


@pytest.mark.parametrize(("samples", "features"), [(9, 1), (40, 32), (319, 32)])
def test_fewer_than_ten_samples_for_each_feature_are_refused(samples, features):
    generated = np.random.default_rng(3).normal(size=(samples, features))
    said = f"at least 10 samples for each feature, {10 * features} for {features}, got {samples}"
    with pytest.raises(ValueError, match=said):
        frechet_infinity(generated, generated)


def test_equal_seeds_give_equal_numbers_and_others_do_not():
    rng = np.random.default_rng(4)
    generated, real = rng.normal(size=(2, 100, 4))
    assert frechet_infinity(generated, real, 5) == frechet_infinity(generated, real, 5)
    assert frechet_infinity(generated, real, 5) != frechet_infinity(generated, real, 6)


def test_constant_features_are_at_their_squared_distance():
    assert frechet_infinity(np.zeros((50, 2)), np.full((50, 2), 3.0)) == pytest.approx(18.0)


def test_samples_that_cannot_be_compared_are_errors():
    good = np.zeros((20, 2))
    with pytest.raises(ValueError, match="as many features each, got 2 and 1"):
        frechet_infinity(good, good[:, :1])
    with pytest.raises(ValueError, match="features_a is not finite"):
        frechet_infinity(good * np.nan, good)
