"""A confirmation trains the best configs and the baseline anew, beside the search."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import create_trial
from sqlalchemy.exc import OperationalError

from normsweep.data import FoldPlan
from normsweep.data.folds import deal_again, outer_plan
from normsweep.errors import UserError
from normsweep.export.again import score_config
from normsweep.export.configs import best_config
from normsweep.export.tables.rows import table_of
from normsweep.score.setup import Setup, prepare
from normsweep.score.training import Training
from normsweep.spec.baseline import baseline
from normsweep.spec.space import resolve
from normsweep.storage import open_storage
from normsweep.storage.influences import add_influences, read_influences
from normsweep.storage.measurements import read_measurements
from normsweep.study.attributes import CONFIRM, FINAL
from normsweep.study.confirmation import (
    confirmation_name,
    find_confirmation,
    planned,
    trainings,
)
from normsweep.study.overview import overview
from normsweep.study.progress import Progress
from normsweep.study.records import load_study, study_spec
from normsweep.study.status import status
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arms, candidates
from normsweep.verdict.effect import Effect
from normsweep.verdict.reading import read_confirmation
from normsweep.verdict.wording import details, verdict_sentence
from normsweep.worker.confirming import Confirming

SEEDS = 2


@pytest.fixture
def opened(copied_example, storage_url):
    """The finished example, to be confirmed."""
    storage = open_storage(storage_url)
    yield load_study("small", storage), storage
    storage.engine.dispose()


@pytest.fixture
def curves():
    """All that a confirmation holds, for comparison to the bit."""

    def curves(study, storage):
        return {
            (entry.role, entry.arm, entry.seed): entry.curve.tolist()
            for entry in trainings(find_confirmation(study, storage))
        }

    return curves


def stopped_after(chunks: int) -> dict[str, Any]:
    """Options that stop a confirmation after so many chunks."""
    told = 0

    def watch(progress: Progress) -> None:
        nonlocal told
        told += 1

    # It tells how far it is before the first, too.
    return {"watch": watch, "stop": lambda: told > chunks}


def test_the_best_of_each_target_and_the_baseline_are_trained_on_every_seed(
    opened, example, outcome
) -> None:
    study, storage = opened
    assert Confirming(study, storage).run(top=3, seeds=SEEDS)
    found = trainings(find_confirmation(study, storage))
    best = [entry.number for entry in answer(study).best_per_target.values()]
    names = {"baseline", *(f"trial {number}" for number in best)}
    assert {(e.arm, e.seed) for e in found} == {(n, s) for n in names for s in (1, 2)}
    assert {entry.role for entry in found} == {CONFIRM}
    assert all(entry.curve is not None and entry.curve.shape == (4, 2) for entry in found)
    # The search has not noticed.
    assert outcome(study) == outcome(example.study)


def test_what_was_measured_is_kept_for_every_fold_and_step(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=1)
    held = find_confirmation(study, storage)
    assert held is not None
    for trial in held.get_trials():
        rows = read_measurements(storage.engine, trial._trial_id)
        scores = np.array([row.fid for row in rows]).reshape(4, 2)
        assert scores.tolist() == trial.user_attrs["curve"]
        assert trial.value == scores[-1].mean()
        assert list(trial.intermediate_values.values()) == scores.mean(axis=1).tolist()


def influences_of(study: optuna.Study, storage: RDBStorage) -> dict[tuple[int, int], bytes]:
    """Those of all trials of a confirmation, by the trial's number and step."""
    held = find_confirmation(study, storage)
    assert held is not None
    numbers = {trial._trial_id: trial.number for trial in held.get_trials()}
    found = read_influences(storage.engine, numbers, range(1000))
    return {(numbers[trial], step): row.tobytes() for (trial, step), row in found.items()}


