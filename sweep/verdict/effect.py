"""The effect of a config against its baseline, by scores of both on the same seeds and folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from normsweep.objectives.distances import cost
from normsweep.verdict.statistics import BESIDE, TESTS, VERDICT
from normsweep.verdict.statistics.corrected import Estimate
from normsweep.verdict.statistics.holm import holm

ALPHA = 0.05
"""The chance that a study of an inert penalty is said to help or hurt."""


@dataclass(frozen=True)
class Effect:
    """An arm against its baseline, paired by seed and fold: score minus score.

    `adjusted_p` is Holm's over all candidates of the study. `wins` is the share of seeds on which
    the mean over folds is better. `relative` is the mean over the standard deviation of the
    baseline's seeds. `detectable` is the smallest true effect that four studies in five like this
    one would have called one. `over_seeds` is the t-test over the means of the seeds, which share
    nothing where the images are taken as given; None with one seed, and its p adjusted likewise.
    """

    estimate: Estimate
    adjusted_p: float
    over_seeds: Estimate | None
    adjusted_p_over_seeds: float | None
    wins: float
    relative: float | None
    detectable: float

    @property
    def is_certain(self) -> bool:
        return self.adjusted_p <= ALPHA


def paired_effect(
    metric: str, scores: np.ndarray, against: np.ndarray, share: float
) -> Effect | None:
    """The effect between scores [seeds, folds], before it is adjusted for other candidates.

    `share` is the number of images that judge over the number that train. None for fewer than two
    differences.
    """
    differences = scores - against
    estimate = TESTS[VERDICT].estimate(differences, share)
    if estimate is None:
        return None
    gains = (costs(metric, against) - costs(metric, scores)).mean(axis=1)
    spread = float(np.std(against.mean(axis=1), ddof=1)) if len(against) > 1 else 0.0
    over_seeds = TESTS[BESIDE].estimate(differences, share)
    return Effect(
        estimate=estimate,
        adjusted_p=estimate.p,
        over_seeds=over_seeds,
        adjusted_p_over_seeds=None if over_seeds is None else over_seeds.p,
        wins=float((gains > 0).mean()),
        relative=estimate.mean / spread if spread > 0 else None,
        detectable=estimate.detectable(ALPHA),
    )


def adjusted(effects: Sequence[Effect | None]) -> list[Effect | None]:
    """The same with p-values, and detectable effects, for so many candidates at once."""
    # One that lost its seeds was tried all the same: it counts, as one without an effect.
    whole = holm([1.0 if effect is None else effect.estimate.p for effect in effects])
    tests = [None if effect is None else effect.over_seeds for effect in effects]
    over_seeds = holm([1.0 if test is None else test.p for test in tests])
    return [
        effect
        and replace(
            effect,
            adjusted_p=p,
            adjusted_p_over_seeds=None if effect.over_seeds is None else p_over_seeds,
            detectable=effect.estimate.detectable(ALPHA / len(effects)),
        )
        for effect, p, p_over_seeds in zip(effects, whole, over_seeds, strict=True)
    ]


def costs(metric: str, scores: np.ndarray) -> np.ndarray:
    """What is to be made small, for scores of any shape."""
    return np.array([cost(metric, float(x)) for x in scores.ravel()]).reshape(scores.shape)
