"""The test of seeds and judging images: its formulas, and simulated studies of known truth."""

import numpy as np
import pytest

from normsweep.objectives.figures import influence_on_mean
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.over_seeds import of_seeds
from normsweep.verdict.statistics.seeds_and_images import of_seeds_and_images, variance_of_images

SEEDS, FOLDS, IMAGES = 6, 3, 60


def test_where_every_image_judges_by_every_seed_it_is_the_variance_of_their_means() -> None:
    influences = np.random.default_rng(0).normal(size=(SEEDS, IMAGES)) + 5
    found = variance_of_images(influences)
    assert found is not None
    means = influences.mean(axis=0)
    assert found == (pytest.approx(means.var(ddof=1) / IMAGES), IMAGES)
    # Padding that is no image is none.
    padded = np.pad(influences, ((0, 0), (0, 4)), constant_values=np.nan)
    assert variance_of_images(padded) == (pytest.approx(found[0]), IMAGES)


def test_the_error_and_its_degrees_are_those_of_the_two_parts() -> None:
    random = np.random.default_rng(1)
    differences, influences = random.normal(size=(SEEDS, FOLDS)), random.normal(size=(SEEDS, 9))
    found = of_seeds_and_images(differences, influences)
    of_images, _ = variance_of_images(influences) or (0.0, 0)
    seeds = differences.mean(axis=1).var(ddof=1) / SEEDS
    assert found is not None
    assert found.standard_error**2 == pytest.approx(seeds + of_images)
    expected = (seeds + of_images) ** 2 / (seeds**2 / (SEEDS - 1) + of_images**2 / 8)
    assert found.degrees == pytest.approx(expected)
    assert SEEDS - 1 <= found.degrees <= SEEDS - 1 + 8


def test_images_that_add_nothing_leave_the_test_over_seeds() -> None:
    differences = np.random.default_rng(2).normal(size=(SEEDS, FOLDS))
    found = of_seeds_and_images(differences, np.zeros((SEEDS, IMAGES), np.float32))
    assert found == of_seeds(differences, None)
    nothing = of_seeds_and_images(np.zeros((2, 2)), np.zeros((2, 9)))
    assert nothing is not None and (nothing.p, nothing.degrees) == (1.0, 1.0)


@pytest.mark.parametrize(
    "influences",
    [None, np.full((SEEDS, 5), np.nan), np.full((SEEDS, 5), np.inf), np.ones((SEEDS, 1))],
)
def test_without_influences_that_can_be_used_there_is_no_estimate(influences) -> None:
    assert of_seeds_and_images(np.ones((SEEDS, FOLDS)), influences) is None


def test_one_seed_has_no_estimate() -> None:
    assert of_seeds_and_images(np.ones((1, FOLDS)), np.ones((1, IMAGES))) is None


def simulated(
    random: np.random.Generator, images_scale: float, judging: int
) -> tuple[np.ndarray, np.ndarray]:
    """Differences and influences of a study whose truth is 0, with a split for each seed.

    Each image has a share of its own in the difference, and one more by each seed; by a seed a
    random part of the images judges, on folds of equal size.
    """
    own = images_scale * random.standard_t(6, size=IMAGES)
    each = own + 0.5 * images_scale * random.normal(size=(SEEDS, IMAGES))
    influences = np.full((SEEDS, IMAGES), np.nan)
    differences = np.empty((SEEDS, FOLDS))
    for seed in range(SEEDS):
        those = random.permutation(IMAGES)[:judging].reshape(FOLDS, -1)
        values = each[seed, those]
        differences[seed] = random.normal() + values.mean(axis=1)
        influences[seed, those] = values - values.mean(axis=1, keepdims=True)
    return differences, influences


def coverage(found: list[Estimate | None]) -> float:
    return float(np.mean([each is not None and each.low <= 0 <= each.high for each in found]))


@pytest.mark.parametrize("judging", [IMAGES, IMAGES // 2])
@pytest.mark.parametrize("images_scale", [0.0, 2.0, 20.0])
def test_its_interval_holds_the_truth_as_often_as_it_says(
    images_scale: float, judging: int
) -> None:
    """Also where by every seed another half of the images judges."""
    random = np.random.default_rng(3)
    studies = [simulated(random, images_scale, judging) for _ in range(1500)]
    share = coverage([of_seeds_and_images(*study) for study in studies])
    # Of 1,500 studies 95 % by chance alone within 1.1 %; images are few, and have heavy tails.
    assert 0.93 < share < 0.97


def measured_study(random: np.random.Generator, known: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of what networks measure of each image, of which a share has a number.

    By seed and fold the score is the mean of those of a fold; the truth of the difference is 0.
    """
    own = 5 * random.standard_t(6, size=IMAGES)
    has = random.random(IMAGES) < known
    hardness = random.gamma(2.0, size=IMAGES)
    scores, influences = np.empty((2, SEEDS, FOLDS)), np.empty((2, SEEDS, IMAGES))
    for seed in range(SEEDS):
        folds = random.permutation(IMAGES).reshape(FOLDS, -1)
        for arm in (0, 1):
            values = hardness + arm * (own + random.normal(size=IMAGES) + random.normal())
            values[~has] = np.nan
            for fold, those in enumerate(folds):
                scores[arm, seed, fold] = np.nanmean(values[those])
                influences[arm, seed, those] = influence_on_mean(values[those])
    return scores[1] - scores[0], influences[1] - influences[0]


@pytest.mark.parametrize("known", [1.0, 0.7])
def test_of_what_networks_measure_its_interval_holds_the_truth_as_often_as_it_says(
    known: float,
) -> None:
    random = np.random.default_rng(5)
    studies = [measured_study(random, known) for _ in range(1500)]
    assert 0.93 < coverage([of_seeds_and_images(*study) for study in studies]) < 0.97
    # Without the images' part it is much too sure.
    assert coverage([of_seeds(*study) for study in studies]) < 0.85


def test_a_test_over_seeds_alone_is_wrong_where_images_matter() -> None:
    random = np.random.default_rng(4)
    studies = [simulated(random, 20.0, IMAGES) for _ in range(500)]
    assert coverage([of_seeds(*study) for study in studies]) < 0.7
