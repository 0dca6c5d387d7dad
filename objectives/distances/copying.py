"""The data-copying statistic C_T: are generated samples nearer to the training set than new data?

Within each cell of a partition, a Mann–Whitney test compares the distances to the nearest training
point of the generated samples with those of held-out ones:

    Z = (U - nm/2) / √(nm(n + m + 1)/12),    C_T = Σ P(cell)·Z(cell) / Σ P(cell)

where U counts the pairs in which the generated one is further away (ties by half), and P is the
share of held-out samples. C_T ≪ 0 says copying, C_T ≫ 0 underfitting; near 0, neither is seen. Of
two equal distributions Z is standard normal.

References:
  Meehan, Chaudhuri and Dasgupta 2020, arXiv:2004.05675, sec. 4.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normsweep.objectives.distances.contract import (
    ANY,
    TRAINING,
    ZERO,
    Distance,
    RealFeatures,
    training_of,
)
from normsweep.objectives.distances.nearest import distances_to_nearest, nearest
from normsweep.objectives.distances.samples import Float64Array, as_features, feature_pair

MOST_CELLS = 10
SAMPLES_PER_CELL = 50
FEWEST_IN_CELL = 20
"""From about 20 samples on, U is close to normal."""


class CopyingReference(NamedTuple):
    """A partition by k-means of the training set, with what lies in each cell.

    A point is in the cell of the nearest of the `centres`, `[cells, d]`. `training` and
    `held_out_distances` have an entry for each cell: points `[m, d]`, and the distances of the
    cell's held-out samples to the nearest of them. `whole` is the same for all of the space as one
    cell.
    """

    centres: Float64Array
    training: tuple[Float64Array, ...]
    held_out_distances: tuple[Float64Array, ...]
    whole: tuple[Float64Array, Float64Array]


def copying_reference(
    held_out: ArrayLike, training: ArrayLike, cells: int | None = None, seed: int = 0
) -> CopyingReference:
    """Returns what `copying_statistic_to` needs: held-out `[n, d]` and training features `[m, d]`.

    The partition has at most `cells` cells, by default one for each 50 held-out samples and at most
    10. Equal arguments give an equal partition. Raises `ValueError` for a number of cells below 1,
    for other shapes, and for entries that are not finite.
    """
    held_out, training = feature_pair(held_out, training)
    if cells is None:
        cells = min(MOST_CELLS, max(1, len(held_out) // SAMPLES_PER_CELL))
    if cells < 1:
        raise ValueError(f"cells must be at least 1, got {cells}")
    centres, of_training = _partition(training, cells, seed)
    inside = [training[of_training == cell] for cell in range(len(centres))]
    of_held_out, _ = nearest(held_out, centres)
    distances = [
        distances_to_nearest(held_out[of_held_out == cell], points)
        for cell, points in enumerate(inside)
    ]
    whole = training, distances_to_nearest(held_out, training)
    return CopyingReference(centres, tuple(inside), tuple(distances), whole)


def copying_statistic_to(reference: CopyingReference, generated: ArrayLike) -> float:
    """Returns C_T of generated features `[n, d]`.

    Cells with fewer than 20 generated samples or with no held-out one are left out, as in the
    paper. Where that leaves none, all of the space is one cell. Raises `ValueError` for another
    shape and for entries that are not finite.
    """
    points = as_features("generated", generated)
    of_generated, _ = nearest(points, reference.centres)
    scores, weights = [], []
    for cell, (training, held_out) in enumerate(
        zip(reference.training, reference.held_out_distances, strict=True)
    ):
        inside = points[of_generated == cell]
        if len(inside) >= FEWEST_IN_CELL and len(held_out):
            scores.append(_z_score(distances_to_nearest(inside, training), held_out))
            weights.append(len(held_out))
    if not scores:
        training, held_out = reference.whole
        return _z_score(distances_to_nearest(points, training), held_out)
    return float(np.average(scores, weights=weights))


def copying_influence(
    reference: CopyingReference, held_out: ArrayLike, generated: ArrayLike
) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on `copying_statistic_to`, by its cells.

    C_T is a function of the number of held-out samples in each cell and of U there, a sum over
    these: this is n times its derivative by the weight of one of them, the others' sinking in
    proportion. `held_out` `[n, d]` are those of the reference.
    """
    real, points = feature_pair(held_out, generated)
    of_real, of_generated = (nearest(each, reference.centres)[0] for each in (real, points))
    cells = [
        (of_real == cell, points[of_generated == cell], training)
        for cell, training in enumerate(reference.training)
    ]
    cells = [each for each in cells if each[0].any() and len(each[1]) >= FEWEST_IN_CELL]
    if not cells:
        cells = [(np.full(len(real), True), points, reference.whole[0])]
    total = sum(int(inside.sum()) for inside, _, _ in cells)
    value = copying_statistic_to(reference, points)
    found = np.zeros(len(real))
    for inside, those, training in cells:
        n, m = int(inside.sum()), len(those)
        further = _further(*(distances_to_nearest(x, training) for x in (those, real[inside])))
        scale = np.sqrt(n * m * (n + m + 1) / 12)
        z = (float(further.sum()) - n * m / 2) / scale
        slope = -m / (2 * scale) - z / 2 * (1 / n + 1 / (n + m + 1))
        found[inside] = (z - value + n * slope + n / scale * further) * (len(real) / total)
    centred: Float64Array = found - found.mean()
    return centred


def _further(generated: Float64Array, held_out: Float64Array) -> Float64Array:
    """Returns for each held-out distance how many generated ones are larger, ties by half."""
    ordered = np.sort(generated)
    left, right = (np.searchsorted(ordered, held_out, side) for side in ("left", "right"))
    found: Float64Array = len(generated) - (left + right) / 2
    return found


def copying_statistic(
    generated: ArrayLike,
    held_out: ArrayLike,
    training: ArrayLike,
    cells: int | None = None,
    seed: int = 0,
) -> float:
    """Returns C_T of generated, held-out and training features, `[·, d]` each.

    See `copying_reference` for the cells and `copying_statistic_to` for the rest.
    """
    return copying_statistic_to(copying_reference(held_out, training, cells, seed), generated)


def _partition(
    training: Float64Array, cells: int, seed: int
) -> tuple[Float64Array, NDArray[np.int32]]:
    """Returns the centres of the cells, and the cell of each training point."""
    # Imported here since most studies do not ask for it, and it takes long.
    from sklearn.cluster import KMeans

    distinct = len(np.unique(training, axis=0))
    partition = KMeans(min(cells, distinct), n_init=1, random_state=seed).fit(training)
    return partition.cluster_centers_, partition.labels_


def _z_score(generated: Float64Array, held_out: Float64Array) -> float:
    from scipy.stats import rankdata

    n, m = len(held_out), len(generated)
    ranks: NDArray[np.float64] = rankdata(np.concatenate([generated, held_out]))
    statistic = ranks[:m].sum() - m * (m + 1) / 2
    return float((statistic - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def _reference(samples: RealFeatures) -> CopyingReference:
    return copying_reference(samples.held_out, training_of(samples))


def _influence(
    samples: RealFeatures, reference: CopyingReference, features: Float64Array
) -> Float64Array:
    return copying_influence(reference, samples.held_out, features)


COPYING = Distance(
    _reference,
    copying_statistic_to,
    float,
    ZERO,
    ANY,
    "C_T: z-score of the distances to the training images; below 0 where copied",
    "Meehan et al. 2020, arXiv:2004.05675",
    needs=(TRAINING,),
    influence=_influence,
)
