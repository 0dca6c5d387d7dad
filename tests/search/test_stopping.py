"""The rule by which a search stops: against simulation, on scores made by hand, and as laws."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from normsweep.search.stopping import (
    WINDOW,
    Halt,
    History,
    Trial,
    expected_gain,
    gain_and_noise,
)

FOLDS = 3
draw = np.random.default_rng(0)


def trials_of(costs: np.ndarray) -> list[Trial]:
    """Trials numbered from 1 with these costs [trials, folds]; NaN: pruned."""
    return [
        Trial(number, None if np.isnan(row).any() else tuple(row.tolist()))
        for number, row in enumerate(costs, 1)
    ]


def settled(count: int, spread: float = 0.01, noise: float = 0.2, seed: int = 1) -> np.ndarray:
    """Scores that differ little between trials, and much between folds at random."""
    rng = np.random.default_rng(seed)
    return 1 + spread * rng.normal(size=(count, 1)) + noise * rng.normal(size=(count, FOLDS))


def falling(count: int) -> np.ndarray:
    """Scores that get better and better, told apart in every fold."""
    rng = np.random.default_rng(2)
    return 10 - 0.2 * np.arange(count)[:, None] + 0.001 * rng.normal(size=(count, FOLDS))


def stopped(
    costs: np.ndarray, *, patience: int = 5, noise: float = 1.0, startup: int = 1
) -> Halt | None:
    """The first halt, as the trials finish one by one."""
    history = History()
    for trial in trials_of(costs):
        history.add(trial)
        found = history.halt(patience=patience, noise=noise, startup_trials=startup)
        if found is not None:
            return found
    return None


@pytest.mark.parametrize("more", [1, 5, 40])
@pytest.mark.parametrize("best", [-2.0, -0.5, 0.0])
def test_the_expected_gain_is_that_of_a_simulation(more: int, best: float) -> None:
    # Symmetric about 3, half of them within 0.6745 of it: a normal distribution of spread 2.
    places = 2 * 0.67448975 * np.array([-2, -1.5, -1, -0.5, -0.1, 0.1, 0.5, 1, 1.5, 2])
    found = expected_gain(3 + places, 3 + best, more)
    drawn = 3 + 2 * draw.normal(size=(200_000, more)).min(axis=1)
    gains = np.maximum(3 + best - drawn, 0)
    error = gains.std() / np.sqrt(len(gains))
    assert found == pytest.approx(gains.mean(), abs=5 * error + 2e-3)


def test_trials_that_went_wrong_are_no_hope() -> None:
    scores = np.linspace(1, 2, 10)
    wrong = np.where(scores > 1.6, scores * 1000, scores)
    assert expected_gain(wrong, 1.0, 5) == pytest.approx(expected_gain(scores, 1.0, 5), rel=1e-12)


def test_the_noise_is_what_the_folds_leave_of_the_differences() -> None:
    costs = settled(WINDOW)
    _, noise = gain_and_noise(trials_of(costs), 5)
    best = int(np.argmin(costs.mean(axis=1)))
    others = np.delete(costs, best, axis=0) - costs[best]
    variance = np.median([np.var(row, ddof=1) for row in others])
    assert noise == pytest.approx(np.sqrt((1 / 3 + 1 / 2) * variance), rel=1e-12)


def test_a_search_that_goes_on_getting_better_is_not_stopped() -> None:
    assert stopped(falling(60)) is None


def test_a_search_among_equals_stops_as_soon_as_it_may() -> None:
    found = stopped(settled(60, spread=0.0, noise=0.2), patience=3, noise=2.0)
    assert found is not None
    assert found.after == WINDOW + 3 - 1
    assert found.gain <= 2 * found.noise
    assert found.in_a_row == 3


def test_a_search_that_has_found_its_bottom_stops_some_time_after() -> None:
    # It falls for thirty trials, then stays: the latest ten are then of one kind.
    costs = np.concatenate([falling(30), 4.1 + 0.0 * settled(30) + 0.05 * (settled(30) - 1)])
    found = stopped(costs, patience=5, noise=1.0)
    assert found is not None
    assert 30 + 5 < found.after <= 30 + WINDOW + 5


def test_nothing_is_stopped_before_the_first_trials_are_over() -> None:
    costs = settled(40, spread=0.0)
    for startup in (1, 10, 20, 30):
        found = stopped(costs, patience=3, noise=100.0, startup=startup)
        assert found is not None
        assert found.after == max(WINDOW, startup) + 2
    assert stopped(costs, patience=3, noise=100.0, startup=39) is None


def test_pruned_trials_are_some_of_those_in_a_row_and_have_no_scores() -> None:
    costs = settled(20, spread=0.0)
    costs[10:12] = np.nan
    found = stopped(costs, patience=3, noise=100.0)
    assert found is not None
    assert found.after == 12
    all_pruned = np.full((50, FOLDS), np.nan)
    assert stopped(all_pruned, noise=100.0) is None


def test_pruned_trials_are_none_of_the_first_ones() -> None:
    costs = settled(40, spread=0.0)
    costs[[0, 3, 4, 8]] = np.nan
    for startup in (1, 10, 11, 20):
        found = stopped(costs, patience=3, noise=100.0, startup=startup)
        assert found is not None
        assert found.after == max(WINDOW, startup) + 4 + 2


def test_trials_that_do_not_count_are_known_and_none_of_those_in_a_row() -> None:
    trials = trials_of(settled(30, spread=0.0))
    taken = [Trial(t.number, t.costs, False) for t in trials[:20]]
    for own, startup in product(range(5), (1, 20)):
        history = History(taken + trials[20 : 20 + own])
        found = history.halt(patience=3, noise=100.0, startup_trials=startup)
        assert (found is not None) == (own >= 3)


scores = st.lists(
    st.tuples(*[st.floats(0.1, 3.0).map(lambda x: round(x, 3))] * FOLDS), min_size=12, max_size=30
).map(np.array)


def after(found: Halt | None) -> float:
    return np.inf if found is None else found.after


@given(scores, st.integers(1, 6), st.floats(0.2, 5.0), st.data())
def test_what_ends_in_another_order_makes_no_difference(
    costs: np.ndarray, patience: int, noise: float, data: st.DataObject
) -> None:
    for pruned in data.draw(st.sets(st.integers(0, len(costs) - 1), max_size=4)):
        costs[pruned] = np.nan
    trials = trials_of(costs)
    found = History(data.draw(st.permutations(trials))).halt(
        patience=patience, noise=noise, startup_trials=1
    )
    # The rule as it is written down: by all trials up to each of the last ones.
    complete = np.cumsum([trial.costs is not None for trial in trials])
    counting = [place for place in range(len(trials)) if complete[place] >= WINDOW][-patience:]
    each = [gain_and_noise(trials[: place + 1], patience) for place in counting]
    holds = len(each) == patience and all(gain <= noise * error for gain, error in each)
    assert found == (Halt(trials[-1].number, *each[-1], patience) if holds else None)


@given(scores, st.integers(1, 6), st.floats(0.2, 2.0))
def test_more_noise_never_stops_later_and_more_patience_never_sooner(
    costs: np.ndarray, patience: int, noise: float
) -> None:
    found = after(stopped(costs, patience=patience, noise=noise))
    assert after(stopped(costs, patience=patience, noise=2 * noise)) <= found
    assert after(stopped(costs, patience=patience + 1, noise=noise)) >= found


@given(
    scores,
    st.sampled_from([0.125, 8.0, 1024.0]),
    st.tuples(*[st.integers(-8, 8)] * FOLDS),
)
def test_the_unit_of_the_score_and_how_hard_a_fold_is_do_not_matter(
    costs: np.ndarray, unit: float, hardness: Sequence[int]
) -> None:
    gain, noise = gain_and_noise(trials_of(costs), 5)
    # Rounding may decide between two trials that are equally good.
    means = np.sort(costs.mean(axis=1))
    assume(means[1] - means[0] > 1e-6)
    moved = gain_and_noise(trials_of(unit * costs + np.array(hardness)), 5)
    assert moved == pytest.approx((unit * gain, unit * noise), rel=1e-6, abs=1e-9)


RECORDED: dict[str, list[list[float]]] = json.loads(
    (Path(__file__).parent / "recorded.json").read_text(encoding="utf-8")
)
"""FID-proxies by fold of the trials of real searches, in order: `digits` of 0.2.0 with 4,000 steps
by TPE, twice, by one and by two workers; and two examples, `landscape` on a grid."""


@pytest.mark.parametrize(
    ("study", "patience", "after", "missed"),
    [
        ("digits, first", 5, 20, 0.4679),
        ("digits, first", 10, 25, 0.4679),
        ("digits, first", 15, None, 0),
        ("digits, second", 5, 23, 0.3222),
        ("digits, second", 10, None, 0),
        ("landscape", 5, 14, 0),
        ("landscape", 10, 30, 0),
        ("landscape", 15, None, 0),
        ("adaptive", 5, None, 0),
    ],
)
def test_what_the_rule_would_have_made_of_real_searches(
    study: str, patience: int, after: int | None, missed: float
) -> None:
    costs = np.array(RECORDED[study])
    found = stopped(costs, patience=patience, startup=10)
    assert (None if found is None else found.after) == after
    if found is not None:
        means = costs.mean(axis=1)
        assert means[: found.after].min() - means.min() == pytest.approx(missed, abs=1e-3)
        # What it misses is of the size of what the folds can tell.
        assert missed <= 1.25 * found.noise
