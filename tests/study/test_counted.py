"""Trials that are looked at again and again: counted as all at once, and those that ended once."""

from collections import Counter
from random import Random
from typing import Any, ClassVar

import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.study.attributes import CONFIRM, is_foreign, result_of
from normsweep.study.counted import Counted
from normsweep.study.plan import Plan
from normsweep.study.rounds import Round
from normsweep.study.tally import Count, tally

POINTS = [{"x": number} for number in range(12)]
PLANS = {
    "search": Plan(9),
    "more than are made": Plan(100),
    "none": Plan(0),
    "grid": Plan(9, POINTS),
    "short grid": Plan(4, POINTS),
}
RESULT = {"fold_scores": [1.0], "step": 1}


class Looked(FrozenTrial):
    """A trial that counts how often its attributes are looked at after its end."""

    looks: ClassVar[Counter[int]] = Counter()

    @property
    def user_attrs(self) -> dict[str, Any]:
        if self.state.is_finished():
            self.looks[self.number] += 1
        return self._user_attrs


def trial(number: int, state: TrialState, random: Random, said: dict[str, Any]) -> FrozenTrial:
    """One of a search or a baseline, ours or not, as it is in a state."""
    scored = state in (TrialState.COMPLETE, TrialState.PRUNED) and "foreign" not in said
    made = create_trial(
        state=state,
        value=random.choice([0.5, 1.0, 2.0]) if scored or state == TrialState.COMPLETE else None,
        user_attrs=said | ({"result": RESULT} if scored else {}),
        system_attrs={"fixed_params": said["point"]},
    )
    made.number = number
    return made


def histories(random: Random) -> list[list[FrozenTrial]]:
    """A study as it is read from time to time: trials are added, go on, and end."""
    trials: list[FrozenTrial] = []
    said: list[dict[str, Any]] = []
    found = []
    for _ in range(30):
        for number, each in enumerate(trials):
            if not each.state.is_finished() and random.random() < 0.3:
                state = random.choice(list(TrialState))
                trials[number] = trial(number, state, random, said[number])
        for _ in range(random.randrange(3)):
            role = "baseline" if random.random() < 0.1 else "search"
            others = [{}, {}, {"from": "another 3"}, {"foreign": True}, {"same config as": 0}]
            said.append({"role": role, "point": random.choice(POINTS)} | random.choice(others))
            state = random.choice(list(TrialState))
            trials.append(trial(len(trials), state, random, said[-1]))
        found.append(list(trials))
    return found


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", range(10))
def test_it_counts_as_a_plan_does_that_looks_at_all(name: str, seed: int) -> None:
    plan, counted = PLANS[name], Counted(PLANS[name])
    for trials in histories(Random(seed)):
        counted.look(trials)
        whole = plan.within(trials)
        unfinished = [each for each in whole if not each.state.is_finished()]
        numbers = [each.number for each in counted.unfinished()]
        assert sorted(numbers) == sorted(each.number for each in unfinished)
        assert [t.number for t in counted.running()] == [
            t.number for t in counted.unfinished() if t.state == TrialState.RUNNING
        ]
        assert counted.left() == plan.left(whole)
        assert counted.missing() == next(plan.missing(whole), None)
        over = {each.number for each in trials if each.state.is_finished()}
        assert {each.number for each in counted.ended} == over
        assert len(counted.ended) == len(over)


@pytest.mark.parametrize("direction", [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
@pytest.mark.parametrize("seed", range(5))
def test_a_count_that_goes_on_is_that_of_all_trials(seed: int, direction: StudyDirection) -> None:
    plan = Plan(9)
    counted, count = Counted(plan), Count(direction)
    for trials in histories(Random(seed)):
        counted.look(trials)
        ours = [each for each in trials if not is_foreign(each)]
        found = count.follow(counted)
        assert found == tally(trials, plan, direction)
        # By hand, from the words of what it is.
        scored = [t for t in ours if t.state == TrialState.COMPLETE and result_of(t)]
        search = [t for t in scored if t.user_attrs["role"] == "search"]
        first = [t for t in search if "same config as" not in t.user_attrs]
        sign = 1 if direction == StudyDirection.MINIMIZE else -1
        best = min(first, key=lambda t: (sign * t.values[0], t.number), default=None)
        baselines = [t for t in scored if t.user_attrs["role"] == "baseline"]
        assert (found.complete, found.best) == (len(scored), best)
        assert found.baseline == min(baselines, key=lambda t: t.number, default=None)


def test_the_trainings_of_a_round_are_counted_too() -> None:
    plan = Round(role=CONFIRM, seed=1, arms=("a", "b"))
    said = {"role": CONFIRM, "against": "a", "trial": None, "config": {}, "versions": {}}

    def arm(number: int, name: str, seed: int, state: TrialState, **more: Any) -> FrozenTrial:
        value = 1.0 if state == TrialState.COMPLETE else None
        attributes = said | {"arm": name, "seed": seed} | more
        made = create_trial(state=state, value=value, user_attrs=attributes)
        made.number = number
        return made

    running, complete = TrialState.RUNNING, TrialState.COMPLETE
    counted = Counted(plan)
    # Of another seed; ended by other code; the same once more; one of its own.
    trials = [
        arm(0, "a", 2, running),
        arm(1, "a", 1, complete),
        arm(2, "a", 1, running),
        arm(3, "a", 1, running),
        arm(4, "b", 1, complete, curve=[[1.0]]),
    ]
    counted.look(trials)
    assert [each.number for each in counted.unfinished()] == [2]
    assert counted.left() == plan.left(plan.within(trials)) == 1
    assert counted.missing() is None


def test_what_has_ended_is_looked_at_once_however_often_the_study_is_read() -> None:
    random, ended = Random(0), []
    for number in range(100):
        said = {"role": "search", "point": {}}
        made = trial(number, TrialState.COMPLETE, random, said)
        made.__class__ = Looked
        ended.append(made)
    counted, count = Counted(Plan(1000)), Count(StudyDirection.MINIMIZE)
    counted.look(ended[:50])
    count.add(counted.ended)
    Looked.looks.clear()
    running = trial(100, TrialState.RUNNING, random, {"role": "search", "point": {}})
    for _ in range(10):
        counted.look(ended[:50])
        assert (counted.left(), counted.unfinished(), counted.missing()) == (951, [], {})
    assert not Looked.looks
    counted.look([*ended, running])
    first = Looked.looks.copy()
    assert set(first) == set(range(50, 100))
    counted.look([*ended, running])
    assert (counted.left(), counted.running()) == (901, [running])
    assert Looked.looks == first
