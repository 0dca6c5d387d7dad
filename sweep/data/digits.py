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
    # The package itself need not be imported for it, which would take longer than all else that a
    # worker does before its first trial.
    package = find_spec("sklearn")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = np.loadtxt(file, delimiter=",")
    # A row is 64 greys and a label.
    images = rows[:, :-1].reshape(-1, 8, 8).astype(np.float32) / MAX_GREY
    return make_dataset("digits", images, rows[:, -1].astype(int), pixel_range=(0, 1))