def test_what_each_image_adds_is_kept_for_every_step_and_part_of_the_verdict(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=SEEDS)
    stored = influences_of(study, storage)
    assert stored.keys() == {(n, step) for n in range(2 * SEEDS) for step in (10, 20, 30, 40)}
    setup = prepare(study_spec(study))
    for row in stored.values():
        values = np.frombuffer(row, np.float32)
        assert np.isfinite(values).sum() == 2 * setup.samples
        assert abs(np.nanmean(values)) < 1e-5 * np.nanmax(np.abs(values))
    found = read_confirmation(study, storage)
    assert found is not None and found.best.effect is not None
    effect = found.best.effect
    assert (effect.test, found.best.stopped.test) == ("seeds_and_images",) * 2
    assert 0 < effect.of_images < 1
    assert effect.estimate.standard_error > effect.over_seeds.standard_error


def test_what_cannot_be_written_at_once_is_not_there_twice(opened, monkeypatch) -> None:
    study, storage = opened
    failures = iter([True])

    def fails_once(connection: object, *rest: object) -> None:
        if next(failures, False):
            raise OperationalError("insert", {}, Exception("gone"), connection_invalidated=True)
        add_influences(connection, *rest)

    monkeypatch.setattr("normsweep.worker.arm_run.add_influences", fails_once)
    Confirming(study, storage).run(top=1, seeds=1)
    held = find_confirmation(study, storage)
    assert held is not None and len(held.get_trials()) == 2
    assert len(influences_of(study, storage)) == 2 * 4
    for trial in held.get_trials():
        assert len(read_measurements(storage.engine, trial._trial_id)) == 2 * 4


def test_what_is_confirmed_already_is_not_trained_again_and_more_adds_to_it(opened, curves) -> None:
    study, storage = opened
    chunks = 0

    def watch(progress) -> None:
        nonlocal chunks
        chunks += 1

    Confirming(study, storage).run(top=1, seeds=1)
    first = curves(study, storage)
    assert Confirming(study, storage, watch=watch).run(top=1, seeds=1)
    assert chunks == 0
    assert Confirming(study, storage, watch=watch).run(top=2, seeds=2)
    both = curves(study, storage)
    assert len(both) == 6
    assert first.items() <= both.items()


def test_one_that_was_stopped_ends_with_the_bits_of_one_that_was_not(
    opened, example, curves, databases, tmp_path, make_spec, run
) -> None:
    study, storage = opened
    assert not Confirming(study, storage, **stopped_after(chunks=6)).run(top=1, seeds=SEEDS)
    assert len(curves(study, storage)) == 2
    assert Confirming(study, storage).run(top=1, seeds=SEEDS)
    whole = run(make_spec(confirm__seeds=SEEDS, confirm__top=1), url=f"sqlite:///{tmp_path}/a.db")
    other = databases.open(f"sqlite:///{tmp_path}/a.db")
    assert whole.done
    assert curves(study, storage) == curves(whole.study, other)
    assert influences_of(study, storage) == influences_of(whole.study, other)


def test_each_seed_has_folds_of_its_own_and_the_feature_map_s_images_stay(make_spec) -> None:
    setup = prepare(make_spec())
    plans = [setup.plan, *(deal_again(setup.plan, setup.dataset.labels, (0, i)) for i in (1, 2))]
    inside = sorted(setup.plan.held_out.ravel().tolist())
    for plan in plans:
        assert sorted(plan.held_out.ravel().tolist()) == inside
        assert np.array_equal(plan.feature_indices, setup.plan.feature_indices)
        for train, held_out in zip(plan.train, plan.held_out, strict=True):
            assert not set(train.tolist()) & set(held_out.tolist())
    folds = {frozenset(plan.held_out[0].tolist()) for plan in plans}
    assert len(folds) == 3
    # Each class is in every fold to within one image, as in the search.
    counts = [np.bincount(setup.dataset.labels[row], minlength=10) for row in plans[1].held_out]
    assert np.abs(np.subtract(*counts)).max() <= 1


