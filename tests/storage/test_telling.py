"""What a trial tells is stored as Optuna stores it, together or not at all."""

import math
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from normsweep.storage import Measurement, open_storage, read_measurements
from normsweep.storage.telling import Ending, tell, write_attributes
from normsweep.storage.workers import claim, claimed, held

ATTRIBUTES = {"result": {"fold_scores": [0.1, 1e-300]}, "reason": "ä 'quoted'", "none": None}
REPORTS = {10: 0.25, 20: math.inf, 30: -math.inf, 40: math.nan}
ENDING = Ending(
    TrialState.COMPLETE,
    [1 / 3],
    constraints={"recall": 0.5, "kid": -1.0},
    user_attrs=ATTRIBUTES,
    system_attrs={"artifacts:1": "{}"},
)


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    opened = open_storage(storage_url, create=True)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def study(storage: RDBStorage) -> optuna.Study:
    return optuna.create_study(storage=storage, study_name="some")


def asked(study: optuna.Study) -> int:
    """The id of a trial in training, which "me" has claimed."""
    trial = study.ask()
    claim(study._storage._backend.engine, trial._trial_id, "me")
    return trial._trial_id


def rows(trial_id: int, step: int = 10) -> list[Measurement]:
    return [Measurement(trial_id, fold, step, 1.5, 0.5) for fold in range(2)]


def said(trial: FrozenTrial) -> tuple[Any, ...]:
    """All of a trial but its number, its identifier and the time."""
    values = [repr(value) for value in trial.values or ()]
    reports = {step: repr(value) for step, value in trial.intermediate_values.items()}
    over = trial.datetime_complete is not None
    return trial.state, values, reports, trial.user_attrs, trial.system_attrs, over


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.FAIL])
def test_it_is_what_optuna_s_own_calls_store(storage, study, state: TrialState) -> None:
    theirs = study.ask()
    for step, value in REPORTS.items():
        theirs.report(value, step)
    for key, value in ATTRIBUTES.items():
        theirs.set_user_attr(key, value)
    for name, missed in ENDING.constraints.items():
        theirs.set_constraint(name, missed)
    storage.set_trial_system_attr(theirs._trial_id, "artifacts:1", "{}")
    complete = state == TrialState.COMPLETE
    study.tell(theirs, [1 / 3] if complete else None, state=state)
    ours = asked(study)
    values = ENDING.values if complete else ()
    ending = Ending(state, values, ENDING.constraints, ATTRIBUTES, ENDING.system_attrs)
    tell(storage.engine, ours, "me", rows(ours), REPORTS, ending)
    first, second = study.get_trials()
    assert said(first) == said(second)
    assert first.constraints == second.constraints == {"recall": 0.5, "kid": -1.0}
    assert read_measurements(storage.engine, ours) == rows(ours)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_values_and_those_of_two_objectives_are_read_as_they_were(
    storage, value: float
) -> None:
    study = optuna.create_study(storage=storage, directions=["minimize", "maximize"])
    trial = asked(study)
    tell(storage.engine, trial, "me", ending=Ending(TrialState.COMPLETE, [value, 0.1]))
    assert study.get_trials()[0].values == [value, 0.1]


def test_a_chunk_leaves_the_trial_running_and_claimed_and_may_be_told_twice(storage, study) -> None:
    trial = asked(study)
    for report in (0.25, 9.0):
        tell(storage.engine, trial, "me", rows(trial), {10: report})
    (found,) = study.get_trials()
    assert (found.state, found.datetime_complete) == (TrialState.RUNNING, None)
    # As Optuna, which keeps the first report of a step.
    assert found.intermediate_values == {10: 0.25}
    assert read_measurements(storage.engine, trial) == rows(trial)
    assert held(storage.engine, "me") == {trial}


def test_with_its_end_the_claim_of_its_worker_ends_and_no_other(storage, study) -> None:
    mine, another = asked(study), study.ask()._trial_id
    claim(storage.engine, another, "another")
    for trial in (mine, another):
        tell(storage.engine, trial, "me", ending=ENDING)
    assert claimed(storage.engine) == {another: "another"}


def test_of_a_call_that_dies_at_any_statement_nothing_is_stored(storage, study) -> None:
    trial = asked(study)
    before, statements = said(study.get_trials()[0]), 0
    left = 0

    def dies(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    event.listen(storage.engine, "before_cursor_execute", dies)
    for statements in range(1, 100):
        left = statements
        try:
            tell(storage.engine, trial, "me", rows(trial), {10: 0.25}, ENDING)
        except KeyboardInterrupt:
            left = 0
            assert said(study.get_trials()[0]) == before
            assert read_measurements(storage.engine, trial) == []
            assert held(storage.engine, "me") == {trial}
        else:
            left = 0
            break
    assert said(study.get_trials()[0]) != before
    assert held(storage.engine, "me") == set()
    # Measurements, report, attributes of two kinds, value, state and claim, after one look.
    assert statements - 1 == 8 + (storage.engine.dialect.name == "sqlite")


def test_nothing_is_told_of_a_trial_that_has_ended_or_is_not_there(storage, study) -> None:
    trial = asked(study)
    tell(storage.engine, trial, "me", ending=ENDING)
    found = said(study.get_trials()[0])
    for call in (
        lambda: tell(storage.engine, trial, "me", rows(trial), {50: 1.0}),
        lambda: write_attributes(storage.engine, trial, {"config": {}}),
    ):
        with pytest.raises(UpdateFinishedTrialError, match="trial 0 has ended: COMPLETE"):
            call()
    assert said(study.get_trials()[0]) == found
    assert read_measurements(storage.engine, trial) == []
    with pytest.raises(KeyError):
        tell(storage.engine, trial + 1, "me")


def test_attributes_are_written_together_and_over_those_there(storage, study) -> None:
    trial = asked(study)
    begins: list[Any] = []
    event.listen(storage.engine, "commit", begins.append)
    write_attributes(storage.engine, trial, {"config": {"a": 1}, "method": "x"})
    write_attributes(storage.engine, trial, {"method": "y", "versions": {}})
    assert len(begins) == 2
    assert study.get_trials()[0].user_attrs == {"config": {"a": 1}, "method": "y", "versions": {}}
