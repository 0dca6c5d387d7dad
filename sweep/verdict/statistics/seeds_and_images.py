"""The t-test of seeds and judging images: what other seeds, and other images, would have said.

To first order a seed's difference, the mean over folds of candidate minus baseline, is

    m_s = truth + seed_s + (1/n_s) Σ ψ_si        over the n_s images i that judge by seed s

with ψ_si the influence of image i on the difference of the fold that it judges. Seeds are drawn
anew each time; images are the same by all seeds, whatever folds they are dealt to.
"""

from dataclasses import replace

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate, estimate, paired_estimate


def of_seeds_and_images(differences: np.ndarray, influences: np.ndarray | None) -> Estimate | None:
    """The mean of differences [seeds, folds], for other seeds and other images that judge.

        V_s = var(m_s)/r,    SE² = V_s + V_ψ,    degrees = SE⁴ / (V_s²/(r − 1) + V_ψ²/(N − 1))

    with r seeds, and V_ψ as `variance_of_images` has it of the influences [seeds, images]; the
    degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946). What a seed has of an
    image beyond the other seeds counts in both: the error is too large by that, if anything.

    None without influences, for fewer than two seeds or images, and where a number is not finite.
    """
    over_seeds = paired_estimate(differences.mean(axis=1))
    images_part = None if influences is None else variance_of_images(influences)
    if over_seeds is None or images_part is None:
        return None
    of_images, images = images_part
    of_seeds = over_seeds.standard_error**2
    both = of_seeds + of_images
    parts = of_seeds**2 / over_seeds.degrees + of_images**2 / (images - 1)
    degrees = both**2 / parts if parts > 0 else over_seeds.degrees
    found = estimate(over_seeds.mean, float(np.sqrt(both)), degrees)
    if not of_images > 0:
        return found
    shares = (of_seeds / both, over_seeds.degrees), (of_images / both, float(images - 1))
    return replace(found, parts=shares)


def variance_of_images(influences: np.ndarray) -> tuple[float, int] | None:
    """The part of the mean's variance that comes from which images judge, and how many there are.

        ψ̄_i = (N/r) Σ ψ_si / n_s  over the seeds s by which i judges,    V_ψ = Σ ψ̄_i² / (N(N − 1))

    of influences [seeds, images], NaN of an image that does not judge by a seed, each seed's less
    their mean. N images judge by any of the r seeds, and n_s by seed s: where all judge by all, ψ̄_i
    is the plain mean over seeds. None where a seed has fewer than two images that judge.
    """
    there = ~np.isnan(influences)
    counts = there.sum(axis=1, keepdims=True)
    images = int(there.any(axis=0).sum())
    if not len(influences) or counts.min() < 2 or not np.isfinite(influences[there]).all():
        return None
    # In float64: of many images the mean of float32 has an error of its own.
    values = np.where(there, influences, 0.0).astype(np.float64)
    centred = np.where(there, values - values.sum(axis=1, keepdims=True) / counts, 0.0)
    means = images / len(influences) * (centred / counts).sum(axis=0)
    return float(np.sum(means**2)) / (images * (images - 1)), images