def test_an_outer_part_is_in_no_fold_and_in_no_feature_map(make_spec) -> None:
    setup = prepare(make_spec(confirm__holdout=0.25, data__limit=400))
    plan = setup.plan
    assert len(plan.outer) == 100
    parts = [plan.outer, plan.feature_indices, plan.held_out.ravel()]
    assert sum(map(len, parts)) == len(set(np.concatenate(parts).tolist()))
    last = outer_plan(plan)
    assert np.array_equal(last.held_out[0], plan.outer)
    assert sorted(last.train[0].tolist()) == sorted(plan.held_out.ravel().tolist())


def test_without_an_outer_part_the_folds_are_those_of_earlier_versions(make_spec) -> None:
    # As version 0.3 drew them.
    found = prepare(make_spec()).plan.fingerprint
    assert found == "1568a155cff438c951435fc5f052f87390d3412e5105e81e5135c26114a053b1"


def test_untouched_images_are_looked_at_once_whatever_is_confirmed_later(
    run, make_spec, databases, storage_url
) -> None:
    spec = make_spec(confirm__seeds=1, confirm__top=1, confirm__holdout=0.2, study__slots=4)
    study = run(spec).study
    storage = databases.open(storage_url)

    def looked() -> set[str]:
        return {e.arm for e in trainings(find_confirmation(study, storage)) if e.role == FINAL}

    first = looked()
    assert first == {"baseline", f"trial {answer(study).best.number}"}
    Confirming(study, storage).run(top=3, seeds=2)
    assert looked() == first
    found = read_confirmation(study, storage)
    assert found is not None and found.final is not None
    assert len(found.final.scores) == len(found.final.baseline_scores) == 2
    assert len(found.candidates) == 3


def test_a_final_look_that_was_cut_short_goes_on_with_the_same_candidate(
    run, make_spec, databases, storage_url
) -> None:
    study = run(make_spec(confirm__holdout=0.2, study__slots=1)).study
    storage = databases.open(storage_url)
    first = f"trial {answer(study).best.number}"

    def looked() -> set[str]:
        return {e.arm for e in trainings(find_confirmation(study, storage)) if e.role == FINAL}

    # Baseline and candidate, then the final look at the baseline: four chunks each.
    assert not Confirming(study, storage, **stopped_after(chunks=13)).run(top=1, seeds=1)
    assert looked() == {"baseline"}
    # Meanwhile another has come to score best.
    best = answer(study).best
    held = study.get_trials()[best.number]
    better = held.user_attrs["result"] | {"fold_scores": [0.0, 0.0]}
    study.add_trial(
        create_trial(
            value=0.0,
            params=held.params,
            distributions=held.distributions,
            user_attrs=held.user_attrs | {"result": better},
        )
    )
    assert Confirming(study, storage).run(top=1, seeds=1)
    assert looked() == {"baseline", first}
    found = read_confirmation(study, storage)
    assert found is not None and found.final is not None
    assert found.final.name == first


def test_a_study_made_again_has_no_part_in_its_predecessor_s_confirmation(
    opened, run, make_spec, curves
) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=1)
    before = curves(study, storage)
    optuna.delete_study(study_name="small", storage=storage)
    again = run(make_spec(study__seed=4)).study
    assert find_confirmation(again, storage) is None
    assert read_confirmation(again, storage) is None
    Confirming(again, storage).run(top=1, seeds=1)
    after = curves(again, storage)
    best = f"trial {answer(again).best.number}"
    assert set(after) == {(CONFIRM, "baseline", 1), (CONFIRM, best, 1)}
    assert after[CONFIRM, "baseline", 1] != before[CONFIRM, "baseline", 1]
    Confirming(again, storage).run(top=1, seeds=1)
    assert curves(again, storage) == after


