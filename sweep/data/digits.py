"""The 8x8 handwritten digits that ship inside scikit-learn: no file, no network."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from normsweep.data.dataset import Dataset, make_dataset

MAX_GREY = 16


def load_digits() -> Dataset:
    """1,797 grey images: [1797, 8, 8, 1], with the labels 0 to 9.

    The original greys 0..16 become [-1, 1]: x / 8 - 1, exact in float32.

    References:
        Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    images, classes = _digits()
    return make_dataset("digits", images, classes, pixel_range=(0, 1))


def load_digits_pairs() -> Dataset:
    """Two sets of 1,797 grey images, [3594, 8, 8, 1]: the digits, and the digits changed.

    Those of label 0 are the digits, those of label 1 the same, turned by a quarter to the left,
    with black for white. What image i of the one is in the other is known, `pairs`, for a look at
    the end: a translation between the sets is learnt without. The counterpart of a held-out image
    may be among the training images of the other set, as in the published data sets of pairs.
    """
    images, _ = _digits()
    count = len(images)
    both = np.concatenate([images, 1 - np.rot90(images, axes=(1, 2))])
    labels = np.repeat(np.arange(2), count)
    pairs = (np.arange(2 * count) + count) % (2 * count)
    return make_dataset("digits_pairs", both, labels, pairs=pairs, pixel_range=(0, 1))


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """The images, [1797, 8, 8] float32 of 0 to 1, and which digits they are."""
    # The package itself need not be imported for it, which would take longer than all else that a
    # worker does before its first trial.
    package = find_spec("sklearn")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = np.loadtxt(file, delimiter=",")
    # A row is 64 greys and a label.
    images = rows[:, :-1].reshape(-1, 8, 8).astype(np.float32) / MAX_GREY
    return images, rows[:, -1].astype(int)
