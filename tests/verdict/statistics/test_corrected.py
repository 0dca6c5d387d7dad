"""The corrected t-test: against SciPy, a published example, and simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.svm import SVC

from normsweep.verdict.statistics.corrected import corrected_estimate

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
DIFFERENCES = arrays(np.float64, st.integers(2, 20), elements=FINITE)


def test_without_shared_images_it_is_scipy_s_paired_t_test() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0.3, 1, 12), random.normal(0, 1, 12)
    found = corrected_estimate(first - second, test_share=0.0)
    expected = stats.ttest_rel(first, second)
    interval = expected.confidence_interval(0.95)
    assert found is not None
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.degrees == expected.df


def test_scikit_learn_s_published_comparison_of_two_kernels_comes_out() -> None:
    # scikit-learn's example "Statistical comparison of models using grid search" prints
    # "Corrected t-value: 0.750" and "Corrected p-value: 0.227", one-sided.
    images, labels = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    search = GridSearchCV(
        SVC(random_state=0), {"kernel": ["rbf", "linear"]}, scoring="roc_auc", cv=folds
    ).fit(images, labels)
    scores = [
        [search.cv_results_[f"split{split}_test_score"][kernel] for split in range(100)]
        for kernel in (0, 1)
    ]
    found = corrected_estimate(np.subtract(*scores), test_share=10 / 90)
    assert found is not None
    assert found.mean / found.standard_error == pytest.approx(0.750, abs=5e-4)
    assert found.p / 2 == pytest.approx(0.227, abs=5e-4)


def test_of_equal_differences_the_interval_has_no_width() -> None:
    same = corrected_estimate(np.full(4, -0.5), test_share=0.5)
    none = corrected_estimate(np.zeros(4), test_share=0.5)
    assert same is not None and none is not None
    assert (same.low, same.high, same.p) == (-0.5, -0.5, 0.0)
    assert (none.low, none.high, none.p) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("differences", [[], [1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_too_few_or_unusable_differences_have_no_estimate(differences: list[float]) -> None:
    assert corrected_estimate(np.array(differences), test_share=0.5) is None


@given(DIFFERENCES, st.floats(0, 2))
def test_sharing_images_only_widens_the_interval(differences: np.ndarray, share: float) -> None:
    plain = corrected_estimate(differences, 0.0)
    corrected = corrected_estimate(differences, share)
    assert plain is not None and corrected is not None
    assert corrected.standard_error >= plain.standard_error
    assert corrected.p >= plain.p or corrected.p == pytest.approx(plain.p)
    assert corrected.low <= plain.low and plain.high <= corrected.high


@given(DIFFERENCES)
def test_exchanging_the_two_turns_the_sign_alone(differences: np.ndarray) -> None:
    there, back = (corrected_estimate(sign * differences, 0.5) for sign in (1, -1))
    assert there is not None and back is not None
    assert (there.mean, there.low, there.p) == (-back.mean, -back.high, back.p)


def test_zero_lies_outside_the_interval_where_p_is_small() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        found = corrected_estimate(random.normal(0.5, 1, 9), test_share=0.25)
        assert found is not None
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)


def test_equicorrelated_differences_are_called_an_effect_as_often_as_promised() -> None:
    # Nadeau and Bengio's model: any two differences correlate by n2 / (n1 + n2).
    share, count, studies = 0.5, 15, 4000
    correlation = share / (1 + share)
    random = np.random.default_rng(2)
    common = random.normal(size=(studies, 1)) * np.sqrt(correlation)
    own = random.normal(size=(studies, count)) * np.sqrt(1 - correlation)
    found = [corrected_estimate(row, share) for row in common + own]
    rejected = np.mean([each.p < 0.05 for each in found if each is not None])
    naive = np.mean([stats.ttest_1samp(row, 0).pvalue < 0.05 for row in common + own])
    assert 0.04 < rejected < 0.06
    assert naive > 0.3


def test_the_detectable_effect_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(3)
    first = corrected_estimate(random.normal(0, 1, 30), test_share=0.0)
    assert first is not None
    # The spread is that of this sample: drawn anew, with a mean of the size said.
    spread = first.standard_error * np.sqrt(30)
    size = first.detectable(alpha=0.05)
    samples = random.normal(size, spread, (4000, 30))
    found = [corrected_estimate(row, 0.0) for row in samples]
    power = np.mean([each.p < 0.05 for each in found if each is not None])
    assert power == pytest.approx(0.8, abs=0.03)
