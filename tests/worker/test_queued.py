"""Trials that other code has queued with what they cannot hold: they fail, and all others go on."""

from dataclasses import replace
from typing import Any

import jax
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from normsweep.cli.answers import print_answer
from normsweep.export.formats import exported
from normsweep.report.document import FORMATS, report_page
from normsweep.report.source import read_source
from normsweep.score.run import Run
from normsweep.score.training import Training
from normsweep.study.attributes import reason_of
from normsweep.study.status import status
from normsweep.verdict.answers import answer
from normsweep.worker import loop
from normsweep.worker.serve import Server
from normsweep.worker.submit import submit

STRENGTH = "penalty.strength = {}: accepted: numbers from 1e-06 to 0.1"
TARGET = 'penalty.target = {}: accepted: "generator", "discriminator", "both"'
BATCH = "train.batch = {}: accepted: 8, 16"
LATENT = "model.latent = {}: accepted: whole numbers from 4 to 8 in steps of 4"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"penalty.strength": "x"}, STRENGTH.format('"x"')),
    ({"penalty.strength": "1e-3"}, STRENGTH.format('"1e-3"')),
    ({"penalty.strength": None}, STRENGTH.format("None")),
    ({"penalty.strength": True}, STRENGTH.format("True")),
    ({"penalty.strength": [1e-3]}, STRENGTH.format("[0.001]")),
    ({"penalty.strength": float("nan")}, STRENGTH.format("nan")),
    ({"penalty.strength": float("inf")}, STRENGTH.format("inf")),
    ({"penalty.strength": -1}, STRENGTH.format("-1")),
    ({"penalty.strength": 0.5}, STRENGTH.format("0.5")),
    ({"penalty.strength": 10**400}, STRENGTH.format("1" + "0" * 79 + "…")),
    ({"penalty.strength": "y" * 10_000}, STRENGTH.format('"' + "y" * 79 + "…")),
    ({"penalty.target": "nobody"}, TARGET.format('"nobody"')),
    ({"penalty.target": {"a": 1}}, TARGET.format("{'a': 1}")),
    ({"penalty.target": 0}, TARGET.format("0")),
    ({"train.batch": 12}, BATCH.format("12")),
    ({"train.batch": True}, BATCH.format("True")),
    ({"model.latent": 6}, LATENT.format("6")),
    ({"model.latent": 4.5}, LATENT.format("4.5")),
    ({"model.latent": 10**12}, LATENT.format(str(10**12))),
    ({"penalty.order": 3.0}, "penalty.order = 3.0: is not searched; accepted: model.latent, "),
    ({"": 1}, " = 1: is not searched; accepted: model.latent, "),
]


def searching(make_spec, **changes: Any):
    return make_spec(
        **{
            "study__sampler": "random",
            "study__trials": 1,
            "penalty__strength": {"low": 1e-6, "high": 1e-1, "log": True},
            "train__steps": 4,
            "train__chunks": 2,
            **changes,
        }
    )


@pytest.fixture
def storage(databases, storage_url: str):
    return databases.open(storage_url)


def test_each_fails_with_field_value_and_what_is_accepted_and_the_others_are_trained(
    make_spec, storage, capsys
) -> None:
    spec = searching(
        make_spec,
        study__trials=len(WRONG) + 4,
        train__batch=[8, 16],
        model__latent={"low": 4, "high": 8, "step": 4},
    )
    _, study, *_ = submit(spec, storage)
    for parameters, _ in WRONG:
        study.enqueue_trial(parameters)
    for odd in ([1], 5, "text"):
        attributes = {"fixed_params": odd}
        study.add_trial(create_trial(state=TrialState.WAITING, system_attrs=attributes))
    # A whole number where fractions are meant, and the reverse: what Optuna takes for equal.
    study.enqueue_trial({"penalty.strength": 1e-3, "train.batch": 8.0, "model.latent": 4.0})
    heard: list[tuple[str, dict[str, Any]]] = []
    Server(storage, log=lambda event, /, **facts: heard.append((event, facts))).serve()
    baseline, *trials = study.get_trials()
    assert baseline.state == TrialState.COMPLETE
    for trial, (_, told) in zip(trials, WRONG, strict=False):
        assert trial.state == TrialState.FAIL
        assert (reason_of(trial) or "").startswith(told)
    for trial in trials[len(WRONG) : len(WRONG) + 3]:
        assert trial.state == TrialState.FAIL
        assert (reason_of(trial) or "").endswith("accepted: values by their names")
    assert trials[-1].state == TrialState.COMPLETE
    assert trials[-1].user_attrs["config"]["train"]["batch"] == 8
    assert sum(event == "trial failed" for event, _ in heard) == len(WRONG) + 3
    # What never began has no config: all that shows a study can do without.
    print_answer(answer(study), None)
    assert STRENGTH.format("0.5") in capsys.readouterr().out
    assert exported(study, storage, "csv")
    for render in FORMATS.values():
        assert "penalty.strength = nan" in render(report_page(read_source(study, storage)))
    (state,) = status(storage).studies
    assert (state.state, state.failed) == ("finished", len(WRONG) + 3)


