"""What a data set is once it is loaded, and what it takes to become one."""

import math
from dataclasses import dataclass, field

import numpy as np

from normsweep.data.fingerprint import fingerprint
from normsweep.errors import UserError

MAX_CHANNELS = 4
MAX_LABEL = int(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class Dataset:
    """Images in memory, ready to train on. Build one with `make_dataset`.

    Two data sets are equal when name and fingerprint are; the arrays are read-only.

    Attributes:
        name: what the data set is called in specs and in the database.
        images: [n, h, w, c] float32 in [-1, 1], channels last.
        labels: [n] int32, class indices 0..k-1, or None. A class may be without images.
        fingerprint: SHA-256 in hex over shape, dtype and bytes of images and labels.
    """

    name: str
    images: np.ndarray = field(compare=False, repr=False)
    labels: np.ndarray | None = field(compare=False, repr=False)
    fingerprint: str


def make_dataset(
    name: str, images: np.ndarray, labels: np.ndarray | None = None, *, origin: str | None = None
) -> Dataset:
    """Checks images and labels, and brings the images to [n, h, w, c] float32 in [-1, 1].

    The scale is read off the dtype and the smallest value, never guessed further:

    - uint8 means 0..255: x / 127.5 - 1;
    - floats with no value below 0 mean [0, 1]: 2x - 1;
    - floats with a value below 0 mean [-1, 1]: unchanged.

    So images in [-1, 1] must hold at least one negative value; images without any are taken for
    [0, 1].

    Args:
        name: the data set's name.
        images: uint8 or floats; [n, h, w, c] with 1 to 4 channels, [n, h, w] (gets one channel),
            or [n, side * side] (rows of flattened square images, one channel).
        labels: [n] integers >= 0, or None.
        origin: what error messages start with, such as a file; `name` when None.

    Raises:
        UserError: the shape, dtype or range is none of these; a value is not finite; there is no
            image, or every value is the same; labels differ in number or are not integers >= 0.
    """
    where = origin if origin is not None else f"data set {name!r}"
    scaled = _scale(_with_channels(np.asarray(images), where), where)
    checked = None if labels is None else _check_labels(np.asarray(labels), len(scaled), where)
    return _freeze(name, scaled, checked)


def take(dataset: Dataset, indices: np.ndarray) -> Dataset:
    """The data set made of the images at `indices` ([m] integers), in that order, unscaled.

    Its fingerprint is that of what it holds, so it differs from the whole's.
    """
    labels = None if dataset.labels is None else dataset.labels[indices]
    return _freeze(dataset.name, dataset.images[indices], labels)


def _freeze(name: str, images: np.ndarray, labels: np.ndarray | None) -> Dataset:
    for array in (images, labels):
        if array is not None:
            array.setflags(write=False)
    return Dataset(name, images, labels, fingerprint(images=images, labels=labels))


def _with_channels(images: np.ndarray, where: str) -> np.ndarray:
    accepted = "accepted are [n, h, w, c] with 1 to 4 channels last, [n, h, w], or [n, side * side]"
    found = f"{where}: images have the shape {list(images.shape)}"
    if images.size == 0:
        raise UserError(f"{found}, which holds no image; {accepted}")
    if images.ndim == 2:
        side = math.isqrt(images.shape[1])
        if side * side != images.shape[1]:
            raise UserError(f"{found}, and {images.shape[1]} is not a square; {accepted}")
        images = images.reshape(len(images), side, side)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    # Channels first would otherwise train without a word on pictures read sideways.
    if images.ndim != 4 or images.shape[-1] > MAX_CHANNELS:
        raise UserError(f"{found}; {accepted}")
    return images


def _scale(images: np.ndarray, where: str) -> np.ndarray:
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise UserError(
            f"{where}: images are {images.dtype}; accepted are uint8 (0 to 255) "
            "or floats in [0, 1] or [-1, 1]"
        )
    # NaN comes through both reductions and infinity through one: no mask as large as the images.
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(
            f"{where}: images hold values that are not finite (NaN or infinity); "
            "accepted are floats in [0, 1] or [-1, 1]"
        )
    if low == high:
        raise UserError(
            f"{where}: every value of the images is {low}; accepted are images that differ"
        )
    if images.dtype == np.uint8:
        floats = images.astype(np.float32, order="C")
        floats /= 127.5
        floats -= 1
        return floats
    if low < -1 or high > 1:
        raise UserError(
            f"{where}: float images have the range {low:g} to {high:g}; "
            "accepted are [0, 1] or [-1, 1] (or uint8, 0 to 255)"
        )
    floats = images.astype(np.float32, order="C")
    if low >= 0:
        floats *= 2
        floats -= 1
    return floats


def _check_labels(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    if labels.shape != (count,):
        raise UserError(
            f"{where}: labels have the shape {list(labels.shape)}; "
            f"accepted is [{count}], one label for each image"
        )
    accepted = f"accepted are integers 0 to {MAX_LABEL}"
    if not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"{where}: labels are {labels.dtype}; {accepted}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > MAX_LABEL:
        raise UserError(f"{where}: labels have the range {low} to {high}; {accepted}")
    return labels.astype(np.int32)
