"""How the test of a verdict does where the truth is known exactly: without training a network.

A study is drawn: images of a population with heavy tails, dealt to folds anew by each seed, and for
each seed what a candidate and its baseline would generate, as moments that differ from seed to
seed. Scores are Fréchet distances from the held-out images, influences those of `objectives`. The
truth is the mean over all studies drawn, each with seeds and images of its own: the distance at so
many images, with its bias, as scores are. Where seeds are `weak` most of the doubt is the images',
where they are `strong` the seeds'.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from bench.calibration import RESAMPLED, estimated, share, width
from bench.known_studies import Paired
from bench.rows import print_rows, row
from normsweep.objectives.distances import (
    GaussianMoments,
    frechet_distance_to,
    frechet_reference,
    moments,
)
from normsweep.objectives.distances.frechet import frechet_influence
from normsweep.verdict.effect import ALPHA
from normsweep.verdict.statistics import HALVES, TESTS, VERDICT

SEEDS, FOLDS, FEATURES = 8, 3, 16
CASES = {"weak": (0.002, 0.796), "middling": (0.05, 0.775), "strong": (0.2, 0.65)}
"""By how much what is generated differs between seeds, and how wide a better candidate's is."""
BASELINE = 0.8
_MIXING = np.eye(FEATURES) + np.random.default_rng(0).normal(size=(FEATURES, FEATURES)) / 8
_ALL = 400_000


def drawn(random: np.random.Generator, count: int) -> np.ndarray:
    """Images of the population, as features."""
    images: np.ndarray = random.standard_t(8, size=(count, FEATURES)) @ _MIXING
    return images


def generated(
    random: np.random.Generator, whole: GaussianMoments, scale: float, seeds: float
) -> GaussianMoments:
    """What a network trained by a seed generates: near to the population, and less wide."""
    mean = whole.mean + 0.1 + seeds * random.normal(size=FEATURES)
    turned = np.eye(FEATURES) + seeds * random.normal(size=(FEATURES, FEATURES)) / 4
    return GaussianMoments(mean, scale * turned @ whole.cov @ turned.T)


def study(
    random: np.random.Generator,
    whole: GaussianMoments,
    images: int,
    scales: tuple[float, float],
    seeds: float,
) -> Paired:
    """The differences and influences of a candidate and its baseline of such widths."""
    features = drawn(random, images)
    differences = np.empty((SEEDS, FOLDS))
    influences = np.empty((SEEDS, images))
    for seed in range(SEEDS):
        dealt = random.permutation(images).reshape(FOLDS, -1)
        for fold, those in enumerate(dealt):
            sides = [generated(random, whole, scale, seeds) for scale in scales]
            reference = frechet_reference(moments(features[those]))
            found = [frechet_distance_to(reference, side) for side in sides]
            each = [frechet_influence(features[those], side) for side in sides]
            differences[seed, fold] = found[0] - found[1]
            influences[seed, those] = each[0] - each[1]
    return Paired(differences, influences)


def rows_of(name: str, images: int, studies: int) -> Iterator[dict[str, str]]:
    """Coverage, width, and how often nothing and something are called an effect."""
    seeds, scale = CASES[name]
    whole = moments(drawn(np.random.default_rng(2), _ALL))
    random = np.random.default_rng([3, images, round(100 * seeds)])
    null = [study(random, whole, images, (BASELINE, BASELINE), seeds) for _ in range(studies)]
    some = [study(random, whole, images, (scale, BASELINE), seeds) for _ in range(studies)]
    mean = float(np.mean([each.differences.mean() for each in some]))
    what = f"{name} seeds, {images} images"
    yield row(f"{what}: effect in the long run", f"{mean:+.3f}", "–")
    others = (other for other in TESTS if other not in (VERDICT, HALVES))
    for test in (VERDICT, RESAMPLED, *others):
        found = [estimated(test, each) for each in some]
        inside = [each.low <= mean <= each.high for each in found]
        false = [estimated(test, each).p <= ALPHA for each in null]
        target = "95 %" if test == VERDICT else "–"
        yield row(f"{what}, {test}: interval holds it", share(inside), target)
        yield row(f"{what}, {test}: half the interval", width(found), "–")
        yield row(f"{what}, {test}: found", share([each.p <= ALPHA for each in found]), "–")
        yield row(f"{what}, {test}: nothing called an effect", share(false), "5 %")


def main() -> None:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="of each kind")
    parser.add_argument("--images", type=int, nargs="+", default=[300, 1500])
    asked = parser.parse_args()
    cases = [(name, images) for name in CASES for images in asked.images]
    print_rows([each for case in cases for each in rows_of(*case, asked.studies)])


if __name__ == "__main__":
    main()
