"""A study that stops by itself: for all workers, for good, until its user wants it to go on."""

from collections.abc import Callable
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from normsweep.errors import UserError
from normsweep.search.stopping import WINDOW
from normsweep.spec import Spec, spec_from_tables
from normsweep.storage.workers import beat, claim, leave, this_worker
from normsweep.study.attributes import OPEN
from normsweep.study.control import ENDED, control
from normsweep.study.status import status
from normsweep.study.stopping import StoppingRule, reopen, why_stopped
from normsweep.verdict.answers import answer
from normsweep.worker.serve import Server

EARLIEST = WINDOW + 1
"""The first trial after which a patience of 2 may be over."""


@pytest.fixture
def lenient(make_spec: Callable[..., Spec]) -> Spec:
    """A spec whose rule holds as soon as it may."""
    return make_spec(
        study__sampler="random",
        study__trials=30,
        study__startup_trials=1,
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        stop__patience=2,
        stop__noise=1e6,
    )


def test_a_study_stops_by_itself_and_says_so(
    run: Any, lenient: Spec, databases: Any, storage_url: str
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    launched = run(lenient, log=lambda event, **facts: heard.append((event, facts)))
    assert launched.done
    trials = launched.study.get_trials()
    # What was in training beside it was finished.
    assert EARLIEST + 1 <= len(trials) <= EARLIEST + 3
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    found = answer(launched.study).stopped_by_itself
    assert found is not None
    assert found.startswith(f"after trial {EARLIEST}")
    assert "2 trials in a row" in found
    assert [facts["reason"] for event, facts in heard if event == "study stopped by itself"] == [
        found
    ]
    (told,) = status(databases.open(storage_url)).studies
    assert (told.state, told.waiting, told.stopped_by_itself) == (ENDED, 0, found)


def test_it_stays_stopped_until_its_user_wants_it_to_go_on(
    run: Any, lenient: Spec, databases: Any, storage_url: str
) -> None:
    study = run(lenient).study
    before = len(study.get_trials())
    again = run(lenient.with_values({"study.trials": 40}))
    assert again.done
    assert len(study.get_trials()) == before
    Server(databases.open(storage_url)).serve("small")
    assert len(study.get_trials()) == before
    reopen(study)
    assert control(study) == OPEN
    run(lenient)
    after = len(study.get_trials())
    # Two more in a row, and what was in training beside them.
    assert before + 2 <= after <= before + 4
    assert why_stopped(study) is not None
    # Another rule is heeded.
    whole = lenient.with_values({"stop.patience": None, "stop.noise": 1.0, "study.trials": 20})
    assert run(whole).done
    assert len(study.get_trials()) == 21


def test_a_trial_of_a_dead_worker_does_not_keep_a_stopped_study_waiting(
    run: Any, lenient: Spec
) -> None:
    study = run(lenient).study
    # RUNNING and nobody's: as after a kill.
    study.ask()
    launched = run(lenient)
    assert launched.done
    assert study.get_trials()[-1].state == TrialState.WAITING


def test_a_worker_without_a_name_finds_the_trial_of_a_dead_one_in_a_stopped_study(
    run: Any, lenient: Spec, databases: Any, storage_url: str
) -> None:
    study, storage = run(lenient).study, databases.open(storage_url)
    here, trial = this_worker("cpu"), study.ask()
    beat(storage.engine, here)
    claim(storage.engine, trial._trial_id, here.worker)
    Server(storage).serve()
    assert study.get_trials()[-1].state == TrialState.RUNNING
    leave(storage.engine, here.worker)
    Server(storage).serve()
    assert study.get_trials()[-1].state == TrialState.WAITING


def test_a_study_without_its_baseline_is_never_stopped(run: Any, lenient: Spec) -> None:
    trials = run(lenient).study.get_trials()
    assert StoppingRule(lenient).halt(trials) is not None
    assert StoppingRule(lenient).halt(trials[1:]) is None


def test_a_trial_that_has_ended_is_looked_at_once(run: Any, lenient: Spec) -> None:
    trials = run(lenient).study.get_trials()
    rule, looked = StoppingRule(lenient), [Seen(trial) for trial in trials]
    found = [rule.halt(looked[:count]) for count in range(1, len(trials) + 1)]
    assert found == [StoppingRule(lenient).halt(trials[: n + 1]) for n in range(len(trials))]
    times = [each.times for each in looked]
    rule.halt(looked)
    assert [each.times for each in looked] == times
    # Those that are made after it was opened again are the ones in a row.
    assert found[-1] is not None
    assert rule.halt(looked, since=len(trials) - 1) is None
    assert rule.halt(looked) == found[-1]


class Seen:
    """A trial that counts how often anything is asked of it."""

    def __init__(self, trial: FrozenTrial) -> None:
        self._trial, self.times = trial, 0

    def __getattr__(self, name: str) -> Any:
        self.times += 1
        return getattr(self._trial, name)


def test_a_trial_that_lacks_a_fold_or_its_finite_score_counts_as_a_pruned_one(
    run: Any, lenient: Spec
) -> None:
    trials = run(lenient).study.get_trials()[: EARLIEST + 1]
    assert StoppingRule(lenient).halt(trials) is not None
    short = trials[3]
    whole = short.user_attrs["result"]["fold_scores"]
    short.user_attrs["result"]["fold_scores"] = [whole[0], float("inf")]
    assert StoppingRule(lenient).halt(trials) is None
    short.user_attrs["result"]["fold_scores"] = whole[:1]
    for state in (TrialState.COMPLETE, TrialState.PRUNED):
        short.state = state
        assert StoppingRule(lenient).halt(trials) is None
        assert StoppingRule(lenient).halt([*trials, trials[-1]]) is not None


def test_without_a_patience_no_study_stops(run: Any, lenient: Spec) -> None:
    spec = lenient.with_values({"stop.patience": None, "stop.noise": 1.0, "study.trials": 14})
    study = run(spec).study
    assert len(study.get_trials()) == 15
    assert why_stopped(study) is None


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"stop": {"noise": 2.0}}, "stop: noise has no effect without patience"),
        ({"stop": {"patience": 0}}, r"stop\.patience: got 0; accepted: a whole number ≥ 1"),
        ({"stop": {"patience": 3, "noise": 0}}, r"stop\.noise: got 0.*accepted: a number > 0"),
        (
            {"stop": {"patience": 3}, "score": {"second": "kid"}},
            r"stop\.patience = 3 needs one objective",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        spec_from_tables(tables, "f")
