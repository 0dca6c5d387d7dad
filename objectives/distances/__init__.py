"""Distances between samples of features, in NumPy and float64, and one table of them."""

from normsweep.objectives.distances.authenticity import authenticity
from normsweep.objectives.distances.classes import class_agreement, class_coverage, inception_score
from normsweep.objectives.distances.contract import Distance, RealFeatures
from normsweep.objectives.distances.copying import copying_statistic
from normsweep.objectives.distances.frechet import (
    FrechetReference,
    GaussianMoments,
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_to,
    frechet_reference,
    moments,
)
from normsweep.objectives.distances.generalisation import generalisation_gap
from normsweep.objectives.distances.infinity import frechet_infinity
from normsweep.objectives.distances.kernel import (
    KernelReference,
    kernel_distance,
    kernel_distance_to,
    kernel_reference,
)
from normsweep.objectives.distances.kernel_subsets import (
    KernelEstimate,
    kernel_distance_blocks,
    kernel_distance_subsets,
)
from normsweep.objectives.distances.precision_recall import (
    PrecisionRecall,
    precision_recall_density_coverage,
)
from normsweep.objectives.distances.table import DISTANCES, SCORES, better, cost, distance, scored
from normsweep.objectives.distances.within_classes import frechet_within_classes

__all__ = [
    "DISTANCES",
    "SCORES",
    "Distance",
    "FrechetReference",
    "GaussianMoments",
    "KernelEstimate",
    "KernelReference",
    "PrecisionRecall",
    "RealFeatures",
    "authenticity",
    "better",
    "class_agreement",
    "class_coverage",
    "copying_statistic",
    "cost",
    "distance",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_to",
    "frechet_infinity",
    "frechet_reference",
    "frechet_within_classes",
    "generalisation_gap",
    "inception_score",
    "kernel_distance",
    "kernel_distance_blocks",
    "kernel_distance_subsets",
    "kernel_distance_to",
    "kernel_reference",
    "moments",
    "precision_recall_density_coverage",
    "scored",
]
