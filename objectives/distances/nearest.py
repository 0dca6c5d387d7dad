"""The nearest point of another sample, or of the same one, by Euclidean distance."""

import numpy as np
from numpy.typing import NDArray

from normsweep.objectives.distances.samples import Float64Array

MEMORY = 128
"""MiB for the distances held at a time, so that a large training set needs no more."""


def nearest(points: Float64Array, others: Float64Array) -> tuple[NDArray[np.intp], Float64Array]:
    """Returns, for each of `points` `[n, d]`, the index of the nearest of `others` and how far it
    is, `[n]` both. There must be one at least of `others`."""
    return _nearest(points, others, own=False)


def nearest_other(points: Float64Array) -> tuple[NDArray[np.intp], Float64Array]:
    """Returns what `nearest` does, among `points` themselves but for the point asked about."""
    return _nearest(points, points, own=True)


def distances_to_nearest(points: Float64Array, others: Float64Array) -> Float64Array:
    """Returns how far each of `points` `[n, d]` is from the nearest of `others`, `[n]`."""
    return nearest(points, others)[1]


def _nearest(
    points: Float64Array, others: Float64Array, *, own: bool
) -> tuple[NDArray[np.intp], Float64Array]:
    # Imported here since most studies do not ask for it, and it takes long.
    from sklearn.metrics import pairwise_distances_chunked

    def first(distances: Float64Array, start: int) -> NDArray[np.intp]:
        if own:
            rows = np.arange(len(distances))
            distances[rows, start + rows] = np.inf
        indices: NDArray[np.intp] = distances.argmin(axis=1)
        return indices

    if not len(points):
        return np.zeros(0, np.intp), np.zeros(0)
    chunks = pairwise_distances_chunked(
        points, others, reduce_func=first, working_memory=MEMORY, squared=True
    )
    indices = np.concatenate(list(chunks))
    # The search expands |x - y|², which leaves a rounding error where a copy's distance is 0.
    return indices, np.linalg.norm(points - others[indices], axis=1)
