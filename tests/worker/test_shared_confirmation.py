"""A confirmation is shared by those who train it, and outlasts them, to the bits of one."""

import pkgutil
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from normsweep.engine.population import Population
from normsweep.errors import UserError
from normsweep.score.judge import Judge
from normsweep.storage import open_storage, read_measurements
from normsweep.storage.files import study_folder
from normsweep.storage.influences import read_influences
from normsweep.storage.workers import Worker, beat, this_worker
from normsweep.study.confirmation import (
    counted_trials,
    find_confirmation,
    open_confirmation,
    plan_confirmation,
    planned,
    trainings,
)
from normsweep.study.control import StudyDeleted, set_control
from normsweep.study.deleting import all_of_study
from normsweep.study.records import load_study
from normsweep.study.rounds import Round, make_rounds
from normsweep.study.status import status
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arms
from normsweep.verdict.effect import Effect
from normsweep.worker import part
from normsweep.worker.confirming import Confirming, is_to_confirm
from normsweep.worker.launch import launch
from normsweep.worker.serve import Server

CUT = OperationalError("SELECT …", {}, sqlite3.OperationalError("database is locked"))
Held = dict[tuple[str, str, int], list[Any]]


def held_by(study: optuna.Study, storage: RDBStorage) -> Held:
    """All that a confirmation holds, for comparison to the bit."""
    held = find_confirmation(study, storage)
    assert held is not None
    trials = held.get_trials()
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    assert len(counted_trials(held)) == len(trials)
    found: Held = {}
    for trial in trials:
        said = trial.user_attrs
        rows = read_measurements(storage.engine, trial._trial_id)
        added = read_influences(storage.engine, [trial._trial_id], range(1000))
        found[said["role"], said["arm"], said["seed"]] = [
            trial.values,
            trial.intermediate_values,
            said["curve"],
            said["result"],
            said["config"],
            [replace(row, trial_id=0) for row in rows],
            {step: row.tobytes() for (_, step), row in added.items()},
        ]
    return found


def curves_of(held: optuna.Study) -> dict[tuple[str, str, int], Any]:
    """The curves of all trainings that have ended; None of those that diverged."""
    return {
        (each.role, each.arm, each.seed): None if each.curve is None else each.curve.tolist()
        for each in trainings(held)
    }


@pytest.fixture(scope="session")
def confirmed(example, tmp_path_factory) -> Callable[..., Held]:
    """What one process finds, undisturbed, of the example."""
    kept: dict[tuple[int, int], Held] = {}

    def confirmed(top: int, seeds: int) -> Held:
        if (top, seeds) not in kept:
            path = tmp_path_factory.mktemp("alone") / "studies.db"
            with (
                closing(sqlite3.connect(example.path)) as source,
                closing(sqlite3.connect(path)) as target,
            ):
                source.backup(target)
            storage = open_storage(f"sqlite:///{path}")
            study = load_study("small", storage)
            assert Confirming(study, storage).run(top, seeds)
            kept[top, seeds] = held_by(study, storage)
            storage.engine.dispose()
        return kept[top, seeds]

    return confirmed


@pytest.fixture
def opened(copied_example, databases, storage_url):
    """The finished example, to be confirmed."""
    storage = databases.open(storage_url)
    return load_study("small", storage), storage


def test_two_that_confirm_at_once_share_it_and_find_the_bits_of_one(
    opened, confirmed, databases, storage_url, monkeypatch, query, database
) -> None:
    study, storage = opened
    expected, advance = confirmed(3, 2), Population.advance

    def slowly(*arguments: Any) -> Any:
        # Else one would be done before the other has begun.
        time.sleep(0.1)
        return advance(*arguments)

    monkeypatch.setattr(Population, "advance", slowly)
    trained: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}

    def confirm(name: str) -> None:
        def log(event: str, **facts: Any) -> None:
            if event == "confirmed":
                trained[name].append((facts["arm"], facts["seed"]))

        own = databases.open(storage_url)
        assert Confirming(load_study("small", own), own, log=log).run(3, 2)

    threads = [threading.Thread(target=confirm, args=(name,)) for name in trained]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held_by(study, storage) == expected
    assert all(trained.values())
    together = [pair for pairs in trained.values() for pair in pairs]
    assert len(together) == len(set(together)) == len(expected)
    assert query(database, "select * from sweep_claims") == []


