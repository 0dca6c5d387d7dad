"""The smooth against the formulas of a Gaussian process, and against curves that are known."""

import numpy as np
import pytest

from normsweep.report.figures.scale import scale_of
from normsweep.report.figures.smooth import FEWEST_POINTS, MOST_POINTS, SURE, fitted, smooth


def matern(a: np.ndarray, b: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Matérn 5/2, Rasmussen and Williams 2006, eq. 4.17."""
    distance = np.linalg.norm((a[:, None] - b[None]) / lengths, axis=-1)
    scaled = np.sqrt(5) * distance
    return (1 + scaled + scaled**2 / 3) * np.exp(-scaled)


def noisy(generator: np.random.Generator, count: int, deviation: float):
    """A smooth valley over [−5, −1], seen with noise."""
    at = np.sort(generator.uniform(-5, -1, count))
    return at, truth(at) + generator.normal(0, deviation, count)


def truth(at: np.ndarray) -> np.ndarray:
    return 1 + (at + 3) ** 2 / 2 + 0.3 * np.sin(2 * at)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_mean_and_band_are_those_of_the_posterior_in_closed_form(dimensions: int) -> None:
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 1, (15, dimensions))
    points[0], points[1] = 0.0, 1.0  # the unit cube is then their own scale
    scores = np.sin(4 * points[:, 0]) + generator.normal(0, 0.1, 15)
    errors = generator.uniform(0.05, 0.2, 15)
    at = generator.uniform(0, 1, (7, dimensions))
    found = smooth(points, scores, errors, at)
    assert found is not None

    spread = scores.std()
    standard = (scores - scores.mean()) / spread
    # The same maximum of the likelihood; all that follows from it is computed here.
    order = np.argsort(points[:, 0], kind="stable")
    kernel = fitted(points[order], standard[order], errors[order] / spread).kernel_
    variance, lengths = kernel.k1.k1.constant_value, kernel.k1.k2.length_scale
    noise = np.diag((errors / spread) ** 2 + kernel.k2.noise_level)
    inverse = np.linalg.inv(variance * matern(points, points, lengths) + noise)
    across = variance * matern(at, points, lengths)
    mean = across @ inverse @ standard
    covariance = variance * matern(at, at, lengths) - across @ inverse @ across.T
    assert found.mean == pytest.approx(mean * spread + scores.mean(), abs=1e-5)
    deviation = np.sqrt(np.diag(covariance)) * spread
    assert found.deviation == pytest.approx(deviation, rel=1e-3, abs=1e-5)
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=2e-3, abs=1e-4)


def test_the_band_holds_the_true_curve_about_as_often_as_it_says() -> None:
    held = []
    for seed in range(40):
        at, scores = noisy(np.random.default_rng(seed), 20, 0.3)
        places = np.linspace(at[0], at[-1], 30)
        found = smooth(at[:, None], scores, np.full(20, 0.3), places[:, None])
        assert found is not None
        held.append(np.mean((found.low <= truth(places)) & (truth(places) <= found.high)))
    assert 0.88 <= np.mean(held) <= 0.995


def test_noise_beyond_the_standard_errors_is_learned_and_not_followed() -> None:
    at, scores = noisy(np.random.default_rng(1), 60, 0.5)
    found = smooth(at[:, None], scores, np.full(60, 0.01), at[:, None])
    assert found is not None
    assert np.sqrt(np.mean((found.mean - truth(at)) ** 2)) < 0.25
    assert np.sqrt(np.mean((found.mean - scores) ** 2)) > 0.35


def test_a_score_with_a_large_error_pulls_less() -> None:
    at = np.linspace(0, 1, 9)[:, None]
    scores = np.sin(3 * at[:, 0])
    scores[4] += 2
    pulled = []
    for error in (0.01, 2.0):
        errors = np.full(9, 0.01)
        errors[4] = error
        found = smooth(at, scores, errors, at[4:5])
        assert found is not None
        pulled.append(found.mean[0])
    assert abs(pulled[1] - np.sin(1.5)) < 0.15 < abs(pulled[0] - np.sin(1.5))


def test_the_order_of_the_trials_does_not_matter() -> None:
    at, scores = noisy(np.random.default_rng(2), 25, 0.2)
    errors = np.random.default_rng(3).uniform(0.1, 0.3, 25)
    first = smooth(at[:, None], scores, errors, at[:, None])
    shuffled = np.random.default_rng(4).permutation(25)
    second = smooth(at[shuffled, None], scores[shuffled], errors[shuffled], at[:, None])
    assert first is not None and second is not None
    assert first.mean == pytest.approx(second.mean, rel=1e-12)


def test_errors_that_are_no_numbers_count_as_none() -> None:
    at, scores = noisy(np.random.default_rng(2), 12, 0.2)
    nothing, unknown = np.zeros(12), np.array([np.nan, np.inf] * 6)
    first = smooth(at[:, None], scores, nothing, at[:, None])
    second = smooth(at[:, None], scores, unknown, at[:, None])
    assert first is not None and second is not None
    assert (first.mean == second.mean).all()


@pytest.mark.parametrize(
    ("points", "scores"),
    [
        ([], []),
        ([1.0] * 3, [1.0, 2.0, 3.0]),
        ([1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0]),
        ([1.0, 2.0, 3.0, 4.0], [1.0] * 4),
    ],
)
def test_too_few_points_places_or_scores_have_no_curve(points, scores) -> None:
    assert FEWEST_POINTS == 4
    at = np.array(points, dtype=float)[:, None]
    assert smooth(at, np.array(scores), np.zeros(len(scores)), at) is None


def test_thousands_of_trials_take_the_time_of_some_hundred() -> None:
    at, scores = noisy(np.random.default_rng(5), 10 * MOST_POINTS, 0.3)
    places = np.linspace(-4.5, -1.5, 20)
    found = smooth(at[:, None], scores, np.full(len(at), 0.3), places[:, None])
    assert found is not None
    assert found.mean == pytest.approx(truth(places), abs=0.2)


def test_the_band_is_of_ninety_five_percent() -> None:
    from scipy.stats import norm

    assert norm.cdf(SURE) - norm.cdf(-SURE) == pytest.approx(0.95, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "logarithmic"),
    [
        ([1.0, 7.9], False),
        ([1.0, 8.0], True),
        ([0.0, 8.0], False),
        ([-1.0, 100.0], False),
        ([], False),
        ([3.0], False),
    ],
)
def test_scores_far_apart_are_shown_by_their_logarithms(scores, logarithmic: bool) -> None:
    assert scale_of(scores).logarithmic is logarithmic


def test_a_scale_leads_forth_and_back_with_errors_by_the_delta_method() -> None:
    scale = scale_of([1.0, 100.0])
    scores, errors = np.array([1.0, 10.0, 100.0]), np.array([0.01, 0.1, 1.0])
    assert scale.back(scale.forth(scores)) == pytest.approx(scores)
    draws = np.random.default_rng(0).normal(scores, errors, (200_000, 3))
    assert scale.errors(scores, errors) == pytest.approx(np.log(draws).std(axis=0), rel=0.01)
