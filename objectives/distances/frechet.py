"""The Fréchet distance between two samples of features, each taken for a Gaussian.

    d² = |μ₁ - μ₂|² + Tr(C₁ + C₂ - 2·√(C₁C₂))

This is the FID when the features are Inception's. All arithmetic is float64: the trace term is a
difference of nearly equal numbers. The estimate is biased upwards, the more so the fewer samples
and the more features there are, so only compare distances with equal numbers of both.

References:
  Dowson and Landau, "The Fréchet distance between multivariate normal distributions", Journal of
  Multivariate Analysis 12(3), 1982; Heusel et al. 2017, arXiv:1706.08500, eq. 6.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import FROM_ZERO, LOWER, Distance, RealFeatures
from normsweep.objectives.distances.samples import (
    Float64Array,
    as_features,
    check_alike,
    check_finite,
    feature_pair,
)


class GaussianMoments(NamedTuple):
    """A Gaussian: `mean` of shape `[d]` and covariance `cov` of shape `[d, d]`, both float64."""

    mean: Float64Array
    cov: Float64Array


class FrechetReference(NamedTuple):
    """One side of the distance, prepared once: its mean, the root √C, and Tr C."""

    mean: Float64Array
    cov_root: Float64Array
    cov_trace: float


def moments(features: ArrayLike) -> GaussianMoments:
    """Returns the mean and the unbiased covariance of features of shape `[n, d]`.

    Raises `ValueError` for another shape, fewer than 2 samples, and entries that are not finite.
    """
    array = as_features("features", features)
    centred = array - array.mean(axis=0)
    return GaussianMoments(array.mean(axis=0), centred.T @ centred / (len(array) - 1))


def frechet_reference(gaussian: GaussianMoments) -> FrechetReference:
    """Returns what `frechet_distance_to` needs of its fixed side, the costly root of C included.

    Raises `ValueError` for moments whose shapes do not fit or that are not finite.
    """
    gaussian = _checked("reference", gaussian)
    eigenvalues, vectors = np.linalg.eigh(gaussian.cov)
    roots = np.sqrt(np.maximum(eigenvalues, 0.0))
    return FrechetReference(
        gaussian.mean, (vectors * roots) @ vectors.T, float(np.trace(gaussian.cov))
    )


def frechet_distance_to(reference: FrechetReference, gaussian: GaussianMoments) -> float:
    """Returns the (squared) Fréchet distance of `gaussian` from a reference.

    Tr √(C₁C₂) is the sum of the roots of the eigenvalues of √C₁·C₂·√C₁, which is symmetric, unlike
    C₁C₂ itself. Raises `ValueError` for moments whose shapes do not fit or that are not finite.
    """
    gaussian = _checked("moments", gaussian)
    check_alike(len(reference.mean), len(gaussian.mean))
    eigenvalues = np.linalg.eigvalsh(reference.cov_root @ gaussian.cov @ reference.cov_root)
    # Rounding leaves the zero eigenvalues of a singular covariance slightly below 0.
    root_trace = float(np.sqrt(np.maximum(eigenvalues, 0.0)).sum())
    traces = reference.cov_trace + float(np.trace(gaussian.cov))
    return _distance(reference.mean - gaussian.mean, traces, root_trace)


def frechet_distance_from_moments(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> float:
    """Returns the (squared) Fréchet distance between two Gaussians.

    Means have shape `[d]`, covariances `[d, d]`, of any float type. Raises `ValueError` for shapes
    that do not fit and for entries that are not finite.
    """
    a = GaussianMoments(np.asarray(mean_a, np.float64), np.asarray(cov_a, np.float64))
    b = GaussianMoments(np.asarray(mean_b, np.float64), np.asarray(cov_b, np.float64))
    return frechet_distance_to(frechet_reference(a), b)


def frechet_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Returns the (squared) Fréchet distance between two samples of features, `[n, d]` each.

    The samples may differ in number. Raises `ValueError` for other shapes, for fewer than 2
    samples, and for entries that are not finite.
    """
    a, b = feature_pair(features_a, features_b)
    if min(len(a), len(b)) > a.shape[1]:
        return frechet_distance_from_moments(*moments(a), *moments(b))
    # With C = AᵀA of low rank, the eigenvalues of C₁C₂ would be mostly rounding, whose roots add
    # up. Tr √(AᵀA·BᵀB) is the nuclear norm of the small matrix A·Bᵀ, and needs no root.
    centred_a = (a - a.mean(axis=0)) / np.sqrt(len(a) - 1)
    centred_b = (b - b.mean(axis=0)) / np.sqrt(len(b) - 1)
    singular_values = np.linalg.svd(centred_a @ centred_b.T, compute_uv=False)
    traces = float(np.square(centred_a).sum() + np.square(centred_b).sum())
    return _distance(a.mean(axis=0) - b.mean(axis=0), traces, float(singular_values.sum()))


