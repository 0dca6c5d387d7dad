"""The t-test over the means of the seeds, which share nothing where the images are given."""

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate, paired_estimate


def of_seeds(differences: np.ndarray, influences: np.ndarray | None) -> Estimate | None:
    """The paired t-test of the means over folds of differences [seeds, folds].

    None for fewer than two seeds, and where a difference is not finite. Whatever the influences: it
    says nothing of other images.
    """
    del influences
    return paired_estimate(differences.mean(axis=1))