def test_what_others_add_to_a_confirmation_is_none_of_it(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=1)
    held = find_confirmation(study, storage)
    before, rows = trainings(held), table_of(study, storage).rows
    held.add_trial(create_trial(value=0.0))
    assert len(trainings(held)) == len(before) == 2
    assert table_of(study, storage).rows == rows


def test_what_an_old_confirmation_says_of_trials_that_are_not_there_is_left_out(opened) -> None:
    study, storage = opened
    # As the first versions made it, which did not say of which study it is.
    held = optuna.create_study(study_name=confirmation_name("small"), storage=storage)
    for name, number in (("baseline", 0), ("trial 1", 1), ("trial 99", 99)):
        said = {"role": CONFIRM, "arm": name, "against": "baseline", "trial": number, "seed": 1}
        said |= {"config": {}, "curve": np.ones((4, 2)).tolist()}
        held.add_trial(create_trial(value=1.0, user_attrs=said))
    found = read_confirmation(study, storage)
    assert found is not None
    assert [entry.name for entry in found.candidates] == ["trial 1"]


def test_a_candidate_with_other_settings_has_a_baseline_with_the_same(run, make_spec) -> None:
    study = run(
        make_spec(
            train__generator_learning_rate=[2e-4, 5e-3, 1e-2],
            penalty__target="both",
            penalty__strength=1e-3,
        )
    ).study
    made = {arm.name: arm for arm in arms(answer(study), study.get_trials(), top=1)}
    (candidate,) = [arm for arm in made.values() if not arm.is_baseline]
    rate = candidate.config.train.generator_learning_rate
    assert made[candidate.against].config.train.generator_learning_rate == rate
    assert made[candidate.against].config.penalty.form == "none"


@pytest.mark.parametrize(
    ("train", "chosen", "expected"),
    [
        (
            {"optimizer": ["adam", "sgd"], "beta1": 0.9},
            {"train.optimizer": "sgd"},
            {"optimizer": "sgd"},
        ),
        (
            {"optimizer": ["sgd", "adam"], "beta1": 0.0},
            {"train.optimizer": "adam"},
            {"optimizer": "adam", "beta1": 0.0},
        ),
        (
            {"optimizer": ["adam", "adamw"], "weight_decay": [0.1, 0.2]},
            {"train.optimizer": "adamw", "train.weight_decay": 0.1},
            {"optimizer": "adamw", "weight_decay": 0.0},
        ),
        (
            {"learning_rate_schedule": ["linear", "constant"], "learning_rate_end": 0.1},
            {"train.learning_rate_schedule": "constant"},
            {"learning_rate_schedule": "constant"},
        ),
    ],
)
def test_what_depends_on_another_setting_is_the_same_in_its_baseline(
    make_spec, train, chosen, expected
) -> None:
    spec = make_spec(
        penalty__target="both",
        penalty__strength=1e-3,
        **{f"train__{field}": value for field, value in train.items()},
    )
    config, _ = resolve(spec, lambda name, _: chosen[name])
    study = optuna.create_study()
    study.set_user_attr("spec", spec.plain())
    result = {"fold_scores": [1.0, 1.0], "standard_error": 0.1, "step": 40}
    for role, made in (("baseline", baseline(spec)), ("search", config)):
        said = {"role": role, "config": made.plain(), "result": result}
        study.add_trial(create_trial(value=1.0, user_attrs=said))
    against = {arm.name: arm for arm in arms(answer(study), study.get_trials(), top=1)}
    fixed = make_spec(**{f"train__{field}": value for field, value in expected.items()})
    assert against["baseline of trial 1"].config.train == fixed.train
    assert against["baseline of trial 1"].config.penalty.form == "none"


