"""The t-test over the means of the seeds, which share nothing where the images are given."""

import numpy as np

from normsweep.verdict.statistics.corrected import Estimate, corrected_estimate


def of_seeds(differences: np.ndarray, share: float) -> Estimate | None:
    """The paired t-test of the means over folds of differences [seeds, folds].

    None for fewer than two seeds, and where a difference is not finite. Whatever the share of
    images that judge: it says nothing of other images.
    """
    del share
    return corrected_estimate(differences.mean(axis=1), 0.0)