@pytest.fixture
def populations(monkeypatch) -> list[int]:
    """How many slots each population had, as it was made."""
    found: list[int] = []
    make = Population.__init__

    def made(population: Population, *arguments: Any) -> None:
        make(population, *arguments)
        found.append(population.slots)

    monkeypatch.setattr(Population, "__init__", made)
    return found


def test_what_fits_is_found_once_and_an_accelerator_has_no_more_slots_than_arms(
    opened, confirmed, populations, monkeypatch
) -> None:
    study, storage = opened
    expected = confirmed(1, 2)
    asked: list[Any] = []

    def fits(*arguments: Any) -> int:
        asked.append(arguments)
        return 5

    monkeypatch.setattr("normsweep.score.training.fitting_slots", fits)
    accelerator = SimpleNamespace(platform="gpu")
    monkeypatch.setattr("normsweep.worker.arm_work.local_devices", lambda: [accelerator])
    written = study.user_attrs["spec"]
    written["study"]["slots"] = "auto"
    study.set_user_attr("spec", written)
    populations.clear()
    assert Confirming(study, storage).run(1, 2)
    # A round for each seed, of the candidate and the baseline.
    assert (len(asked), populations) == (1, [2, 2])
    assert held_by(study, storage) == expected


def test_on_a_cpu_it_has_the_slots_of_the_search_whose_program_is_compiled(
    opened, populations
) -> None:
    study, storage = opened
    assert Confirming(study, storage).run(1, 2)
    assert populations == [3, 3]


def test_what_its_word_ends_after_few_seeds_is_ended_for_all(opened, monkeypatch) -> None:
    study, storage = opened
    # As if every look were certain.
    monkeypatch.setattr(Effect, "is_certain", property(lambda effect: True))
    assert Confirming(study, storage).run(1, 5)
    Server(storage).serve()
    assert not is_to_confirm(study, storage)
    assert {seed for _, _, seed in held_by(study, storage)} == {1, 2, 3}
    held = find_confirmation(study, storage)
    assert held is not None and len(held.get_trials()) == 6


