"""The corrected resampled t-test: scores of folds that share training images."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean difference with its uncertainty.

    `low` and `high` bound the interval of `level`; `p` is two-sided, of the hypothesis that the
    mean is 0. `standard_error` is the corrected one, of `degrees` degrees of freedom.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    p: float
    degrees: int
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


def corrected_estimate(
    differences: np.ndarray, test_share: float, level: float = 0.95
) -> Estimate | None:
    """The mean of paired differences of resampled scores, [n], in any order.

        standard_error² = (1/n + test_share) · s²,    t = mean / standard_error,    n − 1 degrees

    with s² the sample variance and `test_share` the number of images that judge over the number
    that train, n₂/n₁. Differences of different folds and splits are of models that share training
    images: they are correlated, and s²/n is too small. With `test_share` 0 this is the paired
    t-test. Nadeau and Bengio, Machine Learning 52, 2003, section 3.1; for repeated cross-validation
    Bouckaert and Frank, PAKDD 2004, equation 4.

    None for fewer than two differences, and where one is not finite. Where all are equal the
    interval has no width, and p is 0, or 1 for a mean of 0.
    """
    # The distribution of Student's t; scipy.stats takes longer to import than `sweep show` in all.
    from scipy.special import stdtr, stdtrit

    count = len(differences)
    if count < 2 or not np.isfinite(differences).all():
        return None
    mean = float(np.mean(differences))
    variance = float(np.var(differences, ddof=1))
    error = float(np.sqrt((1 / count + test_share) * variance))
    width = float(stdtrit(count - 1, (1 + level) / 2)) * error
    t = abs(mean) / error if error > 0 else np.inf if mean else 0.0
    p = float(2 * stdtr(count - 1, -t))
    return Estimate(mean, error, mean - width, mean + width, p, count - 1, level)


def of_all_folds(differences: np.ndarray, share: float) -> Estimate | None:
    """The corrected test of differences [seeds, folds], all of them alike."""
    return corrected_estimate(differences.ravel(), share)
