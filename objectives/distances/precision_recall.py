"""Precision, recall, density and coverage: how far two samples lie within each other.

A sample's manifold is the union of balls around its points, each as large as the distance to its
point's k-th nearest neighbour in the same sample. The balls are closed: a point on the boundary is
within, by the ≤ of the equation for precision and recall.

    precision  share of generated points within the real manifold
    recall     share of real points within the generated manifold
    density    mean number of real balls around a generated point, over k
    coverage   share of real balls with a generated point in them

References:
  Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1 (precision, recall); Naeem et al. 2020,
  arXiv:2002.09797, eq. 4 and 5 (density, coverage).
"""

from functools import partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import FROM_ZERO, HIGHER, SHARE, Distance, RealFeatures
from normsweep.objectives.distances.samples import Float64Array, as_features, feature_pair

NEIGHBOURS = 5


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1], but for the density, which is any number from 0."""

    precision: float
    recall: float
    density: float
    coverage: float


class Manifold(NamedTuple):
    """A sample `[n, d]` and the squared radii of its balls, `[n]`, each to the k-th neighbour."""

    points: Float64Array
    squared_radii: Float64Array
    neighbours: int


def manifold(features: ArrayLike, neighbours: int = NEIGHBOURS) -> Manifold:
    """Returns the manifold of features of shape `[n, d]`.

    Raises `ValueError` for a number of neighbours below 1 or above n - 1, for another shape, and
    for entries that are not finite.
    """
    points = as_features("features", features)
    if not 1 <= neighbours < len(points):
        raise ValueError(
            f"neighbours must be between 1 and {len(points) - 1} for {len(points)} samples, "
            f"got {neighbours}"
        )
    distances = _squared_distances(points, points)
    # Its own distance, 0, is the first of each row.
    squared_radii = np.partition(distances, neighbours, axis=1)[:, neighbours]
    return Manifold(points, squared_radii, neighbours)


def precision_recall_to(real: Manifold, generated: ArrayLike) -> PrecisionRecall:
    """Returns the four of generated features `[m, d]` and a real manifold prepared once.

    Raises `ValueError` for other shapes, fewer than k + 1 samples, and entries that are not finite.
    """
    _, points = feature_pair(real.points, generated)
    fake = manifold(points, real.neighbours)
    distances = _squared_distances(real.points, fake.points)
    in_real = distances <= np.expand_dims(real.squared_radii, 1)
    in_fake = distances <= np.expand_dims(fake.squared_radii, 0)
    return PrecisionRecall(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_fake.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / real.neighbours),
        coverage=float(in_real.any(axis=1).mean()),
    )


def precision_recall_influence(real: Manifold, generated: ArrayLike) -> dict[str, Float64Array]:
    """Returns the influence of each real point `[n]` on each of the four, by name.

        ψᵢ = (n - 1)·(θ - θ₋ᵢ), less their mean

    where θ₋ᵢ is the number without point i: its ball is gone, and those of the points that had it
    among their k nearest reach to the next one. For recall this is whether the point is within the
    generated manifold, less the recall. What the jackknife so says of a variance is too large
    rather than too small: of 3 to 16 features 2 to 5 times. A bootstrap would count points more
    than once, which are then each other's nearest. Raises `ValueError` as `precision_recall_to`.

    References:
      Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 9, 1981.
    """
    _, points = feature_pair(real.points, generated)
    fake = manifold(points, real.neighbours)
    count = len(real.points)
    own = _squared_distances(real.points, real.points)
    # Of so few points that there is no next one the ball stays.
    next_one = min(real.neighbours + 1, count - 1)
    next_radii = np.partition(own, next_one, axis=1)[:, next_one]
    # [i, j]: whether i is one of the k nearest of j, which end its ball.
    near = (own <= np.expand_dims(real.squared_radii, 0)).astype(np.float32)
    np.fill_diagonal(near, 0.0)
    distances = _squared_distances(real.points, points)
    inside = distances <= np.expand_dims(real.squared_radii, 1)
    gained = (distances <= np.expand_dims(next_radii, 1)) & ~inside
    # [i, generated]: how many balls there are around it without point i.
    balls = inside.sum(axis=0) - inside + near @ gained.astype(np.float32)
    held = inside.any(axis=1)
    newly = gained.any(axis=1) & ~held
    within = (distances <= np.expand_dims(fake.squared_radii, 0)).any(axis=1)
    without = {
        "precision": (balls > 0).mean(axis=1),
        "recall": (within.sum() - within) / (count - 1),
        "density": balls.mean(axis=1, dtype=np.float64) / real.neighbours,
        "coverage": (held.sum() - held + near @ newly.astype(np.float32)) / (count - 1),
    }
    return {name: (count - 1) * (each.mean() - each) for name, each in without.items()}


def precision_recall_density_coverage(
    real: ArrayLike, fake: ArrayLike, neighbours: int = NEIGHBOURS
) -> PrecisionRecall:
    """Returns precision, recall, density and coverage of features `[n, d]` and `[m, d]`.

    Compute and memory grow with n² + n·m + m². Raises `ValueError` for a number of neighbours
    below 1 or not below n and m, for other shapes, and for entries that are not finite.
    """
    real, fake = feature_pair(real, fake)
    return precision_recall_to(manifold(real, neighbours), fake)


def _squared_distances(a: Float64Array, b: Float64Array) -> Float64Array:
    # Imported here since most studies do not ask for it, and it takes long.
    from scipy.spatial.distance import cdist

    # Expanding |x - y|² would be twice as fast, and decide ties by its rounding errors.
    distances: Float64Array = cdist(a, b, "sqeuclidean")
    return distances


def _manifold(samples: RealFeatures) -> Manifold:
    return manifold(samples.held_out)


def _influence(
    samples: RealFeatures, real: Manifold, features: Float64Array, part: str
) -> Float64Array:
    del samples
    return precision_recall_influence(real, features)[part]


def _entry(part: str, range_: str, summary: str, source: str) -> Distance:
    return Distance(
        _manifold,
        precision_recall_to,
        attrgetter(part),
        HIGHER,
        range_,
        summary,
        source,
        fewest=NEIGHBOURS + 1,
        influence=partial(_influence, part=part),
    )


_PRECISION_RECALL = "Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1"
_DENSITY_COVERAGE = "Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5"

PRECISION = _entry(
    "precision", SHARE, "share of generated within the real manifold", _PRECISION_RECALL
)

RECALL = _entry("recall", SHARE, "share of real within the generated manifold", _PRECISION_RECALL)

DENSITY = _entry(
    "density",
    FROM_ZERO,
    "mean number of real balls around a generated, over 5",
    _DENSITY_COVERAGE,
)

COVERAGE = _entry(
    "coverage", SHARE, "share of real balls with a generated in them", _DENSITY_COVERAGE
)
