"""A config that was trained already: its result is taken over, marked so, and ranked once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from normsweep.export.configs import best_configs
from normsweep.score.run import Failed
from normsweep.study.attributes import config_of, twin_of
from normsweep.study.plan import plan_of
from normsweep.study.ranking import trained
from normsweep.verdict.answers import answer
from normsweep.worker import loop
from normsweep.worker.loop import Work

REPEATING = {
    "study__sampler": "random",
    "study__trials": 6,
    "penalty__target": "both",
    "train__steps": 4,
    "train__chunks": 2,
}
COMPLETE, WAITING, FAIL = TrialState.COMPLETE, TrialState.WAITING, TrialState.FAIL


@pytest.fixture
def chunks(monkeypatch) -> Iterator[list[int]]:
    """The trials that were trained, by number, once a chunk."""
    found: list[int] = []
    advance = Work._advance

    def counted(work: Any) -> None:
        before = {id(run): run.chunks for run in work._slots if run is not None}
        runs = [run for run in work._slots if run is not None]
        advance(work)
        found.extend(run.trial.number for run in runs if run.chunks > before[id(run)])

    monkeypatch.setattr(Work, "_advance", counted)
    yield found


def strength_of(trial: optuna.trial.FrozenTrial) -> float:
    return float(trial.params["penalty.strength"])


@pytest.mark.parametrize("slots", [1, 4])
def test_of_six_trials_of_two_configs_two_are_trained(
    run, make_spec, chunks, query, database, slots: int
) -> None:
    study = run(make_spec(study__slots=slots, **REPEATING)).study
    trials = study.get_trials()
    assert {trial.state for trial in trials} == {COMPLETE}
    strengths = {strength_of(trial) for trial in trials[1:]}
    assert len(set(chunks)) == 1 + len(strengths)
    for trial in trials[1:]:
        if (twin := twin_of(trial)) is not None:
            other = trials[twin]
            assert trial.number not in chunks
            assert (trial.params, trial.values) == (other.params, other.values)
            assert trial.user_attrs["result"] == other.user_attrs["result"]
            assert trial.intermediate_values == other.intermediate_values
            columns = "select fold, step, fid, kid, others from sweep_measurements"
            rows = [
                query(database, f"{columns} where trial_id = ? order by 1, 2", each._trial_id)
                for each in (trial, other)
            ]
            assert rows[0] == rows[1] and len(rows[0]) == 4
    found = answer(study)
    assert len(found.ranking) == len(strengths) == 2
    assert "the same config was asked for again" in found.warnings[-1]
    best = best_configs(study, 2)
    assert len({config.spec.penalty.strength for config in best}) == 2


@pytest.fixture
def another_meanwhile(monkeypatch) -> Callable[[Callable[[], None], Callable[[Any], None]], None]:
    """Calls a function when trial 1 is to train its first chunk, and then another of its run."""

    def arrange(meanwhile: Callable[[], None], then: Callable[[Any], None]) -> None:
        advance, called = Work._advance, []

        def hindered(work: Any) -> None:
            runs = [run for run in work._slots if run is not None and run.trial.number == 1]
            if runs and not called:
                called.append(True)
                meanwhile()
                then(runs[0])
            advance(work)

        monkeypatch.setattr(Work, "_advance", hindered)

    return arrange


@pytest.mark.parametrize("end", ["complete", "fails"])
def test_what_another_worker_trains_waits_for_it_and_the_worker_does_what_else_there_is(
    run, make_spec, monkeypatch, chunks, another_meanwhile, end: str
) -> None:
    spec, rested, seen = make_spec(study__slots=1, **REPEATING), [], []
    monkeypatch.setattr(Work, "_rest", lambda work: rested.append(True))

    def meanwhile() -> None:
        study = run(spec, stop=lambda: bool(rested)).study
        seen.extend(study.get_trials())

    def then(first: Any) -> None:
        if end == "fails":
            first.end = Failed("it is a test's")

    another_meanwhile(meanwhile, then)
    trials = run(spec).study.get_trials()
    same = [t.number for t in seen[2:] if strength_of(t) == strength_of(seen[1])]
    others = [t.number for t in seen[2:] if t.number not in same]
    # All that could be done is done, and what is like trial 1 has waited.
    assert same and others
    assert {seen[number].state for number in same} == {WAITING}
    assert {seen[number].state for number in others} == {COMPLETE}
    trained_once = {0, others[0], 1 if end == "complete" else same[0]}
    assert Counter(chunks) == {number: 2 for number in trained_once}
    assert trials[1].state == (COMPLETE if end == "complete" else FAIL)
    assert {trials[number].state for number in same} == {COMPLETE}


def test_what_a_dead_worker_trained_is_trained_once(
    run, make_spec, monkeypatch, chunks, another_meanwhile
) -> None:
    class Dead(BaseException):
        pass

    spec, rested = make_spec(study__slots=1, **REPEATING), []
    monkeypatch.setattr(Work, "_rest", lambda work: rested.append(True))

    def dies(first: Any) -> None:
        raise Dead

    another_meanwhile(lambda: run(spec, stop=lambda: bool(rested)), dies)
    with monkeypatch.context() as patched, pytest.raises(Dead):
        # Nothing is given back, as after kill -9: its row goes, by which it is known for dead.
        patched.setattr(Work, "_give_back", lambda work, died: None)
        run(spec)
    study = run(spec).study
    assert {trial.state for trial in study.get_trials()} == {COMPLETE}
    assert len(chunks) == 3 * 2 and len(set(chunks)) == 3


def test_of_two_workers_at_once_one_trains_a_config(
    run, make_spec, monkeypatch, chunks, databases, new_url, tmp_path
) -> None:
    """Worker b begins trial 2 and is at its first chunk before a begins trial 1, of its config."""
    monkeypatch.setattr(loop, "_REST", 0.05)
    spec = make_spec(study__slots=1, **REPEATING)
    url = new_url(tmp_path)
    study = run(spec, url=url, stop=lambda: True).study
    for _ in range(2):
        study.enqueue_trial({"penalty.strength": 1e-4})
    begun = {number: threading.Event() for number in (1, 2)}
    begin, advance = Work._begin, Work._advance

    def late(work: Any, trial: optuna.Trial, slot: int) -> Any:
        if trial.number == 1:
            assert begun[2].wait(600)
        try:
            return begin(work, trial, slot)
        finally:
            if trial.number == 1:
                begun[1].set()

    def hindered(work: Any) -> None:
        if any(run is not None and run.trial.number == 2 for run in work._slots):
            begun[2].set()
            assert begun[1].wait(600)
        advance(work)

    monkeypatch.setattr(Work, "_begin", late)
    monkeypatch.setattr(Work, "_advance", hindered)
    workers = [threading.Thread(target=run, args=(spec,), kwargs={"url": url}) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # Where both make the last one, of which one counts, the other waits for ever.
    trials = plan_of(spec).within(study.get_trials())
    assert {trial.state for trial in trials} == {COMPLETE}
    configs = {trained(config_of(trial)) for trial in trials}
    assert len([trial for trial in trials if twin_of(trial) is None]) == len(configs) == 3
    # Of trial 2 one chunk was trained in vain.
    assert Counter(chunks)[1] == 2 and Counter(chunks)[2] <= 1
