"""Samplers with ask and tell, as a study uses them: built anew for each trial, baseline first."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from normsweep.errors import UserError
from normsweep.search.samplers import SAMPLERS, SamplerSettings, check_sampler, sampler, trial_seed
from normsweep.spec import spec_from_tables
from normsweep.spec.space import resolve, unconditional_space
from normsweep.storage import open_storage

STARTUP = 4
SPEC = spec_from_tables(
    {
        "penalty": {
            "strength": {"low": 1e-6, "high": 1e-1, "log": True},
            "order": {"low": 1.0, "high": 2.0},
            "target": ["generator", "discriminator", "both"],
        }
    },
    "f",
)
NUMERIC = {"penalty.strength", "penalty.order"}
ALL = NUMERIC | {"penalty.target"}


def loss(params: dict[str, Any]) -> float:
    """Smallest at strength 1e-3, order 1 and target both."""
    away = abs(math.log10(params["penalty.strength"]) + 3)
    return away + params["penalty.order"] + (params["penalty.target"] != "both")


class Run:
    """A study with its slots: asks to fill them, then tells the oldest trial its value."""

    def __init__(
        self,
        name: str,
        seed: int = 0,
        slots: int = 3,
        sign: float = 1,
        storage: BaseStorage | None = None,
    ) -> None:
        self.name, self.seed, self.slots, self.sign = name, seed, slots, sign
        self.storage = storage or InMemoryStorage()
        self.study = optuna.create_study(storage=self.storage, study_name="study")
        self.study.enqueue_trial({}, user_attrs={"role": "baseline"})
        self.flying: list[optuna.Trial] = []
        self.relative: dict[int, dict[str, Any]] = {}

    def until(self, trials: int) -> "Run":
        """Goes on until there are this many trials, and all of them are told."""
        while self.begin(trials) or self.flying:
            self.end_oldest()
        return self

    def begin(self, trials: int) -> bool:
        waiting = [t for t in self.study.trials if t.state == TrialState.WAITING]
        while len(self.flying) < self.slots and (waiting or len(self.study.trials) < trials):
            number = len(self.study.trials)
            settings = SamplerSettings(trial_seed(self.seed, number), self.seed, STARTUP)
            self.study.sampler = sampler(self.name, settings, unconditional_space(SPEC))
            trial = self.study.ask()
            known = dict(trial.params)

            def ask(path: str, asked: BaseDistribution, trial: optuna.Trial = trial) -> Any:
                return trial._suggest(path, asked)

            if trial.number:
                resolve(SPEC, ask)
            if trial.number and not known:
                self.relative[trial.number] = dict(trial.relative_params)
            self.flying.append(trial)
            waiting = waiting[1:]
        return bool(self.flying)

    def end_oldest(self) -> None:
        trial = self.flying.pop(0)
        self.study.tell(trial, self.sign * loss(trial.params) if trial.number else 10.0)

    def stop(self) -> None:
        """Ends as a stopped study does: trials in flight go back to the queue, objects are lost."""
        for trial in self.flying:
            self.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        self.flying = []
        self.study = optuna.load_study(study_name="study", storage=self.storage)

    @property
    def params(self) -> list[dict[str, Any]]:
        return [trial.params for trial in self.study.trials]


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_baseline_has_no_parameter_and_all_others_have_theirs(name: str) -> None:
    baseline, *others = Run(name).until(12).params
    assert baseline == {}
    assert len(others) == 11
    assert all(set(params) == ALL for params in others)


@pytest.mark.parametrize(("name", "joint"), [("tpe", ALL), ("cmaes", NUMERIC)])
def test_model_based_samplers_propose_jointly_after_the_start_up(
    name: str, joint: set[str]
) -> None:
    run = Run(name, slots=1).until(14)
    keys = [set(run.relative[number]) for number in range(1, 14)]
    assert keys == [set()] * (STARTUP - 1) + [joint] * 10
    for number in range(STARTUP, 14):
        assert run.relative[number].items() <= run.params[number].items()


def test_qmc_proposes_jointly_from_the_first_trial_of_the_search() -> None:
    run = Run("qmc").until(6)
    assert [set(run.relative[number]) for number in range(1, 6)] == [NUMERIC] * 5
    for number in range(1, 6):
        assert run.relative[number].items() <= run.params[number].items()


@pytest.mark.parametrize("name", ["random", "grid"])
def test_random_proposals_are_independent(name: str) -> None:
    assert not any(Run(name).until(6).relative.values())


def test_qmc_points_are_a_net() -> None:
    """Of the first 16 points of a Sobol sequence each sixteenth of each axis holds one."""
    params = Run("qmc").until(17).params[1:]
    strength = [(math.log10(point["penalty.strength"]) + 6) / 5 for point in params]
    order = [point["penalty.order"] - 1 for point in params]
    for axis in (strength, order):
        assert sorted(np.floor(16 * np.array(axis))) == list(range(16))
    quarters = {(int(4 * x), int(4 * y)) for x, y in zip(strength, order, strict=True)}
    assert len(quarters) == 16


@pytest.mark.parametrize("name", ["tpe", "cmaes"])
def test_model_based_samplers_learn_from_the_scores(name: str) -> None:
    """Half of random trials lie within 1.25 decades of the best strength, on this range."""
    away = [
        abs(math.log10(params["penalty.strength"]) + 3)
        for seed in range(4)
        for params in Run(name, seed, slots=1).until(40).params[25:]
    ]
    assert np.mean(np.array(away) < 1.25) > 0.7


@pytest.mark.parametrize("name", SAMPLERS)
def test_equal_histories_give_equal_proposals(name: str) -> None:
    assert Run(name).until(14).params == Run(name).until(14).params


@pytest.mark.parametrize("name", SAMPLERS)
def test_another_seed_gives_other_proposals(name: str) -> None:
    one, other = Run(name, seed=0).until(4), Run(name, seed=1).until(4)
    assert all(
        mine != theirs for mine, theirs in zip(one.params[1:], other.params[1:], strict=True)
    )


@pytest.mark.parametrize(("name", "learns"), [("tpe", True), ("cmaes", True), ("random", False)])
def test_only_model_based_samplers_heed_the_scores(name: str, learns: bool) -> None:
    low, high = Run(name, slots=1, sign=1).until(20), Run(name, slots=1, sign=-1).until(20)
    assert low.params[:STARTUP] == high.params[:STARTUP]
    assert (low.params[-1] != high.params[-1]) == learns


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_study_stopped_and_taken_up_again_proposes_what_it_would_have(name: str) -> None:
    whole = Run(name).until(12)
    storage = open_storage("sqlite://", create=True)
    stopped = Run(name, storage=storage)
    for _ in range(6):
        stopped.begin(12)
        stopped.end_oldest()
    stopped.begin(12)
    assert len(stopped.flying) == 3
    stopped.stop()
    assert stopped.until(12).params == whole.params
    storage.engine.dispose()


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposals_do_not_touch_the_global_random_state(name: str) -> None:
    np.random.seed(7)
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    Run(name).until(8)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # type: ignore[index]


def test_a_choice_of_one_value_is_no_dimension_of_the_search() -> None:
    single = spec_from_tables(
        {"penalty": {"strength": {"low": 1e-6, "high": 1.0}, "order": 2, "target": ["both"]}}, "f"
    )
    space = unconditional_space(single)
    assert set(space) == {"penalty.strength", "penalty.target"}
    study = optuna.create_study()
    for name in ("tpe", "qmc"):
        made = sampler(name, SamplerSettings(0, 0, 1), space)
        trial = optuna.trial.create_trial(state=TrialState.RUNNING)
        assert set(made.infer_relative_search_space(study, trial)) == {"penalty.strength"}


def test_trial_seeds_are_those_of_no_other_trial_or_study() -> None:
    seeds = [trial_seed(study, number) for study in range(20) for number in range(200)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
    neighbours = np.abs(np.diff(np.array(seeds, np.float64)))
    assert np.median(neighbours) > 2**28


def conditional(**sections: Any) -> dict[str, BaseDistribution]:
    strength = {"low": 1e-6, "high": 1.0, "log": True}
    forms = ("group", "orthogonal")
    methods = {form: {"penalty": {"form": form, "strength": strength}} for form in forms}
    return unconditional_space(spec_from_tables({"methods": methods} | sections, "f"))


@pytest.mark.parametrize("name", ["cmaes", "qmc"])
def test_a_sampler_that_would_draw_everything_at_random_is_refused(name: str) -> None:
    told = f'study.sampler = "{name}": would draw all settings at random: .*; accepted: tpe, random'
    for sections in ({}, {"train": {"beta1": [0.0, 0.5]}}):
        with pytest.raises(UserError, match=told):
            check_sampler(name, conditional(**sections))
    check_sampler(name, conditional(train={"beta1": {"low": 0.0, "high": 0.5}}))
    check_sampler(name, unconditional_space(SPEC))


@pytest.mark.parametrize("name", ["tpe", "random", "grid"])
def test_other_samplers_take_any_space(name: str) -> None:
    check_sampler(name, conditional())
