"""The Fréchet distance against SciPy's matrix root, closed forms, and its invariances."""

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings

from normsweep.objectives.distances import (
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_to,
    frechet_reference,
    moments,
)

seeds = st.integers(0, 2**32 - 1)
laws = settings(max_examples=40, deadline=None)


def reference_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The definition, with SciPy's Schur-based root, in a space where no covariance is singular.

    `sqrtm` of a singular C₁C₂ is inaccurate (its null space has no root that rounding keeps), so
    the root is taken inside the span of the centred sample that spans less: with C₁ = U·D·Uᵀ of
    rank r, Tr √(C₁C₂) = Tr √(√D·UᵀC₂U·√D), an r by r matrix. It is singular again only if the
    other sample spans less than r of these, and then the trace of the same matrix's root is taken
    after one more such reduction.
    """
    difference = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    eigenvalues, vectors = scipy.linalg.eigh(cov_a)
    spanned = eigenvalues > 1e-10 * eigenvalues.max()
    factor = vectors[:, spanned] * np.sqrt(eigenvalues[spanned])
    inner = factor.T @ cov_b @ factor
    eigenvalues, vectors = scipy.linalg.eigh(inner)
    basis = vectors[:, eigenvalues > 1e-10 * eigenvalues.max()]
    root = scipy.linalg.sqrtm(basis.T @ inner @ basis)
    traces = np.trace(cov_a) + np.trace(cov_b)
    return float(difference @ difference + traces - 2 * np.trace(root).real)


@pytest.mark.parametrize("features", [2, 8, 32, 64, 256])
@pytest.mark.parametrize("samples", [2, 4, 16, 64, 256, 1024, 4096])
def test_random_gaussian_features_agree_with_scipy_whether_samples_are_few_or_many(
    samples, features
):
    rng = np.random.default_rng(samples * 1000 + features)
    a = rng.normal(size=(samples, features))
    b = rng.normal(size=(samples, features)) @ rng.normal(size=(features, features)) + 0.5
    distance = frechet_distance(a, b)
    assert np.isfinite(distance)
    assert distance == pytest.approx(reference_distance(a, b), rel=1e-4)


def test_unit_gaussians_one_apart_in_2048_dimensions_are_2048_apart():
    """The value that pytorch-fid's own test expects."""
    identity = np.eye(2048)
    distance = frechet_distance_from_moments(np.zeros(2048), identity, np.ones(2048), identity)
    assert distance == pytest.approx(2048, rel=1e-9)


@laws
@given(seeds, st.integers(1, 12))
def test_diagonal_covariances_have_the_closed_form(seed, features):
    rng = np.random.default_rng(seed)
    mean_a, mean_b = rng.normal(size=(2, features))
    deviation_a, deviation_b = rng.uniform(0, 3, size=(2, features))
    expected = np.sum((mean_a - mean_b) ** 2 + (deviation_a - deviation_b) ** 2)
    distance = frechet_distance_from_moments(
        mean_a, np.diag(deviation_a**2), mean_b, np.diag(deviation_b**2)
    )
    assert distance == pytest.approx(expected, rel=1e-6, abs=1e-9)


@laws
@given(seeds, st.integers(2, 30), st.integers(2, 30), st.integers(1, 20))
def test_it_is_symmetric_not_negative_and_invariant_under_rotation(seed, n, m, features):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, features)), 2 * rng.normal(size=(m, features)) + 1
    rotation = np.linalg.qr(rng.normal(size=(features, features)))[0]
    distance = frechet_distance(a, b)
    assert distance >= 0
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-6)
    assert frechet_distance(a @ rotation, b @ rotation) == pytest.approx(distance, rel=1e-6)


@laws
@given(seeds, st.integers(2, 100), st.integers(1, 20))
def test_a_sample_is_at_distance_zero_from_itself_and_a_shift_counts_squared(seed, n, features):
    a = np.random.default_rng(seed).normal(size=(n, features))
    assert 0 <= frechet_distance(a, a) < 1e-5
    assert frechet_distance(a, a + 2.0) == pytest.approx(4.0 * features, rel=1e-5)


def test_features_that_repeat_others_make_singular_covariances_and_count_again():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(100, 10)), 2 * rng.normal(size=(80, 10)) + 1
    repeated = frechet_distance(np.hstack([a, a, a]), np.hstack([b, b, b]))
    assert repeated == pytest.approx(3 * frechet_distance(a, b), rel=1e-6)


def test_few_samples_of_many_features_lose_no_digits_to_the_null_space():
    a = np.random.default_rng(0).normal(size=(8, 256))
    assert frechet_distance(a, a) < 1e-10
    assert frechet_distance(a, 3 * a) == pytest.approx(
        4 * np.sum(a.mean(axis=0) ** 2) + 4 * np.trace(np.cov(a.T)), rel=1e-12
    )


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e12])
def test_constant_tiny_and_huge_features_give_finite_distances(scale):
    a = scale * np.random.default_rng(0).normal(size=(40, 5))
    assert frechet_distance(a, 3 * a) == pytest.approx(
        frechet_distance(a / (scale or 1), 3 * a / (scale or 1)) * scale**2, rel=1e-6
    )


def test_a_reference_prepared_once_gives_the_same_distance():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(300, 16)), rng.normal(size=(200, 16)) + 0.1
    prepared = frechet_reference(moments(real))
    assert frechet_distance_to(prepared, moments(fake)) == frechet_distance(real, fake)


def test_moments_are_the_unbiased_ones_of_numpy_and_float32_is_accepted():
    features = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    gaussian = moments(features)
    np.testing.assert_allclose(gaussian.mean, features.astype(np.float64).mean(axis=0))
    np.testing.assert_allclose(gaussian.cov, np.cov(features.T.astype(np.float64)))
    assert gaussian.mean.dtype == gaussian.cov.dtype == np.float64


def test_shapes_and_numbers_that_cannot_be_compared_are_errors():
    good = np.zeros((3, 2))
    with pytest.raises(ValueError, match="as many features each, got 2 and 4"):
        frechet_distance(good, np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"features_b needs at least 2 samples .* \(1, 2\)"):
        frechet_distance(good, np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"shape \[samples, features\], got \(3,\)"):
        frechet_distance(np.zeros(3), good)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="features_a is not finite"):
            frechet_distance(good + bad, good)
        with pytest.raises(ValueError, match="covariance is not finite"):
            frechet_distance_from_moments(np.zeros(2), np.eye(2), np.zeros(2), np.eye(2) + bad)
    with pytest.raises(ValueError, match=r"covariance of shape .* \(2,\) and \(3, 3\)"):
        frechet_distance_from_moments(np.zeros(2), np.eye(3), np.zeros(2), np.eye(2))
    with pytest.raises(ValueError, match="got 2 and 3"):
        frechet_distance_from_moments(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))


@pytest.mark.parametrize(("samples", "features", "said"), [(250, 64, 8.9), (1000, 16, None)])
def test_two_samples_of_one_gaussian_are_as_far_apart_as_the_limit_of_features_says(
    samples, features, said
):
    """d(d + 1)/(2n) + 2d/n to first order."""
    rng = np.random.default_rng(3)
    found = np.mean([frechet_distance(*rng.normal(size=(2, samples, features))) for _ in range(20)])
    first_order = features * (features + 1) / (2 * samples) + 2 * features / samples
    assert found == pytest.approx(first_order, rel=0.03)
    if said is not None:
        assert found == pytest.approx(said, abs=0.1)
