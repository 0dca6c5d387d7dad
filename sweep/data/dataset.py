"""What a data set is once it is loaded, and what it takes to become one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from normsweep.data.arrays import rows_of
from normsweep.data.duplicates import digests_of, groups_among, groups_of, told_of
from normsweep.data.fingerprint import fingerprint
from normsweep.data.pixels import BytePixels, Range, scale
from normsweep.data.stored import StoredBytes
from normsweep.errors import UserError

MAX_CHANNELS = 4
FEW_CLASSES = 1000
"""Labels up to here stay what they are, whichever of them have images."""


@dataclass(frozen=True)
class Dataset:
    """Images, ready to train on. Build one with `make_dataset`.

    Two data sets are equal when name and fingerprint are; the arrays are read-only.

    Attributes:
        name: what the data set is called in specs and in the database.
        images: [n, h, w, c] float32 in [-1, 1], channels last; many as bytes that are read as such,
            from a file where memory does not hold them.
        labels: [n] int32, class indices 0..k-1, or None. A class may be without images.
        pairs: [n] int32, for each image the index of what it is in another class, or -1; or None.
        fingerprint: SHA-256 in hex over shape, dtype and bytes of images, labels and pairs.
        classes: [k], what the labels 0..k-1 were called, or given as where they were numbered anew;
            else None.
        groups: [n] int32, for each image the first that equals it to the last pixel, often itself;
            None where all differ. Images of one group are to lie on one side of every split.
        pixel_range: the numbers that became -1 and 1.
        file: a `.npy` of these images as bytes, uint8 [n, h, w, c] in C order; None without one.
        guesses: what was assumed of the images, for whoever knows better.
        warnings: what looks wrong with them.
    """

    name: str
    images: np.ndarray | BytePixels = field(compare=False, repr=False)
    labels: np.ndarray | None = field(compare=False, repr=False)
    fingerprint: str
    pairs: np.ndarray | None = field(default=None, compare=False, repr=False)
    classes: np.ndarray | None = field(default=None, compare=False, repr=False)
    groups: np.ndarray | None = field(default=None, compare=False, repr=False)
    pixel_range: Range = field(default=(0.0, 255.0), compare=False, repr=False)
    file: Path | None = field(default=None, compare=False, repr=False)
    guesses: tuple[str, ...] = field(default=(), compare=False, repr=False)
    warnings: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def class_count(self) -> int:
        """How many classes the labels name; 0 without labels."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    def check_read(self) -> None:
        """Raises `DataLost` where a program could not read the images from their file."""
        held = self.images.bytes if isinstance(self.images, BytePixels) else None
        if isinstance(held, StoredBytes) and held.file.fault is not None:
            raise held.file.fault


@dataclass(frozen=True)
class Known:
    """What an earlier look at the same images found: groups and fingerprint, as in `Dataset`."""

    groups: np.ndarray | None
    fingerprint: str


def make_dataset(
    name: str,
    images: np.ndarray | StoredBytes,
    labels: np.ndarray | None = None,
    *,
    pairs: np.ndarray | None = None,
    origin: str | None = None,
    pixel_range: Range | None = None,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    known: Known | None = None,
) -> Dataset:
    """Checks images and labels, and brings the images to [n, h, w, c] float32 in [-1, 1].

    Without a range their scale is read off the dtype and the smallest value:

    - uint8 means 0..255: x / 127.5 - 1;
    - floats with no value below 0 mean [0, 1]: 2x - 1;
    - floats with a value below 0 mean [-1, 1]: unchanged.

    So images in [-1, 1] must hold at least one negative value; images without any are taken for
    [0, 1]. An end is passed by a rounding error without a word (`ROUNDING`). What is guessed is
    among the `guesses`, and a range that is hardly used among the `warnings`.

    Labels that are no class indices, such as the numbers of persons, are numbered anew in their
    order: where the largest is `FEW_CLASSES` or more, and most numbers below it have no image.

    Images that are equal to the last pixel are told among the `warnings`.

    Args:
        name: the data set's name.
        images: uint8 or floats, with a range any numbers; [n, h, w, c] with 1 to 4 channels,
            [n, h, w] (gets one channel), or [n, side * side] (rows of flattened square images, one
            channel).
        labels: [n] integers >= 0, or None.
        pairs: [n] integers, for each image the index of its counterpart in another class, -1 of one
            that has none; or None.
        origin: what error messages start with, such as a file; `name` when None.
        pixel_range: the numbers of black and white, which become -1 and 1.
        classes: [k], what the labels 0..k-1 are called; None of those that are numbers.
        names: [n], what a message calls each image; None where they have no names.
        known: not looked for again, in images and labels of which all of it was found before.

    Raises:
        UserError: the shape, dtype or range is none of these; a value is not finite; there is no
            image, or every value is the same; labels differ in number or are not integers >= 0;
            pairs differ in number, or are no indices of images of other classes.
    """
    where = origin if origin is not None else f"data set {name!r}"
    array = images if isinstance(images, StoredBytes) else np.asarray(images)
    scaled = scale(array.reshape(_with_channels(array.shape, where)), where, pixel_range)
    checked = given = None
    if labels is not None:
        checked, given = _check_labels(np.asarray(labels), len(scaled.pixels), where)
    guesses = [] if scaled.guess is None else [scaled.guess]
    if given is not None:
        guesses.append(
            f"{where}: {len(given)} different labels of {given[0]} to {given[-1]} are "
            f"numbered 0 to {len(given) - 1}"
        )
        if classes is not None:
            given = np.array(classes)[given]
    elif classes is not None and checked is not None:
        given = np.array(classes)
    warnings: tuple[str, ...] = () if scaled.warning is None else (scaled.warning,)
    counterparts = None if pairs is None else _check_pairs(np.asarray(pairs), checked, where)
    groups = groups_of(digests_of(scaled.pixels)) if known is None else known.groups
    warnings += told_of(groups, checked, where, names)
    found = None if known is None else known.fingerprint
    made = _freeze(name, scaled.pixels, checked, counterparts, groups, found)
    return replace(
        made,
        classes=given,
        guesses=tuple(guesses),
        warnings=warnings,
        pixel_range=scaled.means,
    )