def test_no_penalty_among_the_choices_is_no_candidate(run, make_spec) -> None:
    study = run(
        make_spec(
            study__trials=4,
            train__generator_learning_rate=[5e-3, 2e-4],
            penalty__form=["none", "power"],
            penalty__target="both",
            penalty__strength=1e-3,
        )
    ).study
    found = answer(study)
    assert {entry.kind for entry in found.ranking} == {"none", "power"}
    assert [entry.kind for entry in candidates(found, 3)] == ["power"]
    assert all(
        arm.is_baseline or arm.config.penalty.form == "power"
        for arm in arms(found, study.get_trials(), top=3)
    )


def test_a_strength_of_zero_among_the_choices_is_no_candidate(run, make_spec) -> None:
    study = run(
        make_spec(
            study__trials=4,
            penalty__target="both",
            penalty__strength=[0.0, 1e-3],
            penalty__order=2.0,
        )
    ).study
    found = answer(study)
    assert {entry.parameters["penalty.strength"] for entry in found.ranking} == {0.0, 1e-3}
    chosen = candidates(found, 3)
    assert [entry.parameters["penalty.strength"] for entry in chosen] == [1e-3]


def test_a_study_of_baselines_alone_has_nothing_to_confirm(
    run, make_spec, databases, storage_url
) -> None:
    penalty = {"form": "none", "strength": None, "order": None, "target": None}
    launched = run(
        make_spec(
            confirm__seeds=1,
            train__generator_learning_rate=[5e-3, 2e-4],
            **{f"penalty__{field}": value for field, value in penalty.items()},
        )
    )
    storage = databases.open(storage_url)
    assert launched.done
    assert find_confirmation(launched.study, storage) is None
    with pytest.raises(UserError, match="no score of a config other than its baseline"):
        Confirming(launched.study, storage).run()


def test_of_one_kind_and_target_only_the_best_is_a_candidate(example) -> None:
    found = answer(example.study)
    chosen = candidates(found, 10)
    assert [entry.number for entry in chosen] == [
        entry.number for entry in found.best_per_target.values()
    ]
    assert candidates(found, 1) == [found.best]


def test_a_study_without_scores_cannot_be_confirmed(run, make_spec, databases, storage_url) -> None:
    study = run(make_spec(train__discriminator_learning_rate=1e30)).study
    with pytest.raises(UserError, match="cannot be confirmed: no score of its baseline"):
        Confirming(study, databases.open(storage_url)).run()
    # A launch that is to confirm ends all the same.
    assert run(
        make_spec(study__name="b", confirm__seeds=1, train__discriminator_learning_rate=1e30)
    )


def test_a_confirmation_is_no_study_of_its_own_to_those_who_look(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=1)
    assert [entry.study for entry in overview(storage)] == ["small"]
    assert [entry.study for entry in status(storage).studies] == ["small"]
    with pytest.raises(UserError, match=r"there: small$"):
        load_study("other", storage)


def test_a_confirmed_config_scores_the_same_as_ever_in_the_search(opened) -> None:
    study, storage = opened
    Confirming(study, storage).run(top=1, seeds=1)
    assert score_config(best_config(study)).identical


def test_two_metrics_are_confirmed_by_the_first(run, make_spec, databases, storage_url) -> None:
    study = run(make_spec(score__second="kid", confirm__seeds=1, confirm__top=1)).study
    found = read_confirmation(study, databases.open(storage_url))
    assert found is not None
    assert found.best.scores.shape == (1, 2)
    assert found.best.stopped is None


def test_what_is_certain_after_few_seeds_ends_it_and_stays_said(
    opened, curves, monkeypatch
) -> None:
    study, storage = opened
    # As if every look were certain.
    monkeypatch.setattr(Effect, "is_certain", property(lambda effect: True))
    assert Confirming(study, storage).run(top=1, seeds=5)
    seeds = {seed for _, _, seed in curves(study, storage)}
    found = read_confirmation(study, storage)
    assert found is not None
    assert (seeds, found.look, found.missing) == ({1, 2, 3}, 3, 0)
    assert found.verdict in ("helps", "hurts")
    # Asked for more, it has its word.
    before = curves(study, storage)
    assert Confirming(study, storage).run(top=1, seeds=8)
    assert curves(study, storage) == before


