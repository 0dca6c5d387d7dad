"""The Fréchet distance at infinitely many samples, extrapolated from subsets.

The distance of N generated samples is biased upwards, to first order by a multiple of 1/N that
differs from generator to generator: d²(N) ≈ d²(∞) + b/N. A straight line through the distances of
subsets, over 1/N, meets 1/N = 0 at d²(∞).

References:
  Chong and Forsyth 2020, arXiv:1911.07023, sec. 3 (there with quasi-random latents).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normsweep.objectives.distances.contract import ANY, LOWER, Distance
from normsweep.objectives.distances.frechet import (
    FrechetReference,
    frechet_distance_to,
    frechet_reference,
    moments,
    reference_of,
)
from normsweep.objectives.distances.samples import as_features, feature_pair
from normsweep.objectives.distances.subsets import random_orders

FEWEST_SAMPLES = 4
SUBSETS = 15


def frechet_infinity(generated: ArrayLike, real: ArrayLike, seed: int = 0) -> float:
    """Returns the extrapolated (squared) distance of generated features `[n, d]` from real ones.

    Only the bias of the generated side is taken away; that of `real`, `[m, d]`, is the same for
    all generators. See `frechet_infinity_to` for the rest.
    """
    generated, real = feature_pair(generated, real)
    return frechet_infinity_to(frechet_reference(moments(real)), generated, seed)


def frechet_infinity_to(reference: FrechetReference, generated: ArrayLike, seed: int = 0) -> float:
    """Returns the intercept, over 1/N, of the distances of 15 subsets from a reference.

    The subsets are drawn with `seed`, each without replacement, at even steps from n/5 samples up
    to all n. With fewer samples than features the bias is no longer linear in 1/N, so the smallest
    subset has twice as many samples as there are features, or half of all if that is less. The
    result may be below 0. Raises `ValueError` for fewer than 4 samples.
    """
    array = as_features("generated", generated)
    sizes = _sizes(*array.shape)
    orders = random_orders(len(array), len(sizes), seed)
    distances = [
        frechet_distance_to(reference, moments(array[order[:size]]))
        for order, size in zip(orders, sizes, strict=True)
    ]
    _, intercept = np.polyfit(1.0 / sizes, distances, 1)
    return float(intercept)


def _sizes(count: int, features: int) -> NDArray[np.int64]:
    if count < FEWEST_SAMPLES:
        raise ValueError(f"generated needs at least {FEWEST_SAMPLES} samples, got {count}")
    smallest = max(2, count // 5, min(2 * features, count // 2))
    return np.unique(np.linspace(smallest, count, SUBSETS).astype(np.int64))


FID_INFINITY = Distance(
    reference_of,
    frechet_infinity_to,
    float,
    LOWER,
    ANY,
    "fid at infinitely many samples: intercept over 1/N of subsets of N",
    "Chong and Forsyth 2020, arXiv:1911.07023",
    fewest=FEWEST_SAMPLES,
)
