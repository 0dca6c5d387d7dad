"""Which images train, which judge, and which make the feature map."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from normsweep.data.apportion import apportion
from normsweep.data.fingerprint import fingerprint
from normsweep.data.together import Together
from normsweep.errors import UserError


@dataclass(frozen=True)
class FoldPlan:
    """Indices into a data set's images; all of them int32 and read-only.

    No image is in two folds, nor both in a fold and set aside. Two plans are equal when seed and
    fingerprint are.

    Attributes:
        feature_indices: [n_feature], ascending: set aside for the feature map, never judged.
        train: [folds, n_train], n_train = (folds - 1) * n_fold: the other folds together.
        held_out: [folds, n_fold]: what the samples of a member on that fold are compared with.
        outer: [n_outer], ascending: in no fold and no feature map, for one look at the end.
        seed: the seed that it was drawn with.
        fingerprint: SHA-256 in hex over the three index arrays.
    """

    feature_indices: np.ndarray = field(compare=False, repr=False)
    train: np.ndarray = field(compare=False, repr=False)
    held_out: np.ndarray = field(compare=False, repr=False)
    outer: np.ndarray = field(compare=False, repr=False)
    seed: int
    fingerprint: str


def plan_folds(
    labels: np.ndarray | None,
    count: int,
    *,
    folds: int,
    feature_share: float,
    seed: int,
    outer_share: float = 0.0,
    groups: np.ndarray | None = None,
) -> FoldPlan:
    """Draws a set-aside part and `folds` equal, disjoint folds, stratified where there are labels.

    round(outer_share * count) images are taken away first, then round(feature_share * rest) are set
    aside, each class in its share to within one image. The others are dealt to the folds, class
    after class, so that no two folds differ by more than one image of any class. Folds must be of
    exactly one size, because the bias of a Fréchet distance depends on it: the remainder, fewer
    than `folds` images, is in no part of the plan. It falls on classes drawn by the seed. The order
    within a row is random.

    Images of one group lie all in one fold, all set aside, or all taken away; those that are too
    many for it are in no part of the plan, as few as can be: then the parts may be smaller, and
    shares of a class are as near as the groups allow.

    Args:
        labels: [count] integers, or None for folds that take no notice of classes.
        count: the number of images.
        folds: at least 2.
        feature_share: the share of images for the feature map, 0 <= feature_share < 1.
        outer_share: the share of images for one look at the end, 0 <= outer_share < 1.
        seed: integer >= 0 for NumPy's PCG64; equal arguments give an equal plan, on any
            machine and under any version of NumPy.
        groups: [count] integers, equal for images that are to stay together, such as copies; None
            where there are none.

    Raises:
        UserError: `folds` or a share is out of range, or fewer than 2 images a fold are
            left after the set-aside.
        ValueError: labels are not [count], or the seed is negative.
    """
    if labels is not None and labels.shape != (count,):
        raise ValueError(f"labels have the shape {list(labels.shape)}, expected [{count}]")
    taken, set_aside = _check(count, folds, feature_share, outer_share)
    bits = np.random.PCG64(seed)
    classes = _shuffled_classes(labels, count, bits)
    if groups is not None:
        together = Together.of(classes, groups)
        outer, together = together.split(taken)
        feature, together = together.split(set_aside)
        dealt = together.dealt(folds)
        if dealt.shape[1] < 2:
            raise UserError(
                f"score.folds = {folds}: {count} images, of which {len(np.unique(groups))} differ, "
                f"make no {folds} folds of two, since copies stay together; accepted: fewer folds, "
                "or more images"
            )
        return _freeze(np.sort(feature), *_shuffled(dealt, bits), np.sort(outer), seed)
    outer, classes = _split(classes, taken)
    feature, classes = _split(classes, set_aside)
    return _freeze(np.sort(feature), *_deal(classes, folds, bits), np.sort(outer), seed)


def deal_again(
    plan: FoldPlan,
    labels: np.ndarray | None,
    seed: Sequence[int],
    groups: np.ndarray | None = None,
    inside: np.ndarray | None = None,
    folds: int | None = None,
) -> FoldPlan:
    """The same parts of a plan with its folds dealt anew, from the images that were in them.

    `seed` are integers >= 0 of which NumPy's SeedSequence makes PCG64's; feature map and outer
    part stay as they are. With `groups`, as in `plan_folds`, folds may come to be smaller. `inside`
    are those images of the folds to deal, where it is not all; `folds` is how many, where it is not
    as many as before.
    """
    bits = np.random.PCG64(list(seed))
    inside = np.sort(plan.held_out.ravel() if inside is None else inside)
    classes = _shuffled_classes(None if labels is None else labels[inside], len(inside), bits)
    folds = len(plan.held_out) if folds is None else folds
    classes = [inside[each] for each in classes]
    if groups is None:
        parts = _deal(classes, folds, bits)
    else:
        parts = _shuffled(Together.of(classes, groups).dealt(folds), bits)
    return _freeze(plan.feature_indices, *parts, plan.outer, plan.seed)


def outer_plan(plan: FoldPlan) -> FoldPlan:
    """One fold: all images of the plan's folds train, and those of its outer part judge."""
    everything = np.sort(plan.held_out.ravel())[None]
    return _freeze(plan.feature_indices, everything, plan.outer[None], plan.outer, plan.seed)


