"""A smooth curve or surface through scores, with the band that it lies in.

A Gaussian process with a Matérn kernel (ν = 5/2) of its own length in each dimension. Each score is
a sum of the curve, of its own known error over folds, and of an error of equal size for all, which
stands for what else differs between trials:

    yᵢ = f(xᵢ) + εᵢ + ηᵢ,    Var εᵢ = sᵢ²,    Var ηᵢ = σ²

Lengths, the variance of f and σ² maximise the likelihood (Rasmussen and Williams 2006, eq. 2.30 and
sec. 5.4); the band is that of f alone, without ε and η.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

FEWEST_POINTS = 4
"""Fewer points than these are shown without a curve."""
FEWEST_PLACES = 3
"""The least number of different values along each dimension."""
MOST_POINTS = 400
"""Of more points an even share is used: the time grows with the third power of their number."""
SURE = 1.959963984540054
"""Standard deviations on either side that hold 95 % of a normal distribution."""
HOW = (
    "The curve is a Gaussian process (Matérn 5/2, scikit-learn) on {scale}, with the squared "
    "standard error of each score as its noise, and one more noise that all trials share; its band "
    "holds the curve with a probability of 95 %. All trials share folds, weights and batches, so "
    "that they differ by less than their standard errors suggest."
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Smooth:
    """The curve at `at` [n, dimensions]: its mean and its standard deviation, each [n]."""

    at: Array
    mean: Array
    deviation: Array

    @property
    def low(self) -> Array:
        """The lower end of the 95 % band."""
        return self.mean - SURE * self.deviation

    @property
    def high(self) -> Array:
        """The upper end of the 95 % band."""
        return self.mean + SURE * self.deviation

    def seen_through(self, scale: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        """Mean, low and high on another scale, such as exp for the logarithms of scores."""
        return scale(self.mean), scale(self.low), scale(self.high)


def smooth(points: Array, scores: Array, errors: Array, at: Array) -> Smooth | None:
    """The curve through `scores` [n] with standard `errors` [n] at `points` [n, dimensions].

    None where there are too few points, where they lie in too few places of a dimension, or where
    all scores are equal. Errors that are not finite count as 0.
    """
    if len(scores) < FEWEST_POINTS or np.ptp(scores) == 0:
        return None
    if any(len(np.unique(along)) < FEWEST_PLACES for along in points.T):
        return None
    chosen = _even_share(points)
    points, scores = points[chosen], scores[chosen]
    errors = np.where(np.isfinite(errors[chosen]), errors[chosen], 0.0)
    low, width = points.min(axis=0), np.ptp(points, axis=0)
    centre, spread = scores.mean(), scores.std()
    # With many small matrices, threads only wait for each other.
    with threadpool_limits(1):
        process = fitted((points - low) / width, (scores - centre) / spread, errors / spread)
        mean, deviation = process.predict((at - low) / width, return_std=True)
    shared = process.kernel_.k2.noise_level
    deviation = np.sqrt(np.maximum(deviation**2 - shared, 0.0))
    return Smooth(at, mean * spread + centre, deviation * spread)


def fitted(points: Array, scores: Array, errors: Array):  # type: ignore[no-untyped-def]
    """The fitted process of points in the unit cube and scores of mean 0 and deviation 1."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    dimensions = points.shape[1]
    curve = ConstantKernel(1.0, (0.05, 20.0)) * Matern(
        np.full(dimensions, 0.4), [(0.1, 2.0)] * dimensions, nu=2.5
    )
    process = GaussianProcessRegressor(
        curve + WhiteKernel(0.1, (1e-4, 2.0)), alpha=errors**2 + 1e-8, random_state=0
    )
    with warnings.catch_warnings():
        # A length at its bound is a flat curve, or a rough one, and no mistake.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(points, scores)


def _even_share(points: Array) -> NDArray[np.intp]:
    """The indices of at most `MOST_POINTS`, evenly along the first dimension."""
    order: NDArray[np.intp] = np.argsort(points[:, 0], kind="stable")
    if len(order) <= MOST_POINTS:
        return order
    some: NDArray[np.intp] = order[np.linspace(0, len(order) - 1, MOST_POINTS).round().astype(int)]
    return some
