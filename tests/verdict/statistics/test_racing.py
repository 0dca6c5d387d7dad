"""Replicates: who races, what a mean over different seeds is, and that the best wins more often."""

import numpy as np
import pytest

from normsweep.verdict.statistics.racing import chosen, means, next_heat

FOLDS = 3


def searched(*scores: float, spread: float = 0.1) -> list[np.ndarray]:
    """Costs by the search's seed alone, whose folds differ by so much, each in its own way."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(len(scores), 1, FOLDS))
    noise -= noise.mean(axis=2, keepdims=True)
    noise /= noise.std(axis=2, ddof=1, keepdims=True)
    return [
        np.full((1, FOLDS), score) + spread * each
        for score, each in zip(scores, noise, strict=True)
    ]


def test_those_within_a_standard_error_of_the_best_of_their_kind_race() -> None:
    costs = searched(1.0, 1.02, 1.5, 2.0)
    assert next_heat(costs, "aaab", 3, 10) == (1, (0, 1))
    # Those of other kinds are chosen whatever is found.
    assert next_heat(costs, "abcd", 4, 10) is None
    # Where not all kinds can be, the last that is and the next one race for the place.
    assert next_heat(costs, "abcd", 1, 10) == (1, (0, 1))
    assert next_heat(costs, "abcd", 2, 10) is None


def test_what_is_left_goes_to_the_better_ones_and_ends_it() -> None:
    costs = searched(1.01, 1.0, 1.02)
    assert next_heat(costs, "aaa", 3, 2) == (1, (1, 0))
    assert next_heat(costs, "aaa", 3, 0) is None


def test_those_with_fewer_seeds_catch_up_first() -> None:
    first, second, third = searched(1.0, 1.01, 1.02, spread=0.5)
    twice = [np.concatenate([each, each]) for each in (first, second)]
    assert next_heat([*twice, third], "aaa", 3, 5) == (1, (2,))


def test_equal_configs_do_not_race_nor_one_that_diverged() -> None:
    costs = searched(1.0)
    assert next_heat([costs[0], costs[0]], "aa", 3, 10) is None
    lost = np.concatenate([costs[0] - 0.5, np.full((1, FOLDS), np.inf)])
    assert next_heat([costs[0], lost], "aa", 3, 10) is None
    assert chosen([costs[0], lost], "aa", 3) == [0]
    assert means([costs[0], lost])[1] == np.inf


def test_a_seed_that_is_hard_for_all_is_held_against_none() -> None:
    """Of an additive model without noise the means by any of its seeds are those of the first."""
    true, hard = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 5.0, -1.0])
    seeds = [3, 2, 3, 1]
    costs = [
        np.repeat((mean + hard[:count])[:, None], FOLDS, axis=1)
        for mean, count in zip(true, seeds, strict=True)
    ]
    assert means(costs) == pytest.approx(true)


def race(random: np.random.Generator, replicates: int) -> tuple[bool, int]:
    """Whether the best of nine of a kind wins, and what that took: noise is as large as they."""
    true = np.linspace(0, 1, 9)
    seeds = random.normal(size=(1, 12, 1))
    scores = true[:, None, None] + seeds + random.normal(size=(9, 12, FOLDS))
    costs = [each[:1] for each in scores]
    left = replicates
    while (heat := next_heat(costs, "a" * 9, 3, left)) is not None:
        for config in heat.configs:
            costs[config] = scores[config, : heat.seed + 1]
        left -= len(heat.configs)
        if heat.seed == 11:
            break
    return chosen(costs, "a" * 9, 3)[0] == 0, replicates - left


def test_the_best_of_a_kind_wins_more_often_the_more_replicates_there_are() -> None:
    shares, taken = {}, {}
    for replicates in (0, 12, 30):
        random = np.random.default_rng(1)
        found = [race(random, replicates) for _ in range(80)]
        shares[replicates] = np.mean([won for won, _ in found])
        taken[replicates] = max(count for _, count in found)
    assert shares[0] + 0.1 < shares[12] < shares[30]
    assert all(taken[replicates] <= replicates for replicates in taken)
