"""A study that was stopped, however and wherever, and launched again."""

from collections import Counter
from dataclasses import replace
from typing import Any

import jax
import optuna
import pytest
from optuna.trial import TrialState

from normsweep.data.stored import DataLost
from normsweep.storage.workers import Worker, beat, claim, leave, this_worker
from normsweep.worker import loop, trial_run


def states(study: optuna.Study) -> Counter[str]:
    return Counter(trial.state.name for trial in study.get_trials())


def ends(study: optuna.Study) -> dict[int, Any]:
    """When each completed trial was completed."""
    return {
        trial.number: trial.datetime_complete
        for trial in study.get_trials()
        if trial.state == TrialState.COMPLETE
    }


@pytest.mark.parametrize("chunks", [0, 1, 4, 6, 11])
def test_a_stopped_grid_launched_again_ends_with_the_scores_of_one_never_stopped(
    example, run, make_spec, outcome, chunks: int
) -> None:
    first = run(make_spec(), chunks=chunks)
    assert not first.done
    stopped = states(first.study)
    assert stopped["RUNNING"] == 0
    # Three slots, four chunks to a trial: three trials complete with every fourth chunk.
    assert stopped["COMPLETE"] == 3 * (chunks // 4)
    before = ends(first.study)
    second = run(make_spec())
    assert second.done
    assert outcome(second.study) == outcome(example.study)
    assert before.items() <= ends(second.study).items(), "a completed trial ran again"


def test_a_grid_stopped_again_and_again_ends_with_the_same_scores(
    example, run, make_spec, outcome
) -> None:
    launches = 0
    while not (launched := run(make_spec(), chunks=5)).done:
        launches += 1
        assert states(launched.study)["RUNNING"] == 0
        assert launches < 10
    assert launches > 1
    assert outcome(launched.study) == outcome(example.study)


def test_a_stopped_launch_keeps_the_rows_of_a_trial_in_flight_and_doubles_none(
    example, run, make_spec, query, database
) -> None:
    run(make_spec(), chunks=2)
    rows = "select fold, step, fid, kid from sweep_measurements order by trial_id, step, fold"
    assert len(query(database, rows)) == 3 * 2 * 2
    run(make_spec())
    assert query(database, rows) == query(example.path, rows)


@pytest.mark.parametrize(
    ("sampler", "chunks"), [("tpe", 5), ("tpe", 9), ("random", 6), ("qmc", 9), ("cmaes", 9)]
)
def test_a_stopped_search_without_pruning_ends_with_the_scores_of_one_never_stopped(
    run, make_spec, outcome, tmp_path, sampler: str, chunks: int
) -> None:
    spec = make_spec(
        study__sampler=sampler,
        study__trials=8,
        study__startup_trials=3,
        penalty__strength={"low": 1e-4, "high": 1e-1, "log": True},
        penalty__order={"low": 1.0, "high": 2.0},
        # Numbers alone: CMA-ES proposes nothing else.
        penalty__target="both",
    )
    undisturbed = run(spec, url=f"sqlite:///{tmp_path / 'undisturbed.db'}")
    first = run(spec, chunks=chunks)
    assert not first.done
    assert states(first.study)["RUNNING"] == 0
    second = run(spec)
    assert second.done
    assert outcome(second.study) == outcome(undisturbed.study)


def test_a_stopped_search_with_pruning_loses_and_repeats_no_finished_trial(
    run, make_spec, outcome
) -> None:
    spec = make_spec(
        study__sampler="tpe",
        study__pruner="median",
        study__trials=12,
        study__startup_trials=2,
        penalty__strength={"low": 1e-4, "high": 1e-1, "log": True},
    )
    first = run(spec, chunks=10)
    assert not first.done
    assert states(first.study)["RUNNING"] == 0
    before = [entry for entry in outcome(first.study) if entry[1] in ("COMPLETE", "PRUNED")]
    assert before
    second = run(spec)
    after = outcome(second.study)
    assert second.done
    assert len(after) == 13
    assert set(states(second.study)) <= {"COMPLETE", "PRUNED"}
    assert all(entry in after for entry in before)


def test_an_error_in_the_middle_of_a_chunk_leaves_nothing_running(
    example, run, make_spec, outcome, monkeypatch
) -> None:
    write, calls = trial_run.tell, 0

    def fail(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 17:
            raise OSError("disk full")
        write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(trial_run, "tell", fail)
        with pytest.raises(OSError, match="disk full"):
            run(make_spec())
    first = run(make_spec(), chunks=0)
    assert states(first.study)["RUNNING"] == 0
    assert states(first.study)["COMPLETE"] == 3
    assert outcome(run(make_spec()).study) == outcome(example.study)


@pytest.mark.parametrize(
    "fault",
    [jax.errors.JaxRuntimeError("INTERNAL: device lost"), DataLost("digits: gone")],
    ids=["device", "data"],
)
@pytest.mark.parametrize(
    "place", ["Training._on_devices", "TrialRun.judge"], ids=["prepared", "judged"]
)
def test_what_any_trial_would_meet_fails_none_that_waits_with_a_checkpoint(
    example, run, make_spec, outcome, monkeypatch, place: str, fault: Exception
) -> None:
    run(make_spec(service__checkpoint_every=1), chunks=2)

    def broken(*_: Any) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(f"normsweep.worker.loop.{place}", broken)
        with pytest.raises(type(fault)):
            run(make_spec())
    stopped = run(make_spec(), chunks=0)
    assert set(states(stopped.study)) == {"WAITING"}
    assert outcome(run(make_spec()).study) == outcome(example.study)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_trial_cut_short_before_it_got_its_values_gets_the_same_ones_later(
    run, make_spec, outcome, monkeypatch, tmp_path, sampler: str
) -> None:
    spec = make_spec(
        study__sampler=sampler,
        study__trials=5,
        study__startup_trials=2,
        penalty__strength={"low": 1e-4, "high": 1e-1, "log": True},
    )
    undisturbed = run(spec, url=f"sqlite:///{tmp_path / 'undisturbed.db'}")
    begin, calls = loop.begin, 0

    def cut_short(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return begin(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "begin", cut_short)
        with pytest.raises(KeyboardInterrupt):
            run(spec)
    assert outcome(run(spec).study) == outcome(undisturbed.study)


def taken(study: optuna.Study, by: Worker | None) -> int:
    """The number of the first waiting trial, which a worker has from now on."""
    trial = study.ask()
    if by is not None:
        engine = study._storage._backend.engine
        beat(engine, by)
        assert claim(engine, trial._trial_id, by.worker)
    return trial.number


def test_a_trial_of_a_worker_that_died_is_taken_up_again(example, run, make_spec, outcome) -> None:
    first = run(make_spec(), chunks=0)
    here = this_worker("cpu")
    # No process has started in the future: the number was given out again.
    taken(first.study, replace(here, started=4e9))
    # A claim without a worker, and a trial without a claim.
    taken(first.study, replace(here, worker="b"))
    leave(first.study._storage._backend.engine, "b")
    taken(first.study, None)
    assert states(first.study) == {"RUNNING": 3, "WAITING": 4}
    assert outcome(run(make_spec()).study) == outcome(example.study)


def test_a_trial_of_a_worker_at_work_is_left_to_it(run, make_spec) -> None:
    first = run(make_spec(), chunks=0)
    here = this_worker("cpu")
    numbers = [
        taken(first.study, here),
        # Of another machine it is only known when it was heard of.
        taken(first.study, replace(here, worker="b", machine="elsewhere", pid=1, started=0.0)),
    ]
    # The others wait for these two, whose workers may die yet.
    second = run(make_spec(), timeout=5).study
    assert states(second) == {"RUNNING": 2, "COMPLETE": 5}
    assert all(second.get_trials()[number].state == TrialState.RUNNING for number in numbers)
