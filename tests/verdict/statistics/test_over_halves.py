"""The test of paired halves: its formula, and how often its interval holds a known truth."""

import numpy as np
import pytest

from normsweep.verdict.statistics import verdict_estimate
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.over_halves import of_halves
from normsweep.verdict.statistics.over_seeds import of_seeds


def test_its_error_is_that_of_one_pair() -> None:
    differences = np.array([[1.0, 3.0], [2.0, 0.0], [4.0, 2.0], [0.0, 2.0]])
    found = of_halves(differences, None)
    # Means 2, 1 and 3, 1: pairs apart by 1 and 2.
    assert found is not None
    assert found.mean == pytest.approx(1.75)
    assert found.standard_error == pytest.approx((5 / 8) ** 0.5)
    assert found.degrees == 2
    assert verdict_estimate(differences, None, "halves") == (found, "over_halves")


@pytest.mark.parametrize("differences", [np.ones((2, 2)), np.ones((5, 2)), np.full((4, 2), np.nan)])
def test_without_two_whole_pairs_there_is_no_estimate(differences) -> None:
    assert of_halves(differences, None) is None


def by_halves(random: np.random.Generator, images_scale: float) -> np.ndarray:
    """Differences [8, 1] of a study whose truth is 0 and whose 60 images are drawn, too."""
    images = images_scale * random.standard_t(6, size=60)
    halves = [random.permutation(60).reshape(2, 30) for _ in range(4)]
    means = [images[half].mean() for pair in halves for half in pair]
    return np.array(means)[:, None] + random.normal(size=(8, 1))


def by_shards(random: np.random.Generator, images_scale: float) -> np.ndarray:
    """The same by eight parts of 30 images."""
    images = images_scale * random.standard_t(6, size=(8, 30))
    return images.mean(axis=1, keepdims=True) + random.normal(size=(8, 1))


def coverage(found: list[Estimate | None]) -> float:
    return float(np.mean([each is not None and each.low <= 0 <= each.high for each in found]))


@pytest.mark.parametrize("images_scale", [0.0, 5.0, 50.0])
def test_intervals_hold_the_truth_though_images_are_drawn_anew(images_scale: float) -> None:
    random = np.random.default_rng(1)
    shards = [of_seeds(by_shards(random, images_scale), None) for _ in range(2000)]
    assert 0.935 < coverage(shards) < 0.965
    halves = [by_halves(random, images_scale) for _ in range(2000)]
    assert coverage([of_halves(study, None) for study in halves]) > 0.935
    # With the images taken as given they do not, where these matter.
    assert (coverage([of_seeds(study, None) for study in halves]) < 0.9) == (images_scale > 0)
