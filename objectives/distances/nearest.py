"""The nearest point of another sample, by Euclidean distance."""

import numpy as np
from numpy.typing import NDArray

from objectives.distances.samples import Float64Array


def nearest(points: Float64Array, others: Float64Array) -> tuple[NDArray[np.intp], Float64Array]:
    """Returns, for each of `points` `[n, d]`, the index of the nearest of `others` and how far it
    is, `[n]` both. Memory grows with n times the number of `others`, which must not be none."""
    # Imported here since most studies do not ask for it, and it takes long.
    from sklearn.metrics import euclidean_distances

    if not len(points):
        return np.zeros(0, np.intp), np.zeros(0)
    indices: NDArray[np.intp] = euclidean_distances(points, others, squared=True).argmin(axis=1)
    # The search expands |x - y|², which leaves a rounding error where a copy's distance is 0.
    return indices, np.linalg.norm(points - others[indices], axis=1)


def distances_to_nearest(points: Float64Array, others: Float64Array) -> Float64Array:
    """Returns how far each of `points` `[n, d]` is from the nearest of `others`, `[n]`."""
    return nearest(points, others)[1]
