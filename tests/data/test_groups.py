"""Images that are copies of one another: found, told, and on one side of every split."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from normsweep.data import FoldPlan, load_dataset, make_dataset, pixels, plan_folds
from normsweep.data.dataset import take
from normsweep.data.duplicates import groups_of
from normsweep.data.folds import deal_again
from normsweep.data.limit import limit_dataset
from normsweep.errors import UserError
from tests.data.pictures import drawn

IMAGES = drawn(40, 4, 4, 1)


def copied(*pairs: tuple[int, int]) -> np.ndarray:
    images = IMAGES.copy()
    for copy, of in pairs:
        images[copy] = images[of]
    return images


@pytest.mark.parametrize("large", [2**28, 0])
def test_copies_are_found_and_told_whatever_the_pixels_are_kept_as(
    monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(pixels, "LARGE", large)
    images = copied((7, 3), (9, 3), (30, 31))
    found = make_dataset("x", images, np.arange(40) % 2)
    assert found.groups is not None and found.groups.dtype == np.int32
    expected = np.arange(40)
    expected[[7, 9, 31]] = 3, 3, 30
    np.testing.assert_array_equal(found.groups, expected)
    assert found.warnings == (
        "data set 'x': 3 of 40 images are copies of others to the last pixel, and on the same side "
        "of every fold as these; 1 of them have another label",
    )


def test_without_copies_there_are_no_groups(mnist_folder: Path) -> None:
    for source, path, split in (
        ("digits", None, "train"),
        ("digits_pairs", None, "train"),
        ("mnist", mnist_folder, "test"),
    ):
        found = load_dataset(source, path=path, split=split)
        assert found.groups is None and not found.warnings


def test_part_of_a_data_set_has_the_groups_of_that_part() -> None:
    found = make_dataset("x", copied((7, 3), (9, 3), (30, 31)), np.arange(40) % 2)
    part = take(found, np.array([9, 0, 7, 30]))
    assert part.groups is not None
    np.testing.assert_array_equal(part.groups, [0, 1, 0, 3])
    assert take(found, np.array([9, 0, 30])).groups is None
    limited = limit_dataset(found, 20)
    assert limited.groups is not None and len(limited.groups) == 20


@st.composite
def arguments(draw: st.DrawFn) -> dict:
    """Labels, and groups of all kinds: of few copies, of many, across labels, one huge."""
    count = draw(st.integers(12, 200))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    labels = generator.integers(0, draw(st.integers(1, 5)), count)
    kind = draw(st.sampled_from(["few", "many", "pairs", "huge"]))
    groups = np.arange(count)
    if kind == "few":
        groups[generator.integers(0, count, 4)] = generator.integers(0, count)
    elif kind == "many":
        groups = generator.integers(0, max(1, count // 3), count)
    elif kind == "pairs":
        groups = groups // 2
    else:
        groups[: count // 2] = 0
    return {
        "labels": draw(st.sampled_from([labels, None])),
        "count": count,
        "folds": draw(st.integers(2, 4)),
        "feature_share": draw(st.floats(0, 0.4)),
        "outer_share": draw(st.floats(0, 0.3)),
        "seed": draw(st.integers(0, 2**32)),
        "groups": groups,
    }


def sides(plan: FoldPlan) -> list[np.ndarray]:
    return [plan.feature_indices, plan.outer, *plan.held_out]


def planned(given: dict) -> FoldPlan:
    try:
        return plan_folds(**given)
    except UserError:
        assume(False)
        raise


@given(arguments())
def test_no_two_parts_share_a_copy_and_folds_are_of_one_size(given: dict) -> None:
    groups, labels = given["groups"], given["labels"]
    first = planned(given)
    for plan in (first, deal_again(first, labels, (1, 2), groups)):
        for place, one in enumerate(sides(plan)):
            for other in sides(plan)[place + 1 :]:
                assert not set(groups[one]) & set(groups[other])
        everything = np.concatenate(sides(plan))
        assert len(np.unique(everything)) == len(everything)
        folds, size = plan.held_out.shape
        assert size >= 2 and plan.train.shape == (folds, (folds - 1) * size)
        for fold, row in enumerate(plan.train):
            assert set(row) == set(np.delete(plan.held_out, fold, axis=0).ravel())
    assert set(plan.held_out.ravel()) <= set(first.held_out.ravel())
    wanted = round(given["outer_share"] * given["count"])
    assert len(first.outer) <= max(wanted, np.bincount(groups).max()) * bool(wanted)
    assert bool(len(first.outer)) == bool(wanted)


@given(st.integers(0, 1000), st.integers(2, 5))
def test_with_few_copies_no_image_is_lost_and_classes_stay_in_their_shares(
    seed: int, folds: int
) -> None:
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [120, 60, 30])
    groups = np.arange(210)
    for begin, end in ((0, 120), (0, 120), (120, 180), (180, 210)):
        copy, of = generator.choice(np.arange(begin, end), 2, replace=False)
        groups[copy] = groups[of]
    plan = plan_folds(
        labels, 210, folds=folds, feature_share=0.2, outer_share=0.1, seed=seed, groups=groups
    )
    assert len(plan.outer) == 21 and len(plan.feature_indices) == 38
    assert plan.held_out.size == 151 // folds * folds
    counts = np.stack([np.bincount(labels[row], minlength=3) for row in plan.held_out])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 2).all()
    outer = np.bincount(labels[plan.outer], minlength=3)
    assert (abs(outer - np.array([12, 6, 3])) <= 1).all()


def test_groups_of_one_image_each_make_folds_as_even_as_no_groups() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    plan = plan_folds(labels, 100, folds=3, feature_share=0.2, seed=1, groups=np.arange(100))
    counts = np.stack([np.bincount(labels[row]) for row in plan.held_out])
    assert plan.held_out.shape == (3, 26)
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_classes_of_one_image_each_are_set_aside_whole() -> None:
    """Eight images, each of them fifteen times and a class of its own."""
    labels = np.repeat(np.arange(8), 15)
    plan = plan_folds(labels, 120, folds=3, feature_share=0.3, seed=0, groups=labels * 15)
    assert len(plan.feature_indices) == 30
    assert plan.held_out.shape == (3, 30)


def test_one_image_again_and_again_is_refused_with_how_many_differ() -> None:
    with pytest.raises(UserError, match="100 images, of which 3 differ, make no 3 folds"):
        groups = np.minimum(np.arange(100), 2)
        plan_folds(None, 100, folds=3, feature_share=0.1, seed=0, groups=groups)


def test_a_digest_is_of_all_pixels() -> None:
    digests = np.zeros((4, 16), np.uint8)
    digests[1, 15], digests[3, 0] = 1, 1
    groups = groups_of(digests)
    assert groups is not None
    np.testing.assert_array_equal(groups, [0, 1, 0, 3])