def _split(classes: list[np.ndarray], number: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """So many indices, each class in its share, and what is left of the classes."""
    quotas = apportion(np.array([len(each) for each in classes]), number)
    taken = np.concatenate([c[:quota] for c, quota in zip(classes, quotas, strict=True)])
    return taken, [c[quota:] for c, quota in zip(classes, quotas, strict=True)]


def _deal(
    classes: list[np.ndarray], folds: int, bits: np.random.PCG64
) -> tuple[np.ndarray, np.ndarray]:
    """The training and held-out indices of each fold."""
    rest = np.concatenate(classes)
    size = len(rest) // folds
    # A class is one run in `rest`, so dealing like cards gives each fold its floor or ceiling.
    return _shuffled(rest[: size * folds].reshape(size, folds).T, bits)


def _shuffled(dealt: np.ndarray, bits: np.random.PCG64) -> tuple[np.ndarray, np.ndarray]:
    """Training and held-out indices in random order, of held-out ones [folds, n_fold]."""
    folds = len(dealt)
    # Unshuffled, any prefix of a row would hold the first classes only.
    held_out = np.stack([_shuffle(row, bits) for row in dealt])
    train = np.stack(
        [_shuffle(np.delete(held_out, fold, axis=0).ravel(), bits) for fold in range(folds)]
    )
    return train, held_out


def _check(count: int, folds: int, feature_share: float, outer_share: float) -> tuple[int, int]:
    """How many images are taken away, and how many set aside."""
    if folds < 2:
        raise UserError(f"score.folds = {folds}: accepted are whole numbers >= 2")
    for name, share in {
        "score.feature_share": feature_share,
        "confirm.holdout": outer_share,
    }.items():
        if not 0 <= share < 1:
            raise UserError(f"{name} = {share}: accepted are 0 <= share < 1")
    taken = round(outer_share * count)
    set_aside = round(feature_share * (count - taken))
    left = count - taken - set_aside
    if left < 2 * folds:
        kept = f" and {taken} for the look at the end" if taken else ""
        raise UserError(
            f"score.folds = {folds}: {left} of {count} images are left after {set_aside} are set "
            f"aside for the feature map{kept}; {folds} folds need at least {2 * folds}"
        )
    return taken, set_aside


def _shuffled_classes(
    labels: np.ndarray | None, count: int, bits: np.random.PCG64
) -> list[np.ndarray]:
    """One shuffled index array per class, the classes themselves in random order."""
    if labels is None:
        return [_shuffle(np.arange(count), bits)]
    # In a fixed order, the dropped remainder would always be of the class listed last.
    classes = _shuffle(np.unique(labels), bits)
    return [_shuffle(np.flatnonzero(labels == label), bits) for label in classes]


def _shuffle(values: np.ndarray, bits: np.random.PCG64) -> np.ndarray:
    """A random order of `values`, the same under every version of NumPy.

    Raw PCG64 output is fixed for good, while the methods of `Generator` may change (NEP 19), and
    with them every score that was stored under a plan.
    """
    return values[np.argsort(bits.random_raw(len(values)), kind="stable")]


def _freeze(
    feature: np.ndarray, train: np.ndarray, held_out: np.ndarray, outer: np.ndarray, seed: int
) -> FoldPlan:
    arrays = [np.ascontiguousarray(part, np.int32) for part in (feature, train, held_out, outer)]
    for array in arrays:
        array.setflags(write=False)
    feature, train, held_out, outer = arrays
    # Without an outer part the fingerprint is that of versions that had none.
    kept = {"outer": outer} if len(outer) else {}
    return FoldPlan(
        feature_indices=feature,
        train=train,
        held_out=held_out,
        outer=outer,
        seed=seed,
        fingerprint=fingerprint(feature_indices=feature, train=train, held_out=held_out, **kept),
    )