def take(dataset: Dataset, indices: np.ndarray) -> Dataset:
    """The data set made of the images at `indices` ([m] integers), in that order, unscaled.

    Its fingerprint is that of what it holds, so it differs from the whole's.
    """
    labels = None if dataset.labels is None else dataset.labels[indices]
    whole = dataset.images
    images = whole.taken(indices) if isinstance(whole, BytePixels) else rows_of(whole, indices)
    pairs, groups = _pairs_among(dataset.pairs, indices), groups_among(dataset.groups, indices)
    taken = _freeze(dataset.name, images, labels, pairs, groups)
    return replace(
        taken,
        classes=dataset.classes,
        guesses=dataset.guesses,
        warnings=dataset.warnings,
        pixel_range=dataset.pixel_range,
    )


def _pairs_among(pairs: np.ndarray | None, indices: np.ndarray) -> np.ndarray | None:
    """The pairs of some images, as places among these; -1 where the counterpart is not."""
    if pairs is None:
        return None
    places = np.full(len(pairs) + 1, -1, np.int32)
    places[indices] = np.arange(len(indices))
    # The last place is that of -1.
    places[-1] = -1
    found: np.ndarray = places[pairs[indices]]
    return found


def _freeze(
    name: str,
    images: np.ndarray | BytePixels,
    labels: np.ndarray | None,
    pairs: np.ndarray | None,
    groups: np.ndarray | None,
    found: str | None = None,
) -> Dataset:
    """`found` is the fingerprint, where it is known."""
    pixels = images.bytes if isinstance(images, BytePixels) else images
    for array in (pixels, labels, pairs, groups):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    # Without pairs the fingerprint is that of versions that knew none.
    known = {} if pairs is None else {"pairs": pairs}
    found = found or fingerprint(images=images, labels=labels, **known)
    return Dataset(name, images, labels, found, pairs, groups=groups)


def _with_channels(shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    accepted = "accepted are [n, h, w, c] with 1 to 4 channels last, [n, h, w], or [n, side * side]"
    found = f"{where}: images have the shape {list(shape)}"
    if math.prod(shape) == 0:
        raise UserError(f"{found}, which holds no image; {accepted}")
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            raise UserError(f"{found}, and {shape[1]} is not a square; {accepted}")
        shape = (shape[0], side, side)
    if len(shape) == 3:
        shape = (*shape, 1)
    # Channels first would otherwise train without a word on pictures read sideways.
    if len(shape) != 4 or shape[-1] > MAX_CHANNELS:
        raise UserError(f"{found}; {accepted}")
    return shape


def _check_labels(
    labels: np.ndarray, count: int, where: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """The labels as int32, and what they were where they are numbered anew."""
    if labels.shape != (count,):
        raise UserError(
            f"{where}: labels have the shape {list(labels.shape)}; "
            f"accepted is [{count}], one label for each image"
        )
    accepted = "accepted are integers >= 0"
    if not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"{where}: labels are {labels.dtype}; {accepted}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise UserError(f"{where}: labels have the range {low} to {high}; {accepted}")
    if high >= FEW_CLASSES:
        classes, places = np.unique(labels, return_inverse=True)
        if high + 1 > 2 * len(classes):
            return places.astype(np.int32), classes
    return labels.astype(np.int32), None


def _check_pairs(pairs: np.ndarray, labels: np.ndarray | None, where: str) -> np.ndarray:
    """The pairs as int32."""
    if labels is None:
        raise UserError(f"{where}: 'pairs' are of images of two classes; accepted with 'labels'")
    accepted = (
        f"accepted are [{len(labels)}] integers, for each image the index of its counterpart, of "
        "another label, or -1"
    )
    if pairs.shape != labels.shape or not np.issubdtype(pairs.dtype, np.integer):
        raise UserError(f"{where}: pairs are {list(pairs.shape)} {pairs.dtype}; {accepted}")
    low, high = int(pairs.min()), int(pairs.max())
    if low < -1 or high >= len(labels):
        raise UserError(f"{where}: pairs have the range {low} to {high}; {accepted}")
    known = np.flatnonzero(pairs >= 0)
    alike = known[labels[pairs[known]] == labels[known]]
    if len(alike):
        first = int(alike[0])
        raise UserError(
            f"{where}: pairs[{first}] = {pairs[first]}, of the same label {labels[first]}; "
            f"{accepted}"
        )
    return pairs.astype(np.int32)
