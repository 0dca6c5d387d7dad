"""A study whose ranges follow from its baseline: measured once, kept, shown and exported."""

from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.export.configs import best_config
from normsweep.score.auto import bases
from normsweep.spec.auto import auto_fields, provisional, ranges_of_plain
from normsweep.spec.baseline import baseline
from normsweep.spec.ranges import Interval
from normsweep.spec.spec import Spec
from normsweep.study.attributes import study_attributes
from normsweep.study.records import study_spec
from normsweep.worker import submit as submitting
from normsweep.worker.submit import submit

AUTO: dict[str, Any] = {
    "study__sampler": "tpe",
    "study__trials": 2,
    "penalty__strength": "auto",
    "penalty__target": ["generator", "discriminator"],
}


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where anything is measured."""

    def measured_ranges(*_: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(submitting, "measured_ranges", measured_ranges)


def test_the_range_is_there_before_the_first_trial_and_all_trials_lie_in_it(
    run, make_spec, tmp_path, outcome
) -> None:
    seen = []
    spec = make_spec(**AUTO)
    launched = run(spec, measuring=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 10), (10, 10)]
    found = study_spec(launched.study).penalty.strength
    assert isinstance(found, Interval) and found.log
    kept = ranges_of_plain(study_attributes(launched.study).auto)["penalty.strength"]
    assert (kept.interval, kept.steps, kept.folds) == (found, 10, 2)
    assert {each.network for each in kept.balances} == {"generator", "discriminator"}
    for trial in launched.study.get_trials()[1:]:
        assert found.low <= trial.params["penalty.strength"] <= found.high
    # A spec that says the same range finds the same, to the bit.
    told = spec.with_values({"penalty.strength": found})
    again = run(told, url=f"sqlite:///{tmp_path / 'told.db'}")
    assert outcome(again.study) == outcome(launched.study)
    assert best_config(launched.study).provenance["measured_ranges"] == dict(
        study_attributes(launched.study).auto
    )
    assert "measured_ranges" not in best_config(again.study).provenance


def test_a_study_keeps_its_range_when_it_is_launched_again(
    databases, storage_url, make_spec, request
) -> None:
    storage = databases.open(storage_url)
    first = submit(make_spec(**AUTO), storage)
    assert auto_fields(first.spec) == ()
    request.getfixturevalue("unmeasured")
    again = submit(make_spec(**AUTO), storage)
    assert again.spec == first.spec and study_spec(again.study) == first.spec
    with pytest.raises(UserError, match=r"train\.batch: in the study 16, now 8"):
        submit(make_spec(**AUTO | {"train__batch": 8}), storage)


def test_a_study_of_a_range_of_its_own_is_none_of_auto(
    databases, storage_url, make_spec, unmeasured
) -> None:
    del unmeasured
    storage = databases.open(storage_url)
    submit(make_spec(**AUTO | {"penalty__strength": {"low": 1e-4, "high": 1.0}}), storage)
    with pytest.raises(UserError, match=r"penalty\.strength: in the study .*, now auto"):
        submit(make_spec(**AUTO), storage)


def methods(make_spec: Any, **methods: Any) -> Spec:
    tables = make_spec(**AUTO).plain() | {"penalty": {"form": "none"}, "methods": methods}
    return Spec.model_validate(tables)


L2 = {"form": "power", "order": 2.0, "strength": "auto"}


def test_methods_have_ranges_of_their_own_each_by_its_own_term(
    databases, storage_url, make_spec
) -> None:
    spec = methods(
        make_spec,
        l2={"penalty": L2},
        r1={"gradient_penalty": {"kind": "r1", "strength": "auto"}},
    )
    made = submit(spec, databases.open(storage_url))
    kept = ranges_of_plain(study_attributes(made.study).auto)
    networks = {path: [each.network for each in found.balances] for path, found in kept.items()}
    assert networks == {
        "methods.l2.penalty.strength": ["generator", "discriminator"],
        "methods.r1.gradient_penalty.strength": ["discriminator"],
    }
    first, second = kept.values()
    assert first.balances != second.balances


def test_one_baseline_is_trained_for_all_methods_that_differ_in_what_is_searched(
    make_spec,
) -> None:
    augment = {"policy": "translation", "strength": 0.5}
    spec = methods(
        make_spec,
        l2={"penalty": L2},
        ball={"penalty": {"form": "l2_ball", "radius": "auto", "target": "generator"}},
        r1={"gradient_penalty": {"kind": ["r1", "wgan_gp"], "strength": "auto"}},
        augmented={"augment": augment, "penalty": L2 | {"order": {"low": 1.0, "high": 2.0}}},
        wide={"model": {"generator_hidden": [32]}, "penalty": L2 | {"coupling": "decoupled"}},
        given={"penalty": L2 | {"strength": [1e-3, 1e-2]}},
    )
    shared, *own = bases(spec)
    assert shared.config == baseline(provisional(spec))
    assert [(each.path, each.name) for each in shared.sought] == [
        ("methods.l2.penalty.strength", "power, order 2"),
        ("methods.ball.penalty.radius", "l2_ball"),
        ("methods.r1.gradient_penalty.strength", "r1"),
        ("methods.r1.gradient_penalty.strength", "wgan_gp"),
    ]
    assert [(each.method, [sought.name for sought in each.sought]) for each in own] == [
        ("augmented", ["power, order 1", "power, order 2"]),
        ("wide", ["power, order 2, decoupled"]),
    ]
    assert own[0].config.augment.policy == "translation"
    assert own[1].config.model.generator_hidden == (32,)


def test_targets_choices_and_coefficients_are_sought_one_by_one(make_spec) -> None:
    elastic = {"form": "elastic", "l1": "auto", "l2": "auto", "target": ["generator", "both"]}
    spec = Spec.model_validate(make_spec(**AUTO).plain() | {"penalty": elastic})
    (base,) = bases(spec)
    assert [(each.path, each.roles) for each in base.sought] == [
        ("penalty.l1", ("generator",)),
        ("penalty.l2", ("generator",)),
        ("penalty.l1", ("generator", "discriminator")),
        ("penalty.l2", ("generator", "discriminator")),
    ]
    coefficients = [each.term.coefficients for each in base.sought]
    assert [(float(c.l1), float(c.l2)) for c in coefficients] == [(1, 0), (0, 1)] * 2
    decay = {"form": "none"}, {"optimizer": "adamw", "weight_decay": "auto"}
    decayed = make_spec(**AUTO).plain()
    decayed |= {"penalty": decay[0], "train": decayed["train"] | decay[1]}
    (base,) = bases(Spec.model_validate(decayed))
    assert [each.path for each in base.sought] == ["train.weight_decay"]
    assert base.config.train.weight_decay == 0.0


def test_a_baseline_without_a_score_is_told_and_no_study_is_made(
    databases, storage_url, make_spec
) -> None:
    storage = databases.open(storage_url)
    rates = {f"train__{player}_learning_rate": 1e38 for player in ("generator", "discriminator")}
    spec = make_spec(**AUTO | rates)
    with pytest.raises(UserError, match=r"penalty\.strength: .*baseline, which has no score"):
        submit(spec, storage)
    assert storage.get_all_studies() == []
