"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of the Gaussians fitted to two sets of features, in float64.

    ``|m₁ - m₂|² + Tr C₁ + Tr C₂ - 2 Tr √(C₁C₂)``, the last trace being the sum of the square
    roots of the eigenvalues of ``C₁C₂``, which are real and non-negative up to rounding.

    Args:
        first: [n, d].
        second: [m, d].

    Returns:
        The squared distance, at least 0 up to rounding.

    References:
        Heusel et al., GANs Trained by a Two Time-Scale Update Rule (arXiv 1706.08500), eq. 6.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    offset = first.mean(axis=0) - second.mean(axis=0)
    first_covariance = np.atleast_2d(np.cov(first, rowvar=False))
    second_covariance = np.atleast_2d(np.cov(second, rowvar=False))
    eigenvalues = np.linalg.eigvals(first_covariance @ second_covariance).real
    cross = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    return float(
        offset @ offset + np.trace(first_covariance) + np.trace(second_covariance) - 2.0 * cross
    )
