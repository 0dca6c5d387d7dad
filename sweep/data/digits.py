"""The 8x8 handwritten digits that ship inside scikit-learn: no file, no network."""

import numpy as np

from normsweep.data.dataset import Dataset, make_dataset

MAX_GREY = 16


def load_digits() -> Dataset:
    """1,797 grey images: [1797, 8, 8, 1], with the labels 0 to 9.

    The original greys 0..16 become [-1, 1]: x / 8 - 1, exact in float32.

    References:
        Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    # Imported here because it takes longer than everything else a session imports from here.
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.asarray(digits.images, np.float32) / MAX_GREY
    return make_dataset("digits", images, np.asarray(digits.target), pixel_range=(0, 1))
