"""The expected best of n trials, against its closed form for drawing without replacement."""

from math import comb

import numpy as np
import pytest

from normsweep.report.figures.budget import MOST_BUDGETS, best_of, budget, budgets

from .studies import at, picture_of, spec_of, study_of

SCORES = np.random.default_rng(0).lognormal(0, 1, 17)


def expected_best(scores: np.ndarray, n: int) -> float:
    """E[min of n out of N without replacement] = Σᵢ x₍ᵢ₎ · C(N−i, n−1) / C(N, n)."""
    rising = np.sort(scores)
    weights = [comb(len(scores) - place, n - 1) for place in range(1, len(scores) + 1)]
    return float(np.dot(rising, weights) / comb(len(scores), n))


def chance_of_at_most(scores: np.ndarray, n: int, level: float) -> float:
    """P(min of n ≤ level) = 1 − C(those above, n) / C(N, n)."""
    return 1 - comb(int((scores > level).sum()), n) / comb(len(scores), n)


def test_the_mean_over_resamplings_is_the_expectation_in_closed_form() -> None:
    found = best_of(SCORES.tolist(), "fid", resamples=20_000, seed=3)
    expected = [expected_best(SCORES, n) for n in found.trials]
    # Four standard errors of the mean over the resamplings.
    tolerance = 4 * SCORES.std() / np.sqrt(20_000)
    assert found.trials.tolist() == list(range(1, 18))
    assert found.mean == pytest.approx(np.array(expected), abs=tolerance)
    assert found.mean[0] == pytest.approx(SCORES.mean(), abs=tolerance)
    assert found.mean[-1] == SCORES.min()


def test_a_thousand_resamplings_are_made_unless_asked_otherwise() -> None:
    found = best_of(SCORES.tolist(), "fid")
    expected = [expected_best(SCORES, n) for n in found.trials]
    assert found.mean == pytest.approx(np.array(expected), abs=4 * SCORES.std() / np.sqrt(1000))
    assert (found.mean == best_of(SCORES.tolist(), "fid", 1000, 0).mean).all()
    assert (found.mean != best_of(SCORES.tolist(), "fid", 1000, 1).mean).any()


def test_median_and_band_hold_the_shares_that_they_say() -> None:
    found = best_of(SCORES.tolist(), "fid", resamples=20_000)
    for n, better, middle, worse in zip(
        found.trials, found.better, found.middle, found.worse, strict=True
    ):
        for level, share in ((better, 0.1), (middle, 0.5), (worse, 0.9)):
            below = max([s for s in SCORES if s < level], default=-1.0)
            slack = 0.015
            assert chance_of_at_most(SCORES, n, level) >= share - slack
            assert chance_of_at_most(SCORES, n, below) <= share + slack


def test_where_higher_is_better_the_best_is_the_highest() -> None:
    scores = (SCORES / (1 + SCORES)).tolist()
    lower, higher = best_of([-s for s in scores], "kid"), best_of(scores, "coverage")
    assert higher.mean == pytest.approx(-lower.mean)
    assert higher.middle[-1] == max(scores)
    assert (higher.better >= higher.middle).all() and (higher.middle >= higher.worse).all()


def test_a_score_that_is_no_number_is_worse_than_all() -> None:
    for odd in (np.nan, np.inf):
        found = best_of([*SCORES, odd], "fid", 200)
        assert found.middle[-1] == SCORES.min()
        assert np.isinf(found.mean[0])
        assert np.isfinite(found.mean[1:]).all()


def test_of_thousands_of_trials_some_budgets_are_looked_at() -> None:
    assert budgets(MOST_BUDGETS).tolist() == list(range(1, MOST_BUDGETS + 1))
    some = budgets(10_001)
    assert (some[0], some[-1]) == (1, 10_001)
    assert len(some) <= MOST_BUDGETS and (np.diff(some) > 0).all()
    scores = np.random.default_rng(1).uniform(0, 1, 5000)
    found = best_of(scores.tolist(), "fid", 300)
    # The least of n uniform numbers: 1/(n + 1).
    middle = len(found.trials) // 2
    n = found.trials[middle]
    assert found.mean[middle] == pytest.approx(1 / (n + 1), rel=0.3)


def test_the_figure_shows_the_orders_median_beside_the_studys_own_way() -> None:
    scores = [3.0, 1.0, 2.0, 0.5]
    study = study_of(
        spec_of(), [2.0, 2.2, 2.4], [(at(10.0**-k), [s] * 3) for k, s in enumerate(scores, 1)]
    )
    drawn = budget(picture_of(study))
    assert drawn is not None
    by_name = {trace.name: trace for trace in drawn.figure.data if trace.name}
    assert list(by_name["as the study ran"].y) == [3.0, 1.0, 1.0, 0.5]
    assert list(by_name["baseline ± s.e."].y) == [pytest.approx(2.2)] * 2
    assert by_name["any order: median, 10–90 %"].y[-1] == 0.5
    assert "4 trials 0.5 (0.5 to 0.5)" in drawn.alternative
    assert "baseline has 2.2" in drawn.alternative
    assert [row[0] for row in drawn.numbers.rows] == ["1", "2", "3", "4"]
    assert drawn.figure.layout.yaxis.title.text == "best FID-proxy"


def test_one_score_is_no_budget() -> None:
    assert budget(picture_of(study_of(spec_of(), None, [(at(0.1), [1.0] * 3)]))) is None
