"""The statistics of a sweep: functions of scores, without a database.

Adding a test of an effect is a file with a function, and a line in `TESTS`; `make calibrate` then
says of it, too, how often its verdicts are false and its intervals hold the truth.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from normsweep.verdict.statistics.corrected import Estimate, of_all_folds
from normsweep.verdict.statistics.over_seeds import of_seeds


class EffectTest(NamedTuple):
    """A test of the hypothesis that a config and its baseline score the same on average.

    `estimate(differences, share)` takes score minus score [seeds, folds], and the number of images
    that judge on a fold over the number that train; None where it has too few of them.
    """

    estimate: Callable[[np.ndarray, float], Estimate | None]
    summary: str
    source: str


TESTS: Mapping[str, EffectTest] = MappingProxyType(
    {
        "corrected": EffectTest(
            of_all_folds,
            "a t-test over all folds of all seeds, with a standard error for shared images",
            "Nadeau and Bengio, Machine Learning 52, 2003, section 3.1",
        ),
        "over_seeds": EffectTest(
            of_seeds,
            "a t-test over the means of the seeds, with the images taken as given",
            "Student, Biometrika 6, 1908",
        ),
    }
)
"""Tests by name."""
VERDICT, BESIDE = "corrected", "over_seeds"
"""The test on which a verdict rests, and the one that is shown beside it."""
