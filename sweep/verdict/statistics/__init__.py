"""The statistics of a sweep: functions of scores, without a database.

Adding a test of an effect is a file with a function, and a line in `TESTS`; `make calibrate` then
says of it, too, how often its verdicts are false and its intervals hold the truth.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.over_halves import of_halves
from normsweep.verdict.statistics.over_seeds import of_seeds
from normsweep.verdict.statistics.seeds_and_images import of_seeds_and_images


class EffectTest(NamedTuple):
    """A test of the hypothesis that a config and its baseline score the same on average.

    `estimate(differences, influences)` takes score minus score [seeds, folds], and the influences
    on it of the images that judge [seeds, images], NaN where one does not, or None where they are
    not known; None where it has too little of them.
    """

    estimate: Callable[[np.ndarray, np.ndarray | None], Estimate | None]
    summary: str
    source: str


HALVES = "over_halves"
"""The test where each two seeds have the two halves of the images; of no other seeds."""

TESTS: Mapping[str, EffectTest] = MappingProxyType(
    {
        "seeds_and_images": EffectTest(
            of_seeds_and_images,
            "a t-test over seeds and the images that judge, both of which could be others",
            "Satterthwaite, Biometrics Bulletin 2, 1946; Hampel, JASA 69, 1974",
        ),
        "over_seeds": EffectTest(
            of_seeds,
            "a t-test over the means of the seeds, with the images taken as given",
            "Student, Biometrika 6, 1908",
        ),
        HALVES: EffectTest(
            of_halves,
            "a t-test over pairs of seeds that share no image, each two with the two halves of all",
            "Nadeau and Bengio, Machine Learning 52, 2003",
        ),
    }
)
"""Tests by name."""
VERDICT, BESIDE = "seeds_and_images", "over_seeds"
"""The test on which a verdict rests, and the one that is shown beside it; on which it rests where
the other one has too little to go by."""
_OF_IMAGES = {"these": (VERDICT, BESIDE), "shards": (BESIDE,), "halves": (HALVES,)}
"""By which images a seed has (`confirm.images`): seeds with a part of their own share nothing."""


def verdict_estimate(
    differences: np.ndarray, influences: np.ndarray | None, images: str = "these"
) -> tuple[Estimate, str] | None:
    """What a verdict rests on, and the name of the test that says so; None of too few seeds."""
    for name in _OF_IMAGES[images]:
        if (found := TESTS[name].estimate(differences, influences)) is not None:
            return found, name
    return None
