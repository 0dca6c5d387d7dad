"""What must hold for every plan, whatever the labels, folds and seed."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from normsweep.data import FoldPlan, load_dataset, plan_folds
from normsweep.errors import UserError

LABELS = np.repeat([0, 1, 2], [50, 30, 20])


@st.composite
def arguments(draw: st.DrawFn) -> dict:
    """Arguments that leave enough images, with skewed and with missing classes."""
    count = draw(st.integers(4, 300))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    weights = generator.dirichlet(np.full(draw(st.integers(1, 12)), 0.5))
    labels = generator.choice(len(weights), count, p=weights).astype(np.int32)
    folds, share = draw(st.integers(2, 7)), draw(st.floats(0, 0.7))
    assume(count - round(share * count) >= 2 * folds)
    return {
        "labels": draw(st.sampled_from([labels, None])),
        "count": count,
        "folds": folds,
        "feature_share": share,
        "seed": draw(st.integers(0, 2**32)),
    }


@given(arguments())
def test_no_image_is_in_two_folds_or_both_set_aside_and_in_a_fold(given: dict) -> None:
    plan = plan_folds(**given)
    everything = np.concatenate([plan.feature_indices, plan.held_out.ravel()])
    assert len(set(everything.tolist())) == len(everything)
    assert everything.min() >= 0 and everything.max() < given["count"]


@given(arguments())
def test_folds_are_of_one_size_and_fewer_images_than_folds_are_dropped(given: dict) -> None:
    plan, folds = plan_folds(**given), given["folds"]
    assert len(plan.feature_indices) == round(given["feature_share"] * given["count"])
    left = given["count"] - len(plan.feature_indices)
    assert plan.held_out.shape == (folds, left // folds)
    assert plan.train.shape == (folds, (folds - 1) * (left // folds))


@given(arguments())
def test_each_member_trains_on_all_the_other_folds_and_never_on_its_own(given: dict) -> None:
    plan = plan_folds(**given)
    for fold in range(given["folds"]):
        others = np.delete(plan.held_out, fold, axis=0)
        np.testing.assert_array_equal(np.sort(plan.train[fold]), np.sort(others.ravel()))


@given(arguments())
def test_no_two_folds_differ_by_more_than_one_image_of_a_class(given: dict) -> None:
    plan, labels = plan_folds(**given), given["labels"]
    assume(labels is not None)
    for label in np.unique(labels):
        in_folds = (labels[plan.held_out] == label).sum(axis=1)
        assert in_folds.max() - in_folds.min() <= 1


@given(arguments())
def test_each_class_is_set_aside_in_its_share_to_within_one_image(given: dict) -> None:
    plan, labels = plan_folds(**given), given["labels"]
    assume(labels is not None)
    for label in np.unique(labels):
        exact = (labels == label).mean() * len(plan.feature_indices)
        assert abs((labels[plan.feature_indices] == label).sum() - exact) < 1


@given(arguments())
def test_equal_arguments_give_an_equal_plan(given: dict) -> None:
    one, same = plan_folds(**given), plan_folds(**given)
    assert one == same
    for name in ("feature_indices", "train", "held_out"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_another_seed_gives_another_plan(one: int, other: int) -> None:
    assume(one != other)
    assert draw(one).fingerprint != draw(other).fingerprint


def draw(seed: int) -> FoldPlan:
    return plan_folds(LABELS, 100, folds=3, feature_share=0.2, seed=seed)


def test_the_indices_are_int32_read_only_and_the_set_aside_ones_ascend() -> None:
    plan = draw(0)
    for array in (plan.feature_indices, plan.train, plan.held_out):
        assert array.dtype == np.int32
        assert array.flags.c_contiguous and not array.flags.writeable
    assert (np.diff(plan.feature_indices) > 0).all()
    assert plan.seed == 0


def test_the_plan_is_the_same_on_every_machine_and_in_every_version() -> None:
    # Written down once: scores stored under a plan compare with nothing drawn in another way.
    plan = plan_folds(np.arange(12) % 2, 12, folds=2, feature_share=0.25, seed=7)
    assert plan.feature_indices.tolist() == [2, 8, 9]
    assert plan.held_out.tolist() == [[4, 10, 11, 7], [3, 5, 0, 6]]
    assert plan.train.tolist() == [[0, 5, 6, 3], [4, 7, 11, 10]]


def test_the_remainder_does_not_always_fall_on_the_same_class() -> None:
    labels = np.repeat([0, 1], [50, 51])
    dropped = {labels[missing(plan_folds(labels, 101, folds=2, feature_share=0, seed=seed))]
               for seed in range(20)}  # fmt: skip
    assert dropped == {0, 1}


def missing(plan: FoldPlan) -> int:
    (index,) = set(range(101)) - set(plan.held_out.ravel().tolist())
    return index


def test_any_prefix_of_a_row_mixes_the_classes() -> None:
    dataset = load_dataset("digits")
    assert dataset.labels is not None
    plan = plan_folds(dataset.labels, 1797, folds=3, feature_share=0.2, seed=0)
    for row in (*plan.train, *plan.held_out):
        assert len(np.unique(dataset.labels[row[:100]])) == 10


def test_nothing_need_be_set_aside() -> None:
    plan = plan_folds(None, 9, folds=2, feature_share=0.0, seed=0)
    assert plan.feature_indices.shape == (0,)
    assert plan.held_out.shape == (2, 4)


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_fewer_than_two_folds_are_refused(folds: int) -> None:
    with pytest.raises(UserError, match=rf"score\.folds = {folds}: accepted"):
        plan_folds(None, 100, folds=folds, feature_share=0.2, seed=0)


def test_too_few_images_are_refused_with_the_numbers() -> None:
    with pytest.raises(UserError, match=r"score\.folds = 5: 9 of 12 .* 3 are set aside .* 10$"):
        plan_folds(None, 12, folds=5, feature_share=0.25, seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(UserError, match=r"score\.feature_share = .*: accepted"):
        plan_folds(None, 100, folds=2, feature_share=share, seed=0)


def test_a_wrong_number_of_labels_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="expected \\[4\\]"):
        plan_folds(np.zeros(3, int), 4, folds=2, feature_share=0, seed=0)
