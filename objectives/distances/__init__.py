"""Distances between two samples of features, in NumPy and float64."""

from objectives.distances.frechet import (
    FrechetReference,
    GaussianMoments,
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_to,
    frechet_reference,
    moments,
)
from objectives.distances.kernel import kernel_distance

__all__ = [
    "FrechetReference",
    "GaussianMoments",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_to",
    "frechet_reference",
    "kernel_distance",
    "moments",
]
