"""Scores by classes against their definitions."""

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from normsweep.objectives.distances import (
    class_agreement,
    class_coverage,
    frechet_within_classes,
    inception_score,
)

seeds = st.integers(0, 2**32 - 1)


def distributions(seed: int, n: int, classes: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), size=n)


@settings(max_examples=40)
@given(seeds, st.integers(1, 30), st.integers(1, 8))
def test_the_score_is_the_exponential_of_the_mean_divergence(seed, n, classes):
    rows = distributions(seed, n, classes)
    divergences = [scipy.stats.entropy(row, rows.mean(axis=0)) for row in rows]
    score = inception_score(rows)
    assert score == pytest.approx(np.exp(np.mean(divergences)), rel=1e-9)
    assert 1 - 1e-12 <= score <= classes + 1e-9


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_sure_and_even_predictions_score_the_number_of_classes_and_constant_ones_score_one(classes):
    assert inception_score(np.tile(np.eye(classes), (5, 1))) == pytest.approx(classes)
    assert inception_score(np.full((20, classes), 1 / classes)) == pytest.approx(1)


def test_splits_are_scored_apart_and_averaged():
    rows = distributions(0, 10, 4)
    parts = [inception_score(rows[:4]), inception_score(rows[4:7]), inception_score(rows[7:])]
    assert inception_score(rows, splits=3) == pytest.approx(np.mean(parts), rel=1e-12)
    assert inception_score(rows, splits=10) == pytest.approx(1)


@settings(max_examples=40)
@given(seeds, st.integers(1, 30), st.integers(1, 8))
def test_coverage_is_the_share_of_classes_that_some_sample_is_taken_for(seed, n, classes):
    rows = distributions(seed, n, classes)
    met = {max(range(classes), key=lambda c: row[c]) for row in rows}
    assert class_coverage(rows) == len(met) / classes


def test_single_precision_rows_are_distributions_too():
    rows = distributions(1, 50, 10).astype(np.float32)
    assert inception_score(rows) == pytest.approx(inception_score(rows.astype(np.float64)))


@pytest.mark.parametrize("score", [inception_score, class_coverage])
def test_rows_that_are_no_distributions_are_errors(score):
    with pytest.raises(ValueError, match=r"\[samples, classes\], got \(3,\)"):
        score(np.ones(3) / 3)
    with pytest.raises(ValueError, match=r"\[samples, classes\], got \(0, 3\)"):
        score(np.ones((0, 3)))
    with pytest.raises(ValueError, match="sum to 1"):
        score(np.ones((2, 3)))
    with pytest.raises(ValueError, match="at least 0"):
        score(np.array([[1.5, -0.5]]))
    with pytest.raises(ValueError, match="not finite"):
        score(np.array([[np.nan, 1.0]]))


def test_a_number_of_splits_out_of_bounds_is_an_error():
    for splits in (0, 3):
        with pytest.raises(ValueError, match=f"splits must be between 1 and 2, got {splits}"):
            inception_score(np.eye(2), splits)


def test_agreement_is_the_share_of_samples_taken_for_the_class_asked_for():
    rows = np.array([[0.6, 0.4], [0.1, 0.9], [0.7, 0.3], [0.2, 0.8]])
    assert class_agreement(rows, [0, 1, 1, 1]) == 0.75
    assert class_agreement(rows, [1, 0, 1, 0]) == 0


@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0, 0.0], [[0], [1], [0]], ["a", "b", "c"]])
def test_labels_that_are_not_one_integer_for_each_sample_are_refused(labels):
    rows, features = np.full((3, 2), 0.5), np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match="labels must be 3 integers, got "):
        class_agreement(rows, labels)
    with pytest.raises(ValueError, match="labels_b must be 3 integers, got "):
        frechet_within_classes(features, [0, 0, 1], features, labels)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """|μa − μb|² + Tr(A + B − 2·√(A·B)), the root's trace from the eigenvalues of A·B."""
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(of_a @ of_b).real, 0)).sum()
    shift = a.mean(axis=0) - b.mean(axis=0)
    return float(shift @ shift + np.trace(of_a + of_b) - 2 * roots)


def test_the_distance_within_classes_is_the_mean_of_those_of_each_class():
    """Of classes of very different numbers, in any order; one that is too few is left out."""
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=(90, 3)), rng.normal(size=(70, 3)) + 0.5
    of_real = np.array([0] * 60 + [1] * 20 + [2] * 9 + [3])
    of_fake = np.array([0] * 10 + [1] * 40 + [2] * 8 + [3] * 12)
    wanted = np.mean([frechet(real[of_real == c], fake[of_fake == c]) for c in (0, 1, 2)])
    found = frechet_within_classes(real, of_real, fake, of_fake)
    assert found == pytest.approx(wanted, rel=1e-9)
    order = rng.permutation(70)
    again = frechet_within_classes(real, of_real, fake[order], of_fake[order])
    assert again == pytest.approx(wanted, rel=1e-9)


def test_fewer_samples_of_a_class_than_features_are_compared_as_they_are():
    """Two points each: along one line the roots of the variances are compared, by hand."""
    real = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    fake = np.array([[1.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    # Means 1 and 3, variances 2 and 8.
    wanted = 4 + (np.sqrt(8) - np.sqrt(2)) ** 2
    found = frechet_within_classes(real, [7, 7], fake, [7, 7])
    assert found == pytest.approx(wanted, rel=1e-12)


def test_samples_of_swapped_classes_are_far_from_them_and_near_all_the_same():
    rng = np.random.default_rng(4)
    labels = np.arange(400) % 2
    real, fake = rng.normal(size=(2, 400, 2)) + 5 * labels[:, None]
    right, swapped = (frechet_within_classes(real, labels, fake, of) for of in (labels, 1 - labels))
    assert right < 0.2
    assert swapped == pytest.approx(50, rel=0.05)


def test_no_class_with_two_samples_on_both_sides_is_no_number():
    points = np.arange(6.0).reshape(3, 2)
    assert np.isnan(frechet_within_classes(points, [0, 0, 1], points, [0, 1, 1]))
