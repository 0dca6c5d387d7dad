"""Progress, status, list and the answer count the trials of a study alike, and have one best."""

from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.study.attributes import Result, is_taken_over, plain_result
from normsweep.study.follow_up import follow_up
from normsweep.study.overview import overview
from normsweep.study.progress import Progress
from normsweep.study.records import load_study
from normsweep.study.status import status
from normsweep.verdict.answers import answer


def told(study: optuna.Study, storage: Any, heard: Progress) -> None:
    """Asserts that all who tell of a study say the same."""
    (listed,) = (entry for entry in overview(storage) if entry.study == study.study_name)
    (state,) = (entry for entry in status(storage).studies if entry.study == study.study_name)
    found = answer(study)
    assert found.best is not None and found.baseline is not None
    assert heard.complete == listed.complete == found.counts["complete"]
    assert heard.complete + heard.pruned == state.done
    assert heard.failed == listed.failed == state.failed == found.counts["fail"]
    assert heard.running == state.running == found.counts["running"]
    assert state.waiting == found.counts["waiting"] == heard.total - heard.finished - heard.running
    assert listed.open == state.running + state.waiting
    assert heard.best_score == listed.best == found.best.score
    assert heard.best_number == found.best.number
    assert heard.baseline_score == listed.baseline == found.baseline.score


def add_a_better_one(study: optuna.Study, score: float) -> int:
    """A trial that an earlier launch asked for beyond those of now; its number."""
    made = study.get_trials()[1]
    result = plain_result(Result((score, score), 40))
    study.add_trial(
        create_trial(
            value=score,
            params=made.params,
            distributions=made.distributions,
            user_attrs=made.user_attrs | {"result": result},
        )
    )
    return len(study.get_trials()) - 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_that_has_more_trials_than_it_is_asked_for_now(
    copied_example, databases, storage_url, run, make_spec, workers: int
) -> None:
    heard: list[Progress] = []
    storage = databases.open(storage_url)
    best = add_a_better_one(load_study("small", storage), 1.5)
    launched = run(make_spec(study__trials=1), watch=heard.append, workers=workers)
    assert launched.done
    assert (heard[-1].finished, heard[-1].total, heard[-1].complete) == (8, 8, 8)
    assert (heard[-1].best_number, heard[-1].best_score) == (best, 1.5)
    assert heard[-1].remaining is None
    told(launched.study, storage, heard[-1])
    assert status(storage).studies[0].state == "finished"


def test_trials_that_nobody_is_to_train_any_more_do_not_wait(
    run, make_spec, databases, storage_url
) -> None:
    stopped = run(make_spec(), chunks=4)
    assert len(stopped.study.get_trials(states=(TrialState.WAITING,))) == 4
    heard: list[Progress] = []
    again = run(make_spec(study__trials=1), watch=heard.append)
    assert again.done
    assert (heard[-1].finished, heard[-1].total) == (3, 3)
    told(again.study, databases.open(storage_url), heard[-1])


def test_a_search_cut_short_waits_for_the_trials_that_are_not_made_yet(
    run, make_spec, databases, storage_url
) -> None:
    heard: list[Progress] = []
    # No config twice: its second trial would be done with the first.
    strength = {"low": 1e-4, "high": 1e-1, "log": True}
    spec = make_spec(study__sampler="random", penalty__strength=strength)
    launched = run(spec, watch=heard.append, stop=lambda: bool(heard) and heard[-1].complete == 3)
    assert not launched.done
    storage = databases.open(storage_url)
    (state,) = status(storage).studies
    assert (state.done, state.running + state.waiting) == (3, 4)
    assert overview(storage)[0].open == answer(launched.study).counts["waiting"] == 4


def test_what_other_code_has_ended_counts_nowhere(
    copied_example, databases, storage_url, run, make_spec
) -> None:
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    study.add_trial(create_trial(value=-1e3))
    study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={10: 1.0}))
    heard: list[Progress] = []
    run(make_spec(), watch=heard.append)
    assert (heard[-1].finished, heard[-1].total) == (7, 7)
    told(study, storage, heard[-1])


def test_a_study_that_narrows_another_has_the_trials_that_it_took_over(
    run, make_spec, databases, storage_url
) -> None:
    spec = make_spec(
        study__sampler="random",
        study__trials=5,
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        penalty__target="both",
    )
    run(spec)
    storage = databases.open(storage_url)
    narrowed = follow_up(storage, "small", name=None, trials=1)
    heard: list[Progress] = []
    launched = run(narrowed, source="small", watch=heard.append)
    taken = sum(map(is_taken_over, launched.study.get_trials()))
    assert taken > 0
    assert heard[-1].finished == heard[-1].total == 2 + taken
    told(launched.study, storage, heard[-1])