def frechet_influence(held_out: ArrayLike, generated: GaussianMoments) -> Float64Array:
    """Returns the influence of each held-out image `[n]` on their distance from `generated`.

        T = C^(-1/2) · (C^(1/2)·C_g·C^(1/2))^(1/2) · C^(-1/2)
        ψ(z) = 2(m - m_g)ᵀ(z - m) + n/(n - 1) · (z - m)ᵀ(I - T)(z - m) - Tr((I - T)·C)

    with m and C the moments of the held-out features z `[n, d]`, and m_g and C_g those generated.
    It is n times the derivative of the estimate by the weight of an image, the others' sinking in
    proportion; n/(n - 1) is of the unbiased C, and has them add up to 0. Where C has a null space,
    as of fewer images than features, its root is inverted outside of it: no weight of an image
    leads there. Raises `ValueError` for moments and features as `frechet_distance_to` does.

    References:
      Hampel, "The influence curve and its role in robust estimation", Journal of the American
      Statistical Association 69, 1974; I - T is the derivative by C, as in Dowson and Landau, 1982.
    """
    array = as_features("held_out", held_out)
    mean, cov = moments(array)
    generated = _checked("generated", generated)
    check_alike(len(mean), len(generated.mean))
    eigenvalues, vectors = np.linalg.eigh(cov)
    roots = np.sqrt(np.maximum(eigenvalues, 0.0))
    spanned = roots > roots.max() * np.sqrt(len(roots) * np.finfo(np.float64).eps)
    inverses = np.divide(1.0, roots, out=np.zeros_like(roots), where=spanned)
    root, inverse = ((vectors * each) @ vectors.T for each in (roots, inverses))
    inner, inner_vectors = np.linalg.eigh(root @ generated.cov @ root)
    inner_root = (inner_vectors * np.sqrt(np.maximum(inner, 0.0))) @ inner_vectors.T
    slope = np.eye(len(cov)) - inverse @ inner_root @ inverse
    centred = array - mean
    squares = np.einsum("nd,nd->n", centred @ slope, centred) * (len(array) / (len(array) - 1))
    found: Float64Array = (
        2.0 * centred @ (mean - generated.mean) + squares - float(np.trace(slope @ cov))
    )
    return found


def _distance(mean_difference: Float64Array, traces: float, root_trace: float) -> float:
    # A distance is never negative, but the difference of the traces cancels for nearly equal
    # Gaussians, down to a rounding error of either sign.
    return max(0.0, float(mean_difference @ mean_difference) + traces - 2.0 * root_trace)


def _checked(name: str, gaussian: GaussianMoments) -> GaussianMoments:
    mean, cov = gaussian
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)):
        raise ValueError(
            f"{name}: a mean of shape [d] and a covariance of shape [d, d] are needed, "
            f"got {mean.shape} and {cov.shape}"
        )
    check_finite(f"{name}: the mean", mean)
    check_finite(f"{name}: the covariance", cov)
    return gaussian


def reference_of(samples: RealFeatures) -> FrechetReference:
    """Returns the prepared side of a fold's held-out features."""
    return frechet_reference(moments(samples.held_out))


def _measured(reference: FrechetReference, features: Float64Array) -> float:
    return frechet_distance_to(reference, moments(features))


def _influence(
    samples: RealFeatures, reference: FrechetReference, features: Float64Array
) -> Float64Array:
    del reference
    return frechet_influence(samples.held_out, moments(features))


FID = Distance(
    reference_of,
    _measured,
    float,
    LOWER,
    FROM_ZERO,
    "|μ₁ - μ₂|² + Tr(C₁ + C₂ - 2·√(C₁C₂)), from the held-out images",
    "Heusel et al. 2017, arXiv:1706.08500, eq. 6",
    influence=_influence,
)
