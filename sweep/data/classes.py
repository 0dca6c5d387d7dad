"""Names of classes, and the numbers that stand for them."""

from collections.abc import Sequence

import numpy as np

from normsweep.data.layout import in_order


def numbered(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels [n] int64 of pictures by the names of their classes, and the names of 0..k-1.

    They are in the order that names of class folders have (`in_order`).
    """
    classes = tuple(in_order(set(names)))
    places = {name: place for place, name in enumerate(classes)}
    return np.fromiter((places[name] for name in names), np.int64, len(names)), classes
