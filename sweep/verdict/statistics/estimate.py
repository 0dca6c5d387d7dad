"""A mean with its uncertainty, by Student's t."""

from dataclasses import dataclass

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean difference with its uncertainty.

    `low` and `high` bound the interval of `level`; `p` is two-sided, of the hypothesis that the
    mean is 0. `standard_error` is of the mean, of `degrees` degrees of freedom, which need not be a
    whole number. `parts` of its variance are known each by itself, as shares with their degrees of
    freedom; none where it is known as a whole.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    p: float
    degrees: float
    level: float
    parts: tuple[tuple[float, float], ...] = ()

    def quantile(self, level: float) -> float:
        """How many standard errors a mean of 0 goes beyond, at both ends together, by `level`.

            Σ share · t(1 − level/2; degrees)        over the parts

        (Cochran and Cox, Experimental Designs, 1957, section 4.14; of one part Student's). Of few
        degrees of freedom a variance may be found far too small, and degrees that follow from it
        are then too many: a test at a small level, such as an early look's, is held to this.
        """
        from scipy.special import stdtrit

        parts = self.parts or ((1.0, self.degrees),)
        return float(sum(-share * stdtrit(degrees, level / 2) for share, degrees in parts))

    @property
    def careful_p(self) -> float:
        """The level at which `quantile` is the mean's distance from 0."""
        from scipy.special import ndtr

        if len(self.parts) < 2 or not self.standard_error > 0:
            return self.p
        away = abs(self.mean) / self.standard_error
        # By normal deviates, between which levels are as many at all sizes.
        low, high = 0.0, 37.0
        for _ in range(60):
            middle = (low + high) / 2
            beyond = self.quantile(float(2 * ndtr(-middle))) > away
            low, high = (low, middle) if beyond else (middle, high)
        return float(2 * ndtr(-low))

    def detectable(self, alpha: float, power: float = 0.8) -> float:
        """The magnitude of a true mean that a test at `alpha` would have found with this `power`.

            standard_error · (quantile(alpha) + t(power; degrees))

        the quantile that the test is held to, and Student's (Bloom, Evaluation Review 19, 1995:
        the minimum detectable effect).
        """
        from scipy.special import stdtrit

        return self.standard_error * (self.quantile(alpha) + float(stdtrit(self.degrees, power)))


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
