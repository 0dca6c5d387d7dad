"""The kernel distance between two samples of features: a squared maximum mean discrepancy.

    MMD² = E k(x, x') + E k(y, y') - 2·E k(x, y),    k(x, y) = (gamma·⟨x, y⟩ + c)^degree

This is the KID when the features are Inception's. Unlike the Fréchet distance its estimate is
unbiased at any number of samples, and so may be below 0.

References:
  Bińkowski et al. 2018, arXiv:1801.01401 (the kernel); Gretton et al. 2012, Journal of
  Machine Learning Research 13, eq. 3 (the U-statistic).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import ANY, LOWER, Distance, RealFeatures
from normsweep.objectives.distances.samples import (
    Float64Array,
    as_features,
    check_alike,
    feature_pair,
)

BLOCK_ROWS = 64


class KernelReference(NamedTuple):
    """One side of the distance, prepared once: its sample, E k(y, y'), and the kernel."""

    right: Float64Array
    within: float
    degree: int
    coefficient: float
    gamma: float


def kernel_reference(
    features: ArrayLike,
    degree: int = 3,
    coefficient: float = 1.0,
    gamma: float | None = None,
) -> KernelReference:
    """Returns what `kernel_distance_to` needs of its fixed side, features of shape `[m, d]`.

    The polynomial kernel is (gamma·⟨x, y⟩ + coefficient)^degree, with gamma = 1/d by default.
    Raises `ValueError` for a degree below 1, another shape, fewer than 2 samples, and entries that
    are not finite.
    """
    if degree < 1:
        raise ValueError(f"degree must be at least 1, got {degree}")
    array = as_features("reference", features)
    scale = 1.0 / array.shape[1] if gamma is None else gamma
    right = _augmented(array, 1.0, 1.0)
    within = _mean_off_diagonal(_augmented(array, scale, coefficient), right, degree)
    return KernelReference(right, within, degree, coefficient, scale)


def kernel_distance_to(reference: KernelReference, features: ArrayLike) -> float:
    """Returns the unbiased estimate of MMD² of features of shape `[n, d]` from a reference.

    Raises `ValueError` for another shape, fewer than 2 samples, and entries that are not finite.
    """
    array = as_features("features", features)
    check_alike(array.shape[1], reference.right.shape[1] - 1)
    # (gamma·x, c)·(y, 1) = gamma·⟨x, y⟩ + c: scale and shift cost no pass over the n by m products.
    left = _augmented(array, reference.gamma, reference.coefficient)
    degree = reference.degree
    between = _power_sum(left, reference.right, degree) / (len(left) * len(reference.right))
    within = _mean_off_diagonal(left, _augmented(array, 1.0, 1.0), degree)
    return within + reference.within - 2.0 * between


def kernel_distance(
    features_a: ArrayLike,
    features_b: ArrayLike,
    degree: int = 3,
    coefficient: float = 1.0,
    gamma: float | None = None,
) -> float:
    """Returns the unbiased estimate of MMD² over whole samples of shapes `[n, d]` and `[m, d]`.

    The polynomial kernel is (gamma·⟨x, y⟩ + coefficient)^degree, with gamma = 1/d by default. All
    pairs are used, not random blocks, so equal samples give equal distances. Float64 throughout.
    Raises `ValueError` for a degree below 1, other shapes, fewer than 2 samples, and entries that
    are not finite.
    """
    a, b = feature_pair(features_a, features_b)
    return kernel_distance_to(kernel_reference(b, degree, coefficient, gamma), a)


def kernel_influence(
    held_out: ArrayLike, generated: ArrayLike, degree: int = 3, coefficient: float = 1.0
) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on the unbiased estimate of MMD².

        ψ(y) = 2·(mean over y' ≠ y of k(y, y') - E k(y', y'')) - 2·(E k(x, y) - E k(x, y'))

    with the means over pairs of the estimate itself: its Hájek projection on the held-out sample
    `[n, d]`, for generated features `[m, d]` and the kernel of `kernel_reference`. Raises
    `ValueError` as `kernel_distance` does.

    References:
      Hájek, "Asymptotic normality of simple linear rank statistics under alternatives", Annals of
      Mathematical Statistics 39, 1968; Gretton et al. 2012, sec. 3 (the projection).
    """
    real, fake = feature_pair(held_out, generated)
    reference = kernel_reference(real, degree, coefficient)
    left = _augmented(real, reference.gamma, reference.coefficient)
    own = np.sum(left * reference.right, axis=1) ** degree
    within = (_power_sums(left, reference.right, degree) - own) / (len(real) - 1)
    between = _power_sums(left, _augmented(fake, 1.0, 1.0), degree) / len(fake)
    found: Float64Array = 2.0 * (within - within.mean()) - 2.0 * (between - between.mean())
    return found


def _augmented(features: Float64Array, scale: float, column: float) -> Float64Array:
    return np.column_stack([features * scale, np.full(len(features), column)])


def _power_sum(left: Float64Array, right: Float64Array, degree: int) -> float:
    """Returns Σᵢⱼ ⟨leftᵢ, rightⱼ⟩^degree, in blocks of rows whose products stay in cache.

    NumPy's general power takes ten times as long as repeated multiplication.
    """
    total = 0.0
    for start in range(0, len(left), BLOCK_ROWS):
        base = left[start : start + BLOCK_ROWS] @ right.T
        powered = base
        for _ in range(degree - 2):
            powered = powered * base
        total += float(base.sum() if degree == 1 else np.vdot(powered, base))
    return total


def _power_sums(left: Float64Array, right: Float64Array, degree: int) -> Float64Array:
    """Returns Σⱼ ⟨leftᵢ, rightⱼ⟩^degree for each i."""
    blocks = [left[at : at + BLOCK_ROWS] @ right.T for at in range(0, len(left), BLOCK_ROWS)]
    return np.concatenate([(block**degree).sum(axis=1) for block in blocks])


def _mean_off_diagonal(left: Float64Array, right: Float64Array, degree: int) -> float:
    """Returns the mean over pairs of different samples: k(x, x) would bias the estimate."""
    count = len(left)
    diagonal = float((np.sum(left * right, axis=1) ** degree).sum())
    return (_power_sum(left, right, degree) - diagonal) / (count * (count - 1))


def _reference(samples: RealFeatures) -> KernelReference:
    return kernel_reference(samples.held_out)


def influence_of(samples: RealFeatures, prepared: object, features: Float64Array) -> Float64Array:
    """Returns the influence of the held-out images, on a mean over subsets or blocks of them too.

    The projection is of single images: that of any subset estimates the same.
    """
    del prepared
    return kernel_influence(samples.held_out, features)


KID = Distance(
    _reference,
    kernel_distance_to,
    float,
    LOWER,
    ANY,
    "unbiased MMD² under the kernel (⟨x, y⟩/d + 1)³, over all samples",
    "Bińkowski et al. 2018, arXiv:1801.01401",
    influence=influence_of,
)
