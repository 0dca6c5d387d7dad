"""Early stopping judged on other seeds than those that chose it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.verdict.statistics.stopping import chosen_on_others


def test_each_seed_is_judged_at_the_chunk_that_the_others_chose() -> None:
    costs = np.array(
        [
            [[5.0, 5.0], [1.0, 3.0], [4.0, 4.0]],
            [[9.0, 9.0], [8.0, 8.0], [0.0, 0.0]],
            [[9.0, 9.0], [7.0, 7.0], [8.0, 8.0]],
        ]
    )
    chosen = chosen_on_others(costs)
    assert chosen is not None
    # Means over folds are (5, 2, 4), (9, 8, 0) and (9, 7, 8); of the other two: (9, 7.5, 4),
    # (7, 4.5, 6) and (7, 5, 2).
    assert chosen.tolist() == [2, 1, 2]


def test_one_seed_has_no_others() -> None:
    assert chosen_on_others(np.zeros((1, 3, 2))) is None


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_noise_alone_gains_nothing_by_it(seeds: int, chunks: int, seed: int) -> None:
    # The choice must not see what judges it: a change of one seed changes no choice for itself.
    random = np.random.default_rng(seed)
    costs = random.normal(size=(seeds, chunks, 2))
    changed = costs.copy()
    changed[0] = random.normal(size=(chunks, 2))
    before, after = chosen_on_others(costs), chosen_on_others(changed)
    assert before is not None and after is not None
    assert before[0] == after[0]


def test_stopping_at_noise_is_not_better_than_the_last_chunk_on_average() -> None:
    costs = np.random.default_rng(0).normal(size=(5000, 4, 8, 3))
    means = []
    for each in costs:
        chosen = chosen_on_others(each)
        assert chosen is not None
        means.append(each[np.arange(4), chosen].mean())
    assert abs(np.mean(means)) < 4 * np.std(means) / np.sqrt(len(means))
    # Chosen by the seed itself it would seem to help.
    assert costs.mean(axis=3).min(axis=2).mean() < -0.5


def test_a_huge_score_of_one_seed_moves_the_choice_of_no_other_chunk() -> None:
    costs = np.random.default_rng(0).uniform(1.4, 3, size=(5, 8, 3))
    costs[:, 3] -= 0.3
    expected = chosen_on_others(costs)
    assert expected is not None and expected.tolist() == [3] * 5
    costs[0, 6:] = [[1e17], [1e18]]
    chosen = chosen_on_others(costs)
    assert chosen is not None
    assert chosen.tolist() == [3] * 5
    assert costs[np.arange(5), chosen].mean() < 3


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_chunk_with_a_score_that_is_not_finite_is_chosen_for_no_other_seed(broken) -> None:
    costs = np.array([[[3.0], [1.0], [2.0]]] * 3)
    costs[0, 1] = broken
    chosen = chosen_on_others(costs)
    assert chosen is not None
    # The seed itself is judged where the others are best, as ever.
    assert chosen.tolist() == [1, 2, 2]
    costs[0, :] = broken
    assert chosen_on_others(costs) is None
