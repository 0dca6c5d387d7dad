"""What the looks that are left can still say: chances against simulation, and what it costs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from normsweep.verdict.statistics.futility import FUTILE, Ahead, is_futile
from normsweep.verdict.statistics.looks import Stretch, look_at, looks
from normsweep.verdict.statistics.over_seeds import of_seeds
from normsweep.verdict.statistics.seeds_and_images import of_seeds_and_images

PLAN = (Stretch(0, 8, True),)
LEVELS = {look: look_at(PLAN, look).nominal(0.05) for look in looks(PLAN)}


def ahead_of(first: np.ndarray, influences: np.ndarray | None = None) -> Ahead:
    """The last look from that at these differences [seeds]."""
    over_seeds = of_seeds(first[:, None], None)
    found = over_seeds if influences is None else of_seeds_and_images(first[:, None], influences)
    assert over_seeds is not None and found is not None
    return Ahead(found, over_seeds, len(first), 8, LEVELS[8])


@pytest.mark.parametrize("effect", [0.0, 1.0, -2.0])
def test_the_chance_of_a_last_word_is_that_of_seeds_drawn_ahead(effect: float) -> None:
    """By Student's predictive law of their mean, and the deviation that the first ones had."""
    first = np.array([0.3, 1.9, 0.7, 1.4, -0.2])
    ahead, random = ahead_of(first), np.random.default_rng(0)
    spread = first.std(ddof=1)
    left = effect + stats.t.rvs(4, size=200_000, random_state=random) * spread / np.sqrt(3)
    means = (5 * first.mean() + 3 * left) / 8
    width = stats.t.isf(LEVELS[8] / 2, 7) * spread / np.sqrt(8)
    assert ahead.certain(effect) == pytest.approx((np.abs(means) > width).mean(), abs=0.005)
    if not effect:
        for smallest in (0.5, 1.5, 3.0):
            inside = (np.abs(means) + width <= smallest).mean()
            assert ahead.within(smallest) == pytest.approx(inside, abs=0.005)


def test_what_the_images_add_does_not_shrink_by_more_seeds() -> None:
    random = np.random.default_rng(1)
    influences = np.tile(8 * random.normal(size=50), (4, 1))
    first = np.array([1.0, 1.4, 1.2, 0.8])
    alone, both = ahead_of(first), ahead_of(first, influences)
    assert both.certain(1.1) < 0.2 < 0.9 < alone.certain(1.1)
    of_images = both.estimate.standard_error**2 - both.over_seeds.standard_error**2
    assert both._width > 1.96 * np.sqrt(of_images)


def test_where_seeds_agree_to_the_bit_all_is_known() -> None:
    same = ahead_of(np.full(3, 0.5))
    assert (same.certain(0.5), same.within(1.0)) == (1.0, 1.0)
    none = replace(same, estimate=replace(same.estimate, mean=0.0))
    assert not is_futile(none, 1.0)


def simulated(effect: float, smallest: float, studies: int = 1000) -> tuple[float, float, float]:
    """The share that is found with and without ending in vain, and the seeds that it took."""
    random = np.random.default_rng(2)
    with_, without, seeds = 0, 0, 0
    for _ in range(studies):
        draws, ended, called = random.normal(effect, 1, 8), 0, 0
        for look, level in LEVELS.items():
            first = draws[:look]
            error = first.std(ddof=1) / look**0.5
            called = called or look * (abs(first.mean()) > error * stats.t.isf(level / 2, look - 1))
            if called:
                break
            if not ended and look < 8 and is_futile(ahead_of(first), smallest):
                ended = look
        without += bool(called)
        with_ += bool(called) and not ended
        seeds += ended or called or 8
    return with_ / studies, without / studies, seeds / studies


@pytest.mark.parametrize("effect", [1.5, 2.5])
def test_hardly_an_effect_that_counts_is_given_up(effect: float) -> None:
    for smallest in (effect, 0.5):
        found, of, _ = simulated(effect, smallest, 300)
        assert found > of - 0.03


def test_without_an_effect_it_ends_sooner_and_calls_no_more() -> None:
    called, of, seeds = simulated(0.0, 0.5)
    assert called <= of < 0.065 and seeds < 7
    assert 0 < FUTILE < 0.2
