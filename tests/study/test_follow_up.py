"""A study narrowed from another: its ranges, its name, and the trials that it begins with."""

import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from normsweep.errors import UserError
from normsweep.spec import Interval, Spec
from normsweep.spec.space import distribution
from normsweep.storage import read_measurements
from normsweep.storage.artifacts import SAMPLES, artifacts_of
from normsweep.study.attributes import role
from normsweep.study.confirmation import confirmation_name
from normsweep.study.follow_up import follow_up, narrowed_spec
from normsweep.study.plan import plan_of
from normsweep.verdict.answers import answer
from tests.report.figures.studies import at, spec_of, study_of

STRENGTH = {"low": 1e-6, "high": 1e-1, "log": True}
Recorded = Callable[..., list[Any]]


@pytest.fixture
def wide(make_spec: Callable[..., Spec]) -> Spec:
    return make_spec(
        study__sampler="random",
        study__trials=8,
        penalty__strength=STRENGTH,
        penalty__target="discriminator",
    )


@pytest.fixture
def recorded() -> Recorded:
    """Trials of a spec given as (values of its ranges by path, score)."""

    def recorded(spec: Spec, *given: tuple[dict[str, float], float | tuple[float, ...]]) -> list:
        study = optuna.create_study(directions=["minimize"] * len(spec.score.objectives))
        searched = {path.removeprefix("methods."): r for path, r in spec.ranges().items()}
        for values, score in given:
            study.add_trial(
                create_trial(
                    values=[score] if isinstance(score, float) else list(score),
                    params=values,
                    distributions={name: distribution(searched[name]) for name in values},
                    user_attrs={"role": "search", "result": {}},
                )
            )
        return study.get_trials()

    return recorded


def strengths(*pairs: tuple[float, Any]) -> list[tuple[dict[str, float], Any]]:
    return [({"penalty.strength": value}, score) for value, score in pairs]


def test_a_range_narrows_to_the_best_quarter_of_its_trials(wide: Spec, recorded: Recorded) -> None:
    # Sixteen trials: the best four have the strengths 1e-4 … 1e-3.
    good = strengths((1e-4, 1.0), (3e-4, 0.5), (1e-3, 1.5), (5e-4, 1.2))
    bad = strengths(*((10 ** (-6 + index / 3), 5.0 + index) for index in range(12)))
    made = narrowed_spec(wide, recorded(wide, *good, *bad))
    found = made.penalty.strength
    assert isinstance(found, Interval)
    assert math.log10(found.low) == pytest.approx(-4.5, abs=1e-3)
    assert math.log10(found.high) == pytest.approx(-2.5, abs=1e-3)
    assert made.with_values({"penalty.strength": STRENGTH}) == wide


def test_a_range_of_a_method_narrows_by_the_trials_of_the_method(
    make_spec: Callable[..., Spec], recorded: Recorded
) -> None:
    tables = make_spec(penalty__strength=1e-3, penalty__target="both").plain()
    tables["study"]["sampler"] = "random"
    tables["methods"] = {
        name: {"penalty": {"strength": dict(STRENGTH)}} for name in ("first", "second", "third")
    }
    spec = Spec.model_validate(tables)
    trials = recorded(
        spec,
        *(({"first.penalty.strength": 1e-5}, 1.0 + index) for index in range(4)),
        *(({"second.penalty.strength": 1e-3}, 0.1 + index) for index in range(4)),
        *(({"third.penalty.strength": 1e-3}, 0.1 + index) for index in range(3)),
    )
    made = narrowed_spec(spec, trials)
    ranges = made.ranges()
    assert ranges["methods.first.penalty.strength"].high == pytest.approx(10**-4.5, rel=1e-3)
    assert ranges["methods.second.penalty.strength"].low == pytest.approx(10**-3.5, rel=1e-3)
    # Three trials tell nothing.
    assert ranges["methods.third.penalty.strength"] == Interval(1e-6, 1e-1, True)


def test_with_two_metrics_the_best_are_those_that_few_others_beat(
    wide: Spec, recorded: Recorded
) -> None:
    spec = wide.with_values({"score.second": "kid"})
    front = strengths((1e-3, (1.0, 3.0)), (3e-3, (3.0, 1.0)), (2e-3, (2.0, 2.0)))
    beaten = strengths(*((10 ** (-5.5 + index / 9), (4.0 + index, 4.0)) for index in range(9)))
    found = narrowed_spec(spec, recorded(spec, *beaten, *front)).penalty.strength
    assert isinstance(found, Interval)
    assert found.low == pytest.approx(10**-3.5, rel=1e-3)


def test_a_study_with_nothing_to_narrow_says_so(
    wide: Spec, make_spec: Callable[..., Spec], recorded: Recorded
) -> None:
    with pytest.raises(UserError, match="lists of choices alone"):
        narrowed_spec(make_spec(), [])
    few = recorded(wide, *strengths((1e-3, 1.0), (1e-4, 2.0), (1e-5, 3.0)))
    with pytest.raises(UserError, match="nothing to narrow: 3 trials of the search are complete"):
        narrowed_spec(wide, few)


