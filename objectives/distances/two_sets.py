"""The Fréchet distance of each of two sets of images by itself: of samples asked for as of it."""

import math
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from normsweep.objectives.distances.contract import (
    FROM_ZERO,
    LABELS,
    LOWER,
    Distance,
    RealFeatures,
)
from normsweep.objectives.distances.frechet import frechet_distance, frechet_influence, moments
from normsweep.objectives.distances.samples import Float64Array, IntArray
from normsweep.objectives.distances.within_classes import (
    FEWEST_OF_A_CLASS,
    PER_CLASS,
    WITHIN_CLASS_FID,
    LabelledFeatures,
)

SETS = 2


class OfSets(NamedTuple):
    """A number for each set: a those labelled 0, b those labelled 1."""

    a: float
    b: float


def _measured(real: LabelledFeatures, features: Float64Array, labels: IntArray) -> OfSets:
    """The Fréchet distance in each set; NaN of one with fewer than two samples on a side."""

    def within(label: int) -> float:
        sides = real.features[real.labels == label], features[labels == label]
        few = min(map(len, sides)) < FEWEST_OF_A_CLASS
        return math.nan if few else frechet_distance(*sides)

    return OfSets(within(0), within(1))


def _of_set(name: str, label: int) -> Distance:
    def influence(
        samples: RealFeatures, real: LabelledFeatures, features: Float64Array, labels: IntArray
    ) -> Float64Array:
        """That of the images of the set; those of the other have no part in it."""
        del samples
        inside = real.labels == label
        found = np.zeros(len(inside))
        found[inside] = frechet_influence(real.features[inside], moments(features[labels == label]))
        return found / float(inside.mean())

    return Distance(
        WITHIN_CLASS_FID.prepare,
        _measured,
        attrgetter(name),
        LOWER,
        FROM_ZERO,
        f"the fid of images translated into set {name.upper()}, from those labelled {label}",
        "Heusel et al. 2017, arXiv:1706.08500, eq. 6",
        needs=(LABELS,),
        fewest=SETS * FEWEST_OF_A_CLASS,
        per_class=PER_CLASS,
        sets=SETS,
        influence=influence,
    )


FID_A = _of_set("a", 0)
FID_B = _of_set("b", 1)
