"""Inception score and class coverage against their definitions."""

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from normsweep.objectives.distances import class_coverage, inception_score

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
