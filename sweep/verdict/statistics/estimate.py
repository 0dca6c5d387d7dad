"""A mean with its uncertainty, by Student's t."""

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean difference with its uncertainty.

    `low` and `high` bound the interval of `level`; `p` is two-sided, of the hypothesis that the
    mean is 0. `standard_error` is of the mean, of `degrees` degrees of freedom, which need not be a
    whole number.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    p: float
    degrees: float
    level: float

    def detectable(self, alpha: float, power: float = 0.8) -> float:
        """The magnitude of a true mean that a test at `alpha` would have found with this `power`.

            standard_error · (t(1 − alpha/2) + t(power))

        with the quantiles of Student's t at these degrees of freedom (Bloom, Evaluation Review 19,
        1995: the minimum detectable effect).
        """
        from scipy.special import stdtrit

        quantiles = stdtrit(self.degrees, [1 - alpha / 2, power])
        return float(self.standard_error * quantiles.sum())


def estimate(mean: float, error: float, degrees: float, level: float = LEVEL) -> Estimate:
    """The estimate of a mean from its standard error, by Student's t.

    Where the error is 0 the interval has no width, and p is 0, or 1 for a mean of 0.
    """
    # The distribution of Student's t; scipy.stats takes longer to import than `sweep show` in all.
    from scipy.special import stdtr, stdtrit

    width = float(stdtrit(degrees, (1 + level) / 2)) * error
    t = abs(mean) / error if error > 0 else np.inf if mean else 0.0
    p = float(2 * stdtr(degrees, -t))
    return Estimate(mean, error, mean - width, mean + width, p, degrees, level)


def paired_estimate(differences: np.ndarray, level: float = LEVEL) -> Estimate | None:
    """The paired t-test of differences [n] that share nothing.

    None for fewer than two of them, and where one is not finite.
    """
    count = len(differences)
    if count < 2 or not np.isfinite(differences).all():
        return None
    error = float(np.sqrt(np.var(differences, ddof=1) / count))
    return estimate(float(np.mean(differences)), error, float(count - 1), level)
