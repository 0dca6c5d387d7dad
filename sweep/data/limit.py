"""A smaller data set with the same mix of classes."""

import numpy as np

from normsweep.data.apportion import apportion
from normsweep.data.dataset import Dataset, take
from normsweep.errors import UserError


def limit_dataset(dataset: Dataset, limit: int | None) -> Dataset:
    """The first `limit` images, with every class in its share of the whole.

    With labels, each class gives its proportional part of `limit` (largest remainder, so within
    one image of exact), first come in file order; below one image per class some classes give
    none. Without labels it is the first `limit` images. File order is kept, nothing is random, and
    a limit of None or at least the number of images changes nothing.

    Raises:
        UserError: `limit` is below 1.
    """
    count = len(dataset.images)
    if limit is not None and limit < 1:
        raise UserError(f"data.limit = {limit}: accepted are whole numbers >= 1, or none at all")
    if limit is None or limit >= count:
        return dataset
    if dataset.labels is None:
        return take(dataset, np.arange(limit))
    classes, sizes = np.unique(dataset.labels, return_counts=True)
    chosen = [
        np.flatnonzero(dataset.labels == label)[:quota]
        for label, quota in zip(classes, apportion(sizes, limit), strict=True)
    ]
    return take(dataset, np.sort(np.concatenate(chosen)))
