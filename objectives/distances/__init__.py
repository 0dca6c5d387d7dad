"""Distances between samples of features, in NumPy and float64, and one table of them."""

from objectives.distances.authenticity import authenticity
from objectives.distances.classes import class_coverage, inception_score
from objectives.distances.contract import Distance, Samples
from objectives.distances.copying import copying_statistic
from objectives.distances.frechet import (
    FrechetReference,
    GaussianMoments,
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_to,
    frechet_reference,
    moments,
)
from objectives.distances.generalisation import generalisation_gap
from objectives.distances.infinity import frechet_infinity
from objectives.distances.kernel import (
    KernelReference,
    kernel_distance,
    kernel_distance_to,
    kernel_reference,
)
from objectives.distances.kernel_subsets import (
    KernelEstimate,
    kernel_distance_blocks,
    kernel_distance_subsets,
)
from objectives.distances.precision_recall import (
    PrecisionRecall,
    precision_recall_density_coverage,
)
from objectives.distances.table import DISTANCES, cost, distance, scored

__all__ = [
    "DISTANCES",
    "Distance",
    "FrechetReference",
    "GaussianMoments",
    "KernelEstimate",
    "KernelReference",
    "PrecisionRecall",
    "Samples",
    "authenticity",
    "class_coverage",
    "copying_statistic",
    "cost",
    "distance",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_to",
    "frechet_infinity",
    "frechet_reference",
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
