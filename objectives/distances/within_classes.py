"""The Fréchet distance within classes: of samples of a class from real images of that class."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import (
    FROM_ZERO,
    LABELS,
    LOWER,
    Distance,
    RealFeatures,
)
from normsweep.objectives.distances.frechet import frechet_distance, frechet_influence, moments
from normsweep.objectives.distances.samples import (
    Float64Array,
    IntArray,
    as_labels,
    feature_pair,
)

FEWEST_OF_A_CLASS = 2
"""A class with fewer samples on either side has no covariance."""
PER_CLASS = 5
"""So many a class on average, in few draws of labels a class is left with fewer than two."""


class LabelledFeatures(NamedTuple):
    """Features `[n, d]` float64 with the classes `[n]` of their images."""

    features: Float64Array
    labels: IntArray


def frechet_within_classes(
    features_a: ArrayLike, labels_a: ArrayLike, features_b: ArrayLike, labels_b: ArrayLike
) -> float:
    """Returns the mean over classes of the Fréchet distance between the two samples of a class.

    Features are `[n, d]`, labels `[n]` integers. Each class counts as much as any other, but for
    those of which one side has fewer than two samples, which are left out; NaN where that is all.
    The bias of the distance is that of a class's few samples, and covariances of rank below d are
    compared as they are: compare only distances with equal labels on both sides. Raises
    `ValueError` for other shapes and for entries that are not finite.

    References:
      Miyato and Koyama 2018, arXiv:1802.05637, sec. 6 (intra FID).
    """
    a, b = feature_pair(features_a, features_b)
    classes_a = as_labels("labels_a", labels_a, len(a))
    classes_b = as_labels("labels_b", labels_b, len(b))
    distances = []
    for label in np.intersect1d(classes_a, classes_b):
        of_a, of_b = a[classes_a == label], b[classes_b == label]
        if min(len(of_a), len(of_b)) >= FEWEST_OF_A_CLASS:
            distances.append(frechet_distance(of_a, of_b))
    return float(np.mean(distances)) if distances else math.nan


def within_classes_influence(
    held_out: ArrayLike, labels: ArrayLike, generated: ArrayLike, generated_labels: ArrayLike
) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on `frechet_within_classes`.

        ψ(z) = n / (n_c · classes) · ψ_c(z)

    with ψ_c that on the distance of its class c, of n_c held-out images, and so many classes as
    count; 0 of the images of others. Arguments are those of `frechet_within_classes`.
    """
    real, fake = feature_pair(held_out, generated)
    of_real = as_labels("labels", labels, len(real))
    of_fake = as_labels("generated_labels", generated_labels, len(fake))
    found = np.zeros(len(real))
    counted = 0
    for label in np.intersect1d(of_real, of_fake):
        inside, others = of_real == label, fake[of_fake == label]
        if min(int(inside.sum()), len(others)) >= FEWEST_OF_A_CLASS:
            counted += 1
            found[inside] = frechet_influence(real[inside], moments(others)) / inside.sum()
    return found * (len(real) / max(counted, 1))


def _prepared(samples: RealFeatures) -> LabelledFeatures:
    if samples.labels is None:
        raise ValueError("samples.labels is needed for this distance, got None")
    labels = as_labels("samples.labels", samples.labels, len(samples.held_out))
    return LabelledFeatures(samples.held_out, labels)


def _measured(real: LabelledFeatures, features: Float64Array, labels: IntArray) -> float:
    return frechet_within_classes(real.features, real.labels, features, labels)


def _influence(
    samples: RealFeatures, real: LabelledFeatures, features: Float64Array, labels: IntArray
) -> Float64Array:
    del samples
    return within_classes_influence(real.features, real.labels, features, labels)


WITHIN_CLASS_FID = Distance(
    _prepared,
    _measured,
    float,
    LOWER,
    FROM_ZERO,
    "mean over classes of the fid of samples asked for as of a class, from its held-out images",
    "Miyato and Koyama 2018, arXiv:1802.05637, sec. 6",
    needs=(LABELS,),
    per_class=PER_CLASS,
    influence=_influence,
)
