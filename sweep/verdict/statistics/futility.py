"""Whether the looks that are left can still give a word: stochastic curtailment.

At a look after k of K seeds the seeds that are left are drawn ahead: by Student's law, with the
deviation that the k had, around an effect that is supposed. What the last look would then say is
the chance that it is worth going on for (Lan, Simon and Halperin, Sequential Analysis 1, 1982).
"""

from dataclasses import dataclass, replace

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate

FUTILE = 0.1
"""A chance below which nothing is worth more seeds."""


@dataclass(frozen=True)
class Ahead:
    """The last look, after `last` seeds, as it is seen from one after `seeds`.

    `estimate` and `over_seeds` are the test's and that over the means of the seeds, as they are
    there, and `level` that of the last look's own test. The part of the variance that is the seeds'
    shrinks by then; the images' stays.
    """

    estimate: Estimate
    over_seeds: Estimate
    seeds: int
    last: int
    level: float

    def certain(self, effect: float) -> float:
        """The chance that the last look calls something where this is the effect."""
        low, high = self._below(-self._width, effect), self._below(self._width, effect)
        return low + 1 - high

    def within(self, smallest: float) -> float:
        """The chance that the last interval lies within ± the smallest, if there is no effect."""
        room = smallest - self._width
        return self._below(room, 0.0) - self._below(-room, 0.0) if room > 0 else 0.0

    @property
    def _width(self) -> float:
        """Half the last interval."""
        of_seeds = self.over_seeds.standard_error**2 * self.seeds / self.last
        of_images = max(0.0, self.estimate.standard_error**2 - self.over_seeds.standard_error**2)
        both = of_seeds + of_images
        degrees = float(self.last - 1)
        if not both > 0:
            return 0.0
        parts = [(of_seeds / both, degrees)]
        if len(self.estimate.parts) > 1:
            parts.append((of_images / both, self.estimate.parts[1][1]))
        then = replace(self.estimate, degrees=degrees, parts=tuple(parts))
        return then.quantile(self.level) * float(np.sqrt(both))

    def _below(self, bound: float, effect: float) -> float:
        """The chance that the last mean is below a bound."""
        from scipy.special import stdtr

        left = self.last - self.seeds
        mean = (self.seeds * self.estimate.mean + left * effect) / self.last
        # √left · s / last, and s = √seeds · the standard error of their mean.
        spread = np.sqrt(left * self.seeds) * self.over_seeds.standard_error / self.last
        if not spread > 0:
            return float(mean < bound)
        return float(stdtr(self.seeds - 1, (bound - mean) / spread))


def is_futile(ahead: Ahead, smallest: float) -> bool:
    """Whether a last look has hardly a chance to call anything, or to find it within ± smallest.

    Neither where the effect is the smallest that counts, of either sign, nor where it is as large
    as it was seen so far: a large one that was unlucky is not given up.
    """
    supposed = max(smallest, abs(ahead.estimate.mean))
    found = max(ahead.certain(supposed), ahead.certain(-supposed))
    return max(found, ahead.within(smallest)) < FUTILE
