"""Searches of any size: counted first, and made as far as they are trained, in the same order."""

import time
import tracemalloc
from itertools import islice
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.spec import spec_from_tables
from normsweep.spec.grid import grid
from normsweep.spec.space import check_ranges, unconditional_space, walk
from normsweep.study import plan as plans
from normsweep.study.plan import plan_as_made, plan_of


def spec(**sections: Any):
    base = {"study": {"name": "g", "sampler": "grid", "trials": 2}}
    return spec_from_tables(base | sections, "f")


MIXED = spec(
    model={"latent": {"low": 4, "high": 8, "step": 2}},
    train={"optimizer": ["adam", "sgd"], "momentum": [0.5, 0.9], "loss": ["wasserstein", "hinge"]},
    penalty={
        "form": ["none", "power", "group"],
        "order": {"low": 1.0, "high": 2.0, "step": 0.5},
        "strength": {"low": 0.0, "high": 0.3, "step": 0.1},
        "target": ["generator", "both"],
    },
)
HUGE = spec(
    penalty={
        "form": "power",
        "order": {"low": 1.0, "high": 2.0, "step": 0.001},
        "strength": {"low": 0.0, "high": 1.0, "step": 1e-6},
    }
)
METHODS = spec(
    train={"batch": [8, 16]},
    methods={
        "lasso": {"penalty": {"form": "power", "order": 1.0, "strength": [1e-3, 1e-2]}},
        "group": {"penalty": {"form": "group", "strength": [1e-3, 1e-2, 1e-1]}},
    },
)


@pytest.mark.parametrize("searched", [MIXED, METHODS])
def test_points_made_one_by_one_are_those_of_the_whole_walk_in_its_order(searched: Any) -> None:
    def all_of(name: str, asked: Any) -> list[Any]:
        if hasattr(asked, "choices"):
            return list(asked.choices)
        count = round((asked.high - asked.low) / asked.step) + 1
        return [type(asked.low)(round(asked.low + i * asked.step, 6)) for i in range(count)]

    whole = list(walk(searched, all_of))
    points = grid(searched)
    assert points.size == len(points) == len(whole)
    assert list(points) == whole
    assert [list(point) for point in points] == [list(point) for point in whole]
    order = np.random.Generator(np.random.PCG64(searched.study.seed)).permutation(len(whole))
    assert list(plan_of(searched).points or ()) == [whole[index] for index in order]


def test_a_thousand_million_points_are_counted_and_few_are_made() -> None:
    tracemalloc.start()
    begun = time.monotonic()
    plan = plan_of(HUGE)
    assert grid(HUGE).size == 1001 * 1_000_001
    assert (plan.search, plan.total) == (2, 3)
    first = list(plan.missing([]))
    assert len(first) == 2
    many = list(islice(plan.points or (), 200))
    assert many[:2] == first
    assert len({tuple(point.values()) for point in many}) == 200
    strengths = [point["penalty.strength"] for point in many]
    assert 0.4 < np.mean(strengths) < 0.6
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
    assert time.monotonic() - begun < 30


def test_a_large_grid_is_drawn_without_repetition_to_its_end(monkeypatch) -> None:
    monkeypatch.setattr(plans, "_SHUFFLED", 0)
    found = [tuple(point.items()) for point in plan_of(MIXED).points or ()]
    assert sorted(map(str, found)) == sorted(str(tuple(p.items())) for p in grid(MIXED))


@pytest.mark.parametrize(("asked", "wanted"), [(10**9, 480), (300, 300)])
def test_a_grid_of_which_a_part_is_made_is_counted_whole(monkeypatch, asked, wanted) -> None:
    large = spec(
        study={"name": "g", "sampler": "grid", "trials": asked},
        train={"batch": [8, 16, 32]},
        penalty={
            "form": "power",
            "order": 2.0,
            "strength": {"low": 0.1, "high": 16.0, "step": 0.1},
        },
    )
    monkeypatch.setattr(plans, "MADE_AT_ONCE", 200)
    points = list(islice(plan_of(large).missing([]), 199))
    made = [waiting(number, fixed_params=point) for number, point in enumerate(points, start=1)]
    assert plan_as_made(large, made).search == wanted
    assert plan_as_made(large, made[:9]).search == 9


def waiting(number: int, **attributes: Any) -> FrozenTrial:
    made = create_trial(state=TrialState.WAITING, system_attrs=attributes)
    made.number = number
    return made


def test_as_many_trials_as_time_allows_are_none_before_one_is_trained() -> None:
    endless = spec(
        study={"name": "g", "sampler": "tpe", "trials": 10**9},
        penalty={
            "form": "power",
            "order": 2.0,
            "strength": {"low": 1e-6, "high": 1e-1, "log": True},
        },
    )
    plan = plan_of(endless)
    assert next(plan.missing([])) == {}
    assert plan.left([]) == 10**9 + 1


def test_a_search_over_ten_controls_is_looked_through_in_parts() -> None:
    begun = time.monotonic()
    controls = spec(
        study={"name": "g", "sampler": "tpe"},
        train={
            "optimizer": ["adam", "sgd", "rmsprop"],
            "learning_rate_schedule": ["constant", "cosine", "linear"],
            "loss": ["wasserstein", "hinge", "non_saturating"],
        },
        gradient_penalty={"kind": ["none", "r1", "wgan_gp"], "strength": 1.0},
        augment={"policy": ["none", "brightness", "cutout"], "strength": 0.1},
        penalty={
            "form": ["none", "power", "group"],
            "target": ["generator", "both"],
            "scope": ["network", "layer"],
            "schedule": ["constant", "linear", "cosine"],
            "strength": [1e-3, 1e-2],
            "order": 2.0,
        },
    )
    check_ranges(controls)
    assert list(unconditional_space(controls))[:3] == [
        "gradient_penalty.kind",
        "augment.policy",
        "train.optimizer",
    ]
    assert time.monotonic() - begun < 20
