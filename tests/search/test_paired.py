"""The paired pruner on recorded searches, and on trials made by hand."""

import json
from functools import partial

import numpy as np
import optuna
import pytest

from bench.pruners import RECORDED, by_optuna, by_pairs, lost_and_saved, recorded, replay
from normsweep.search.paired import BEST, LEAST, Leaders, PairedPruner, is_hopeless

ORDERS = 10
BETTER = np.array([[[8.0, 9.0], [4.0, 5.0], [2.0, 3.0]]])
"""The better half of those that came to their end, [trials, chunks, folds]."""


@pytest.fixture(scope="module")
def searches() -> dict[str, np.ndarray]:
    return recorded()


def test_twelve_studies_are_recorded_with_all_their_folds_and_chunks(searches) -> None:
    assert len(searches) >= 10
    assert all(costs.shape[1:] == (8, 3) and len(costs) >= 12 for costs in searches.values())
    assert RECORDED.stat().st_size < 200_000
    for search in json.loads(RECORDED.read_text()).values():
        assert [trial["role"] for trial in search["trials"]].count("baseline") == 1
        assert search["trials"][0]["role"] == "baseline"


def test_of_a_hundred_recorded_searches_at_most_one_loses_its_best_trial(searches) -> None:
    found = [lost_and_saved(costs, by_pairs, ORDERS) for costs in searches.values()]
    lost, saved = np.mean(found, axis=0)
    assert lost <= 0.01
    assert saved >= 0.06


def test_ranks_lose_many_more(searches) -> None:
    median = partial(by_optuna, optuna.pruners.MedianPruner(8, 1))
    lost = [lost_and_saved(costs, median, 3)[0] for costs in searches.values()]
    assert np.mean(lost) > 0.2


def test_what_is_further_behind_than_others_came_from_there_is_hopeless() -> None:
    # After the second chunk the best one still moved by 2 in each fold.
    assert is_hopeless(np.array([[6.1, 7.1], [6.1, 7.1]]), BETTER)
    assert not is_hopeless(np.array([[5.9, 6.9], [5.9, 6.9]]), BETTER)


def test_one_fold_in_which_it_may_come_back_is_enough() -> None:
    assert not is_hopeless(np.array([[50.0, 6.9], [50.0, 6.9]]), BETTER)


def test_one_that_is_slow_but_gains_is_left_alone() -> None:
    # It is 6 behind, of which others came 2, and gained 9 by its last chunk: half of that, 4.5.
    assert not is_hopeless(np.array([[19.0, 20.0], [10.0, 11.0]]), BETTER)
    assert is_hopeless(np.array([[11.0, 12.0], [10.0, 11.0]]), BETTER)


def test_nothing_is_pruned_before_enough_trials_came_to_their_end() -> None:
    costs = np.ones((LEAST + 2, 8, 3))
    costs[-1] = 100.0
    last = len(costs) - 1
    assert replay(costs, range(1, len(costs)), by_pairs, slots=1) == {last: 2}
    few = costs[2:]
    assert replay(few, range(1, len(few)), by_pairs, slots=1) == {}


@pytest.mark.parametrize("number", [1, 2, 5, 2 * BEST - 1, 2 * BEST, 200])
def test_the_better_half_is_that_of_all_curves_whatever_came_first(number: int) -> None:
    drawn = np.random.default_rng(number)
    # Of few values, so that some are equal at the end.
    curves = drawn.integers(0, 10, (number, 4, 2)).astype(float)
    leaders = Leaders()
    for place in drawn.permutation(number):
        leaders.add(int(place), curves[place])
    order = np.argsort(curves[:, -1].mean(axis=1), kind="stable")
    np.testing.assert_array_equal(leaders.better(), curves[order[: min(BEST, (number + 1) // 2)]])
    assert leaders.count == number


def test_a_curve_is_asked_for_once_also_where_it_could_not_be_read_at_first() -> None:
    study, asked = optuna.create_study(), []
    for _ in range(LEAST):
        trial = study.ask()
        for step in range(4):
            trial.report(1.0, step)
        study.tell(trial, 1.0)

    def curves(trial: optuna.trial.FrozenTrial) -> np.ndarray:
        asked.append(trial.number)
        if asked == [LEAST, 0, 1]:
            raise OSError("the database is away")
        return np.array([[value] for value in trial.intermediate_values.values()])

    pruner, running = PairedPruner(4, 1, curves), study.ask()
    for step in range(2):
        running.report(9.0, step)
    study.pruner = pruner
    with pytest.raises(OSError):
        running.should_prune()
    assert running.should_prune()
    assert running.should_prune()
    # Beside its own.
    assert [number for number in asked if number != LEAST] == [0, 1, *range(1, LEAST)]
