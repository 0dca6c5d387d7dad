"""The test of paired halves: what other images to train on, too, would have said."""

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate, estimate


def of_halves(differences: np.ndarray, influences: np.ndarray | None) -> Estimate | None:
    """The mean of differences [seeds, folds], of which each two by their order share no image.

        standard error² = Σ over pairs (d_1 − d_2)² / (4 · pairs),    as many degrees as pairs

    with d the means over folds: two seeds with a half of the images each are as apart as two
    studies of so many images, while pairs share all images (Nadeau and Bengio, Machine Learning 52,
    2003, section 3.2: conservative Z). It is the error of one pair, and so too large for several,
    by what seeds add; whatever the influences.

    None for fewer than two pairs, for an odd number of seeds, and where a difference is not finite.
    """
    del influences
    means = differences.mean(axis=1)
    if len(means) < 4 or len(means) % 2 or not np.isfinite(means).all():
        return None
    apart = means[::2] - means[1::2]
    error = float(np.sqrt((apart**2).sum() / (4 * len(apart))))
    return estimate(float(means.mean()), error, float(len(apart)))


def other_half(seed: int) -> int:
    """The seed with the half of the images that a seed has not."""
    return seed + 1 if seed % 2 else seed - 1
