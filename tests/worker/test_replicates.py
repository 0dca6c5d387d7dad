"""Before a confirmation further seeds tell which config of a kind is the best, not the luckiest."""

import threading
from typing import Any

import numpy as np
import pytest

from normsweep.study.attributes import CONFIRM, REPLICATE
from normsweep.study.confirmation import Arm, find_confirmation, planned, trainings
from normsweep.study.records import load_study
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arm_name, arms, candidates, contenders
from normsweep.verdict.race import race
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.statistics import racing
from normsweep.verdict.wording import details
from normsweep.worker import arm_work
from normsweep.worker.confirming import Confirming

Held = dict[tuple[str, str, int], Any]


@pytest.fixture
def opened(copied_example, databases, storage_url, monkeypatch):
    """The finished example, to be confirmed; all configs of a kind are within noise."""
    monkeypatch.setattr(racing, "WITHIN", 1e6)
    storage = databases.open(storage_url)
    return load_study("small", storage), storage


def held_by(study, storage) -> Held:
    """The curves of a confirmation, for comparison to the bit."""
    found = trainings(find_confirmation(study, storage))
    return {(e.role, e.arm, e.seed): None if e.curve is None else e.curve.tolist() for e in found}


def test_so_many_trainings_say_which_configs_are_confirmed(opened) -> None:
    study, storage = opened
    before = [arm_name(entry) for entry in candidates(answer(study), 3)]
    assert Confirming(study, storage).run(top=3, seeds=1, replicates=7)
    held = held_by(study, storage)
    replicated = {key[1:] for key in held if key[0] == REPLICATE}
    # Two configs of each of the three kinds, and one of them once more.
    everyone = {arm_name(entry) for entry in contenders(answer(study))}
    assert len(everyone) == 6 and {(name, 1) for name in everyone} < replicated
    assert len(replicated) == 7
    # The best of each kind over the seeds that both have.
    ran = race(answer(study), trainings(find_confirmation(study, storage)), 3, 7)
    assert (ran.next, ran.trained, ran.racers) == (None, 7, 6)
    kinds = [(entry.kind, entry.target) for entry in ran.entries]
    best = {arm_name(ran.entries[c]) for c in racing.chosen(ran.costs, kinds, 3)}
    assert {name for role, name, _ in held if role == CONFIRM} == {"baseline", *best}
    assert len(best) == len(before) == 3
    found = read_confirmation(study, storage)
    assert found is not None and "7 further trainings at most" in " ".join(details(found))
    # On which no verdict rests: they have seeds, folds and draws of their own.
    name = found.best.name
    assert found.best.scores.tolist() == [held[CONFIRM, name, 1][-1]]
    assert held[CONFIRM, name, 1] != held[REPLICATE, name, 1]


def test_one_that_is_stopped_goes_on_to_the_bits_of_one_that_was_not(
    opened, copied_example, databases, tmp_path, storage_url
) -> None:
    study, storage = opened
    other = tmp_path / "undisturbed.db"
    other.write_bytes(copied_example.read_bytes())
    alone = databases.open(f"sqlite:///{other}")
    undisturbed = load_study("small", alone)
    assert Confirming(undisturbed, alone).run(top=1, seeds=1, replicates=2)
    told: list[Any] = []
    stopped = Confirming(study, storage, watch=told.append, stop=lambda: len(told) > 2)
    assert not stopped.run(top=1, seeds=1, replicates=2)
    wanted = planned(find_confirmation(study, storage))
    assert wanted is not None and (wanted.arms, wanted.replicates) == ({}, 2)
    # Nothing is confirmed yet that a verdict could be of.
    assert read_confirmation(study, storage) is None
    assert Confirming(study, storage).join()
    assert held_by(study, storage) == held_by(undisturbed, alone)


def test_two_that_confirm_at_once_share_them(opened, databases, storage_url) -> None:
    study, storage = opened
    trained: list[tuple[str, int]] = []

    def confirm() -> None:
        def log(event: str, **facts: Any) -> None:
            if event == "confirmed":
                trained.append((facts["arm"], facts["seed"]))

        own = databases.open(storage_url)
        assert Confirming(load_study("small", own), own, log=log).run(1, 1, 3)

    threads = [threading.Thread(target=confirm) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = held_by(study, storage)
    assert len(trained) == len(held) == 3 + 2
    assert sum(role == REPLICATE for role, _, _ in held) == 3


@pytest.mark.parametrize("top", [2, 3])
def test_what_is_asked_for_while_a_race_is_concluded_holds(opened, monkeypatch, top) -> None:
    study, storage = opened
    asked: list[int] = []

    def arms_and_another_call(*arguments: Any) -> list[Arm]:
        found = arms(*arguments)
        if not asked:
            asked.append(top)
            # Of whom the race is over for, and of whom it goes on.
            further = {2: 5, 3: 2}[top]
            assert not Confirming(study, storage, stop=lambda: True).run(top, 1, further)
        return found

    monkeypatch.setattr(arm_work, "arms", arms_and_another_call)
    assert Confirming(study, storage).run(top=1, seeds=2, replicates=2)
    wanted = planned(find_confirmation(study, storage))
    assert asked == [top] and wanted is not None
    assert (wanted.top, wanted.seeds, len(wanted.arms)) == (top, 1, 1 + top)
    held = held_by(study, storage)
    confirmed = {(name, seed) for role, name, seed in held if role == CONFIRM}
    assert confirmed == {(name, 1) for name in wanted.arms}


def test_once_a_confirmation_has_begun_it_takes_no_more(opened) -> None:
    study, storage = opened
    assert Confirming(study, storage).run(top=1, seeds=1)
    assert Confirming(study, storage).run(top=1, seeds=1, replicates=4)
    assert {role for role, _, _ in held_by(study, storage)} == {CONFIRM}
    # Nor does another number of seeds change who was chosen.
    wanted = planned(find_confirmation(study, storage))
    assert wanted is not None and wanted.replicates == 0


def test_a_training_that_diverged_is_worse_than_all(opened) -> None:
    study, storage = opened
    assert Confirming(study, storage).run(top=1, seeds=1, replicates=2)
    everything = trainings(find_confirmation(study, storage))
    found = answer(study)
    lost = [e for e in everything if e.role == REPLICATE]
    for each in lost:
        each.__dict__["curve"] = None
    ran = race(found, lost, 1, 2)
    assert sum(not np.isfinite(each).all() for each in ran.costs) == 2


def test_the_spec_says_how_many(opened, example) -> None:
    study, storage = opened
    changes = {"confirm.seeds": 1, "confirm.top": 1, "confirm.replicates": 2}
    study.set_user_attr("spec", example.spec.with_values(changes).plain())
    assert Confirming(study, storage).run_if_wanted()
    assert sum(role == REPLICATE for role, _, _ in held_by(study, storage)) == 2