def test_a_round_is_made_once_whoever_makes_it(opened) -> None:
    study, storage = opened
    held = open_confirmation(study, storage)
    wanted = {arm.name: arm for arm in arms(answer(study), study.get_trials(), 1)}
    rounds = [Round(seed=seed, arms=tuple(wanted)) for seed in (1, 2)]
    both = [
        threading.Thread(target=make_rounds, args=(held, storage, rounds, wanted)) for _ in "ab"
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert [trial.state for trial in held.get_trials()] == [TrialState.WAITING] * 4
    # None of it is a training yet.
    assert counted_trials(held) == []


def test_one_that_is_stopped_gives_back_what_another_goes_on_with(
    opened, confirmed, query, database
) -> None:
    study, storage = opened
    told: list[Any] = []
    stopped = Confirming(study, storage, watch=told.append, stop=lambda: len(told) > 2)
    assert not stopped.run(1, 1)
    held = find_confirmation(study, storage)
    assert held is not None
    assert {trial.state for trial in held.get_trials()} == {TrialState.WAITING}
    places = study_folder(database.with_suffix(".files"), held.study_name) / "checkpoints"
    assert len(list(places.glob("*/step-*"))) == 2
    taken: list[int] = []

    def log(event: str, **facts: Any) -> None:
        if event == "arm taken":
            taken.append(facts["step"])

    assert Confirming(study, storage, log=log).join()
    assert taken == [20, 20]
    assert held_by(study, storage) == confirmed(1, 1)
    assert not list(places.glob("*"))
    assert query(database, "select * from sweep_claims") == []


def test_what_nobody_asks_for_any_more_does_not_wait_for_ever(
    opened, confirmed, query, database
) -> None:
    study, storage = opened
    told: list[Any] = []
    assert not Confirming(study, storage, watch=told.append, stop=lambda: len(told) > 2).run(3, 2)
    held = find_confirmation(study, storage)
    assert held is not None
    assert {trial.state for trial in held.get_trials()} == {TrialState.WAITING}
    assert Confirming(study, storage).run(1, 1)
    states = [trial.state for trial in held.get_trials()]
    assert states.count(TrialState.COMPLETE) == 2 and states.count(TrialState.FAIL) == 6
    assert curves_of(held) == {key: kept[2] for key, kept in confirmed(1, 1).items()}
    places = study_folder(database.with_suffix(".files"), held.study_name) / "checkpoints"
    assert not list(places.glob("*"))
    assert query(database, "select * from sweep_claims") == []
    # Asked for again it is made again, and nothing waits in the end.
    assert Confirming(study, storage).run(3, 2)
    assert curves_of(held) == {key: kept[2] for key, kept in confirmed(3, 2).items()}
    assert TrialState.WAITING not in {trial.state for trial in held.get_trials()}


@pytest.mark.parametrize(
    "name",
    [
        "confirming.checked_spec",
        "confirming.plan_confirmation",
        "arm_work.planned",
        "arm_work.make_rounds",
        "arm_work.trainings",
        "arm_work.claimed",
        "arm_work.write_begin",
        "arm_run.add_influences",
        "arm_run.of_curve",
        "arm_work.conclude",
    ],
)
def test_a_database_that_is_away_is_waited_for(opened, confirmed, monkeypatch, name: str) -> None:
    study, storage = opened
    expected = confirmed(1, 1)
    place = f"normsweep.worker.{name}"
    module, _, function = place.rpartition(".")
    called, heard = iter([True, True]), []
    found = getattr(__import__(module, fromlist=[function]), function)

    def failing(*arguments: Any, **options: Any) -> Any:
        if next(called, False):
            raise CUT
        return found(*arguments, **options)

    monkeypatch.setattr(place, failing)
    assert Confirming(study, storage, log=lambda event, **facts: heard.append(event)).run(1, 1)
    assert heard.count("storage away") == heard.count("storage back") == 1
    assert held_by(study, storage) == expected


def test_one_that_an_earlier_version_began_is_gone_on_with(opened, confirmed) -> None:
    study, storage = opened
    Confirming(study, storage).run(1, 1)
    held = find_confirmation(study, storage)
    assert held is not None
    # It stored a training as a whole when it was over, and had one look, at the end.
    (first, *_) = held.get_trials()
    storage.delete_study(held._study_id)
    held = open_confirmation(study, storage)
    plan_confirmation(held, 1, 2, arms(answer(study), study.get_trials(), 1))
    storage.create_new_trial(held._study_id, template_trial=first)
    assert is_to_confirm(study, storage)
    Server(storage).serve("small")
    found = {key: entry[:5] for key, entry in held_by(study, storage).items()}
    assert found == {key: entry[:5] for key, entry in confirmed(1, 2).items()}
    assert planned(held).looks == ()


def test_one_that_an_earlier_version_ended_is_left_alone(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(1, 1)
    held = find_confirmation(study, storage)
    assert held is not None
    plan_confirmation(held, 1, 1, arms(answer(study), study.get_trials(), 1))
    held.set_user_attr("concluded", None)
    assert not is_to_confirm(study, storage)
    plan_confirmation(held, 1, 2, arms(answer(study), study.get_trials(), 1))
    assert is_to_confirm(study, storage)


def test_one_trains_as_many_arms_as_are_its_share(opened, monkeypatch) -> None:
    study, storage = opened
    running: list[int] = []

    def watch(progress: Any) -> None:
        running.append(progress.running)

    Confirming(study, storage, watch=watch).run(3, 1)
    assert max(running) == 3
    # Another that lives, and has taken nothing yet.
    held = find_confirmation(study, storage)
    assert held is not None
    beat(storage.engine, replace(this_worker("cpu"), study=held.study_name))
    running.clear()
    Confirming(study, storage, watch=watch).run(3, 2)
    # Until half of what it has is trained.
    assert running[:2] == [2, 2]


def test_who_confirms_is_shown_and_its_study_not_deleted_meanwhile(opened, database) -> None:
    study, storage = opened
    seen: list[Any] = []

    def watch(progress: Any) -> None:
        if progress.running and not seen:
            seen.extend(status(storage).workers)
            with pytest.raises(UserError, match="is at work on it"):
                all_of_study(study, storage, Path(database).parent)

    Confirming(study, storage, watch=watch).run(1, 1)
    assert [(each.study, each.trials) for each in seen] == [("small (confirmation)", (0, 1))]


@pytest.mark.parametrize(("before", "done"), [("open", False), ("stopped", True)])
def test_a_stop_ends_a_confirmation_unless_it_was_asked_for_afterwards(
    opened, before: str, done: bool
) -> None:
    study, storage = opened
    set_control(study, before)
    ended = Confirming(study, storage, watch=lambda progress: set_control(study, "stopped")).run(
        1, 1
    )
    assert ended == done


@pytest.mark.parametrize("which", ["small", "small (confirmation)"])
def test_one_that_is_deleted_meanwhile_ends_with_one_message(opened, which: str) -> None:
    study, storage = opened

    def watch(progress: Any) -> None:
        optuna.delete_study(study_name=which, storage=storage)

    with pytest.raises(StudyDeleted, match=re.escape(f"study '{which}' was deleted")):
        Confirming(study, storage, watch=watch).run(1, 1)


def test_a_worker_may_die_in_it_as_often_as_it_likes(
    make_spec, run, databases, storage_url, monkeypatch
) -> None:
    spec = make_spec(service__retries=0, study__trials=1, confirm__seeds=1, confirm__top=1)

    class Dead(BaseException):
        pass

    def dead(device: str) -> Worker:
        return replace(this_worker(device), started=0.0)

    def dies(*_: Any) -> None:
        raise Dead

    assert launch(spec.with_values({"confirm.seeds": 0}), databases.open(storage_url)).done
    for _ in range(2):
        with monkeypatch.context() as patched, pytest.raises(Dead):
            patched.setattr(part, "this_worker", dead)
            patched.setattr("normsweep.worker.arm_run.of_curve", dies)
            # Of a process that ends, nothing is given back.
            patched.setattr("normsweep.worker.loop.Work._give_back", lambda *_: None)
            run(spec)
    assert run(spec).done
    storage = databases.open(storage_url)
    assert len(held_by(load_study("small", storage), storage)) == 2


FULL = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no 3 GiB")


@pytest.mark.parametrize(
    ("place", "error", "at"),
    [
        ("score.training.Population.advance", FULL, 1),
        ("score.training.Population.advance", FULL, 3),
        ("worker.arm_run.ArmRun.judge", MemoryError("no room"), 7),
        ("worker.arm_run.image_influences", OSError("mine.txt: gone"), 8),
    ],
    ids=["first chunk", "later chunk", "judged", "looked at"],
)
def test_what_passes_is_no_seed_that_diverged(
    opened, confirmed, monkeypatch, place: str, error: Exception, at: int
) -> None:
    study, storage = opened
    expected = confirmed(1, 2)
    place = f"normsweep.{place}"
    real, calls = pkgutil.resolve_name(place), 0

    def once(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise error
        return real(*arguments)

    monkeypatch.setattr(place, once)
    with pytest.raises(UserError, match=rf"seed \d: .*{error}; nothing finished is lost"):
        Confirming(study, storage).run(1, 2)
    held = find_confirmation(study, storage)
    assert held is not None
    states = [trial.state for trial in held.get_trials()]
    assert set(states) <= {TrialState.WAITING, TrialState.COMPLETE}
    # Of two arms at their last chunk the other one is stored.
    assert states.count(TrialState.COMPLETE) == (1 if at > 4 else 0)
    assert Confirming(study, storage).run(1, 2)
    assert held_by(study, storage) == expected


def test_samples_that_a_judge_cannot_compute_with_are_of_a_seed_that_diverged(
    opened, monkeypatch
) -> None:
    study, storage = opened
    judge, calls = Judge.measure, 0

    def once(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise np.linalg.LinAlgError("no convergence")
        return judge(*arguments)

    monkeypatch.setattr(Judge, "measure", once)
    assert Confirming(study, storage).run(1, 2)
    held = find_confirmation(study, storage)
    assert held is not None
    states = [trial.state for trial in held.get_trials()]
    assert (states.count(TrialState.FAIL), states.count(TrialState.COMPLETE)) == (1, 3)