def test_a_plan_that_is_spent_stays_as_it_is_and_more_seeds_are_beyond_it(opened) -> None:
    study, storage = opened

    def stretches() -> tuple[tuple[int, int, bool], ...]:
        wanted = planned(find_confirmation(study, storage))
        assert wanted is not None
        return wanted.looks

    for seeds in (2, 3):
        Confirming(study, storage).run(top=1, seeds=seeds)
        assert stretches() == ((0, 2, True),)
    found = read_confirmation(study, storage)
    assert found is not None
    assert (found.look, [len(each.scores) for each in found.beyond]) == (2, [3])


@pytest.fixture
def images_by_seed(monkeypatch) -> list[tuple[set[int], set[int]]]:
    """The images of each seed of a confirmation, as it comes to be trained: all, and that judge."""
    found: list[tuple[set[int], set[int]]] = []
    whole: FoldPlan | None = None

    def training(spec, setup) -> Training:
        plan = setup.plan
        # That of the study itself trains nothing here.
        if plan is not whole:
            found.append((set(plan.train.ravel().tolist()), set(plan.held_out.ravel().tolist())))
        return Training(spec, setup)

    def as_prepared(*arguments: Any) -> Setup:
        nonlocal whole
        setup = prepare(*arguments)
        whole = setup.plan
        return setup

    monkeypatch.setattr("normsweep.worker.submit.prepare", as_prepared)

    monkeypatch.setattr("normsweep.worker.arm_work.Training", training)
    return found


def test_in_shards_no_two_seeds_share_an_image(
    run, make_spec, databases, storage_url, images_by_seed
) -> None:
    study = run(make_spec(confirm__images="shards", confirm__seeds=3, confirm__top=1)).study
    storage = databases.open(storage_url)
    parts = [train | judge for train, judge in images_by_seed]
    assert len(parts) == 3
    assert len(set().union(*parts)) == sum(map(len, parts))
    assert len({len(part) for part in parts}) == 1
    found = read_confirmation(study, storage)
    assert found is not None and found.best.effect is not None
    assert (found.best.effect.test, found.look, found.best.influences) == ("over_seeds", 3, None)
    assert "about training on so many as that" in " ".join(details(found))
    assert "by seeds alone" not in verdict_sentence(found)
    with pytest.raises(UserError, match="divided into 3 parts, one for each seed"):
        Confirming(study, storage).run(seeds=4)


def test_in_halves_each_two_seeds_have_all_images_between_them(
    run, make_spec, databases, storage_url, images_by_seed
) -> None:
    study = run(make_spec(confirm__images="halves", confirm__seeds=4, confirm__top=1)).study
    storage = databases.open(storage_url)
    first, second, third, fourth = (train | judge for train, judge in images_by_seed)
    assert not first & second and not third & fourth and first != third
    assert len(first | second) == len(third | fourth) == 2 * len(first)
    found = read_confirmation(study, storage)
    assert found is not None and found.best.effect is not None
    assert (found.best.effect.test, found.look) == ("over_halves", 4)
    assert "The interval is a conservative one." in " ".join(details(found))
    with pytest.raises(UserError, match=r"confirm.seeds = 5: accepted .* even numbers from 4 on"):
        Confirming(study, storage).run(seeds=5)


def test_parts_that_are_too_small_are_told_before_anything_is_trained(
    run, make_spec, databases, storage_url
) -> None:
    study = run(make_spec(confirm__images="shards")).study
    storage = databases.open(storage_url)
    with pytest.raises(UserError, match=r'confirm.images = "shards": [0-9]+ images of a fold are'):
        Confirming(study, storage).run(seeds=100)
    assert read_confirmation(study, storage) is None
    # Nothing was planned by it, either.
    assert planned(find_confirmation(study, storage)) is None