def test_parameters_that_other_code_has_set_already_fail_their_trial(make_spec, storage) -> None:
    _, study, *_ = submit(searching(make_spec, study__trials=2), storage)
    asked = {"penalty.target": CategoricalDistribution(["generator", "nobody"])}
    waiting = {"state": TrialState.WAITING, "distributions": asked}
    study.add_trial(create_trial(params={"penalty.target": "nobody"}, **waiting))
    study.add_trial(create_trial(params={"penalty.target": "generator"}, **waiting))
    Server(storage).serve()
    first, second = study.get_trials()[1:]
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.FAIL)
    assert reason_of(first) == TARGET.format('"nobody"')
    assert "CategoricalDistribution" in (reason_of(second) or "")


def test_a_trial_that_other_code_ends_while_it_is_trained_is_let_go(make_spec, storage) -> None:
    _, study, *_ = submit(searching(make_spec, study__trials=2), storage)

    def log(event: str, /, **facts: Any) -> None:
        heard.append((event, facts.get("trial")))
        if heard[-1] == ("trial taken", 1):
            study.tell(1, state=TrialState.FAIL)

    heard: list[tuple[str, Any]] = []
    Server(storage, log=log).serve()
    assert ("trial ended by other code", 1) in heard
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert [trial.state for trial in study.get_trials()] == [complete, fail, complete]


def test_what_training_or_judging_a_trial_raises_fails_that_trial(
    make_spec, storage, monkeypatch
) -> None:
    _, study, *_ = submit(searching(make_spec, study__trials=2, study__slots=1), storage)
    judge, population = Run.judge, Training._population

    def failing_judge(run: Any, *arguments: Any) -> None:
        if run.trial.number == 1:
            raise ValueError("too large to be judged\nand more")
        judge(run, *arguments)

    def failing_population(training: Any, program: Any) -> Any:
        if len(study.get_trials()) == 3:
            raise MemoryError("no room")
        return population(training, program)

    monkeypatch.setattr(loop.TrialRun, "judge", failing_judge)
    monkeypatch.setattr(Training, "_population", failing_population)
    Server(storage).serve()
    baseline, first, second = study.get_trials()
    assert baseline.state == TrialState.COMPLETE
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.FAIL)
    assert (reason_of(first) or "").endswith("ValueError: too large to be judged")
    assert (reason_of(second) or "").endswith("MemoryError: no room")


def test_a_study_that_cannot_be_worked_on_is_passed_over_until_it_is_another(
    make_spec, storage
) -> None:
    spec = searching(make_spec)
    _, broken, *_ = submit(spec, storage)
    submit(searching(make_spec, study__name="next"), storage)
    whole = broken.user_attrs["stopped_by_itself"] = None
    # As a script may leave it: nothing that we have written.
    broken.set_user_attr("stopped_by_itself", {"of": "nobody"})
    heard: list[tuple[str, Any]] = []

    def log(event: str, /, **facts: Any) -> None:
        heard.append((event, facts.get("study")))
        if heard[-1] == ("study left", "next"):
            broken.set_user_attr("stopped_by_itself", whole)

    Server(storage, log=log).serve()
    told = [entry for entry in heard if entry[0].startswith("study")]
    assert told == [
        ("study passed over", "small"),
        ("study taken", "next"),
        ("study left", "next"),
        ("study taken", "small"),
        ("study left", "small"),
    ]
    assert all(trial.state == TrialState.COMPLETE for trial in broken.get_trials())


def test_a_study_whose_data_have_come_is_looked_at_again_after_a_while(
    make_spec, storage, monkeypatch
) -> None:
    _, study, *_ = submit(searching(make_spec), storage)
    fingerprints = study.user_attrs["fingerprints"]
    study.set_user_attr("fingerprints", fingerprints | {"data": "other"})
    server = Server(storage)
    server.serve()
    monkeypatch.setattr("normsweep.worker.serve.check_same_data", lambda *_: None)
    server.serve()
    assert study.get_trials()[0].state == TrialState.WAITING
    passed = server._passed_over["small"]
    server._passed_over["small"] = replace(passed, until=passed.until - 60)
    server.serve()
    assert {trial.state for trial in study.get_trials()} == {TrialState.COMPLETE}


def test_a_worker_that_dies_of_its_machine_counts_as_a_death_of_its_trials(
    make_spec, storage, monkeypatch
) -> None:
    _, study, *_ = submit(searching(make_spec, service__retries=1), storage)

    def lost(*_: Any) -> None:
        raise jax.errors.JaxRuntimeError("INTERNAL: device lost")

    monkeypatch.setattr(Training, "_population", lost)
    for _ in range(2):
        with pytest.raises(jax.errors.JaxRuntimeError):
            Server(storage).serve("small")
    first = study.get_trials()[0]
    assert first.state == TrialState.FAIL
    assert reason_of(first) == "its worker died 2 times in it"
