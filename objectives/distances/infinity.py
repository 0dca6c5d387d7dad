"""The Fréchet distance at infinitely many samples, extrapolated from subsets.

The distance of N generated samples is biased upwards, to first order by a multiple of 1/N that
differs from generator to generator: d²(N) ≈ d²(∞) + b/N. A straight line through the distances of
subsets, over 1/N, meets 1/N = 0 at d²(∞).

References:
  Chong and Forsyth 2020, arXiv:1911.07023, sec. 3 (there with quasi-random latents).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from normsweep.objectives.distances.contract import ANY, LOWER, Distance, RealFeatures
from normsweep.objectives.distances.frechet import (
    FrechetReference,
    frechet_distance_to,
    frechet_influence,
    frechet_reference,
    moments,
    reference_of,
)
from normsweep.objectives.distances.samples import Float64Array, as_features, feature_pair
from normsweep.objectives.distances.subsets import random_orders

PER_FEATURE = 10
"""The least number of samples for each feature, two of them in the smallest subset. With fewer the
bias is not linear in 1/N, and more than all of it is taken away: a distance of 0 becomes, at 32
features, -3.8 with 40 samples, -0.46 with 100, -0.24 with 128, and -0.04 with 449."""
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
    to all n. The result may be below 0. Raises `ValueError` for fewer than 10 samples for each
    feature.
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


def infinity_influence(held_out: ArrayLike, generated: ArrayLike, seed: int = 0) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on `frechet_infinity_to`.

    The intercept is a sum of the distances of the subsets, each times a factor that their sizes
    alone decide; so is this of the influences on these.
    """
    array = as_features("generated", generated)
    sizes = _sizes(*array.shape)
    orders = random_orders(len(array), len(sizes), seed)
    # The least squares of [1/N, 1]: the row of its pseudoinverse that gives the intercept.
    factors = np.linalg.pinv(np.column_stack([1.0 / sizes, np.ones(len(sizes))]))[1]
    found = [
        frechet_influence(held_out, moments(array[order[:size]]))
        for order, size in zip(orders, sizes, strict=True)
    ]
    influence: Float64Array = factors @ np.stack(found)
    return influence


def _sizes(count: int, features: int) -> NDArray[np.int64]:
    if count < PER_FEATURE * features:
        raise ValueError(
            f"generated needs at least {PER_FEATURE} samples for each feature, "
            f"{PER_FEATURE * features} for {features}, got {count}"
        )
    return np.unique(np.linspace(count // 5, count, SUBSETS).astype(np.int64))


def _influence(
    samples: RealFeatures, reference: FrechetReference, features: Float64Array
) -> Float64Array:
    del reference
    return infinity_influence(samples.held_out, features)


FID_INFINITY = Distance(
    reference_of,
    frechet_infinity_to,
    float,
    LOWER,
    ANY,
    "fid at infinitely many samples: intercept over 1/N of subsets of N",
    "Chong and Forsyth 2020, arXiv:1911.07023",
    per_feature=PER_FEATURE,
    influence=_influence,
)
