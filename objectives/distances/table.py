"""Every score of a sample of generated features, in one table.

Adding one is a file with its function and its entry, and a line in `DISTANCES`.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.distances.authenticity import AUTHENTICITY
from normsweep.objectives.distances.classes import (
    CLASS_AGREEMENT,
    CLASS_COVERAGE,
    INCEPTION_SCORE,
)
from normsweep.objectives.distances.contract import HIGHER, ZERO, Distance
from normsweep.objectives.distances.copying import COPYING
from normsweep.objectives.distances.frechet import FID
from normsweep.objectives.distances.generalisation import FID_TRAINING, GENERALISATION_GAP
from normsweep.objectives.distances.infinity import FID_INFINITY
from normsweep.objectives.distances.kernel import KID
from normsweep.objectives.distances.kernel_subsets import (
    KID_BLOCKS,
    KID_BLOCKS_ERROR,
    KID_SUBSETS,
    KID_SUBSETS_ERROR,
)
from normsweep.objectives.distances.precision_recall import COVERAGE, DENSITY, PRECISION, RECALL
from normsweep.objectives.distances.two_sets import FID_A, FID_B
from normsweep.objectives.distances.within_classes import WITHIN_CLASS_FID
from normsweep.objectives.figures import FIGURES, Figure

DISTANCES: Mapping[str, Distance] = MappingProxyType(
    {
        "fid": FID,
        "fid_infinity": FID_INFINITY,
        "fid_training": FID_TRAINING,
        "kid": KID,
        "kid_subsets": KID_SUBSETS,
        "kid_subsets_error": KID_SUBSETS_ERROR,
        "kid_blocks": KID_BLOCKS,
        "kid_blocks_error": KID_BLOCKS_ERROR,
        "precision": PRECISION,
        "recall": RECALL,
        "density": DENSITY,
        "coverage": COVERAGE,
        "inception_score": INCEPTION_SCORE,
        "class_coverage": CLASS_COVERAGE,
        "class_agreement": CLASS_AGREEMENT,
        "within_class_fid": WITHIN_CLASS_FID,
        "fid_a": FID_A,
        "fid_b": FID_B,
        "generalisation_gap": GENERALISATION_GAP,
        "copying": COPYING,
        "authenticity": AUTHENTICITY,
    }
)
"""Every score by its name."""

SCORES: Mapping[str, Distance | Figure] = MappingProxyType({**DISTANCES, **FIGURES})
"""All that a study may be scored by: what features tell, and what networks measure themselves."""


def distance(name: str) -> Distance:
    """Returns the entry called `name`; raises `ValueError` with the accepted names."""
    if name not in DISTANCES:
        raise ValueError(f"unknown distance {name!r}; accepted: {', '.join(DISTANCES)}")
    return DISTANCES[name]


def better(name: str) -> str:
    """Returns which scores of this name are better; raises `ValueError` for an unknown one."""
    if name not in SCORES:
        raise ValueError(f"unknown score {name!r}; accepted: {', '.join(SCORES)}")
    return SCORES[name].better


def cost(name: str, value: float) -> float:
    """Returns what a search minimises: the value, its negative, or its magnitude.

    It is infinity for a value that is not finite, of whatever sign: a least cost is then never that
    of a sample that could not be measured. Raises `ValueError` for an unknown name.
    """
    found = -value if better(name) == HIGHER else scored(name, value)
    return found if math.isfinite(found) else math.inf


def scored(name: str, value: float) -> float:
    """Returns what is shown as a score: the value, or its magnitude where 0 is best.

    Raises `ValueError` for an unknown name.
    """
    return abs(value) if better(name) == ZERO else value