@pytest.fixture
def narrowed_study(run: Any, wide: Spec, databases: Any, storage_url: str) -> Any:
    """A finished study, and one narrowed from it that has two trials of its own."""
    first = run(wide).study
    storage = databases.open(storage_url)
    spec = follow_up(storage, "small", trials=2)
    launched = run(spec, source="small")
    return first, spec, launched, storage


def test_a_narrowed_study_begins_with_what_lies_in_its_ranges_and_trains_its_own(
    narrowed_study: Any, run: Any
) -> None:
    first, spec, launched, storage = narrowed_study
    searched = spec.penalty.strength
    assert isinstance(searched, Interval)
    assert spec.study.name == "small-2"
    assert launched.done
    inside = {
        f"small#{trial.number}": trial
        for trial in first.get_trials()
        if role(trial) == "search"
        and searched.low <= trial.params["penalty.strength"] <= searched.high
    }
    assert inside
    trials = launched.study.get_trials()
    taken = {t.user_attrs["from"]: t for t in trials if "from" in t.user_attrs}
    assert taken.keys() == inside.keys()
    for origin, trial in taken.items():
        old = inside[origin]
        assert (trial.value, trial.params) == (old.value, old.params)
        assert trial.user_attrs == old.user_attrs | {"from": origin}
        assert trial.intermediate_values == old.intermediate_values
        pictures = [artifacts_of(t.system_attrs)[SAMPLES] for t in (trial, old)]
        assert pictures[0] == pictures[1]
        assert "fixed_params" not in trial.system_attrs
        rows, before = (read_measurements(storage.engine, t._trial_id) for t in (trial, old))
        assert [vars(r) | {"trial_id": 0} for r in rows] == [
            vars(r) | {"trial_id": 0} for r in before
        ]
        assert len(rows) == 8
    # What was taken over is none of the two that the spec asks for.
    own = [t for t in trials if "from" not in t.user_attrs]
    assert [role(trial) for trial in own] == ["baseline", "search", "search"]
    assert all(trial.state == TrialState.COMPLETE for trial in own)
    assert plan_of(spec).left(plan_of(spec).within(trials)) == 0
    found = answer(launched.study)
    assert len(found.ranking) == len(inside) + 2
    best = min(trial.value for trial in (*inside.values(), *own[1:]))
    assert found.best is not None
    assert found.best.score == best

    again = follow_up(storage, "small", trials=3)
    assert again == spec.with_values({"study.trials": 3})
    counts = len(trials)
    relaunched = run(again, source="small").study.get_trials()
    assert len(relaunched) == counts + 1
    assert follow_up(storage, "small", name="mine").study.name == "mine"
    with pytest.raises(UserError, match=r"--name small: .*not narrowed from"):
        follow_up(storage, "small", name="small")
    with pytest.raises(UserError, match=r"^--trials: got 0"):
        follow_up(storage, "small", trials=0)


def test_a_study_is_narrowed_by_the_name_of_its_confirmation_too(databases, storage_url) -> None:
    storage = databases.open(storage_url)
    spec = spec_of(study__name="wide")
    trials = [(at(strength, order=2.0), [1.0] * 3) for strength in (1e-4, 2e-4, 3e-4, 4e-4)]
    made = study_of(spec, [2.0] * 3, trials)
    optuna.copy_study(from_study_name="wide", from_storage=made._storage, to_storage=storage)
    optuna.create_study(storage=storage, study_name=confirmation_name("wide"))
    found = follow_up(storage, confirmation_name("wide"))
    assert found == follow_up(storage, "wide") and found.study.name == "wide-2"


def test_a_study_of_other_data_takes_no_trial_over(
    run: Any, wide: Spec, databases: Any, storage_url: str
) -> None:
    first = run(wide).study
    first.set_user_attr("fingerprints", first.user_attrs["fingerprints"] | {"data": "other"})
    spec = follow_up(databases.open(storage_url), "small", trials=1)
    trials = run(spec, source="small").study.get_trials()
    assert ["from" in trial.user_attrs for trial in trials] == [False, False]


def test_a_taking_over_that_was_cut_short_is_finished_by_the_next(
    run: Any, wide: Spec, databases: Any, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from normsweep.study import follow_up as module

    run(wide)
    storage = databases.open(storage_url)
    spec = follow_up(storage, "small", trials=1)

    def broken(*_: Any) -> None:
        raise OSError("no more")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_measurements", broken)
        with pytest.raises(OSError, match="no more"):
            run(spec, source="small")
    assert follow_up(storage, "small", trials=1) == spec
    trials = run(spec, source="small").study.get_trials()
    taken = [t for t in trials if "from" in t.user_attrs]
    assert len({t.user_attrs["from"] for t in taken}) == len(taken) > 0
    assert all(len(read_measurements(storage.engine, t._trial_id)) == 8 for t in taken)
