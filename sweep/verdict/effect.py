"""The effect of a config against its baseline, by scores of both on the same seeds and folds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from normsweep.objectives.distances import cost
from normsweep.verdict.statistics import BESIDE, TESTS, VERDICT, verdict_estimate
from normsweep.verdict.statistics.estimate import Estimate
from normsweep.verdict.statistics.holm import holm
from normsweep.verdict.statistics.looks import ONLY, Look

ALPHA = 0.05
"""The chance that a study of an inert penalty is said to help or hurt."""


@dataclass(frozen=True)
class Effect:
    """An arm against its baseline, paired by seed and fold: score minus score.

    `adjusted_p` is Holm's over all candidates of the study. `wins` is the share of seeds on which
    the mean over folds is better. `relative` is the mean over the standard deviation of the
    baseline's seeds, which was found to be `spread` and is `least_spread` at least. `detectable` is
    the smallest true effect that four studies in five like this one would have called one.
    `over_seeds` is the t-test over the means of the seeds, which share nothing where the images are
    taken as given, with its p adjusted likewise. `test` names the one of `TESTS` that the estimate
    is by. Intervals and p-values are those of a `look` at a plan.
    """

    estimate: Estimate
    adjusted_p: float
    over_seeds: Estimate
    adjusted_p_over_seeds: float
    wins: float
    relative: float | None
    spread: float
    least_spread: float
    detectable: float
    test: str
    look: Look = ONLY

    @property
    def is_certain(self) -> bool:
        return self.adjusted_p <= ALPHA

    @property
    def of_images(self) -> float | None:
        """The part of the estimate's variance that comes from which images judge, 0 to 1.

        None where the images are taken as given.
        """
        if self.test != VERDICT:
            return None
        both, seeds = self.estimate.standard_error, self.over_seeds.standard_error
        return 1 - (seeds / both) ** 2 if both > 0 else 0.0


def paired_effect(
    metric: str,
    scores: np.ndarray,
    against: np.ndarray,
    influences: np.ndarray | None,
    look: Look = ONLY,
    images: str = "these",
) -> Effect | None:
    """The effect between scores [seeds, folds], before it is adjusted for other candidates.

    `influences` [seeds, images] are those on the difference, as `TESTS` take them; without them the
    images are taken as given. `images` says which of them a seed has, as `confirm.images` does.
    None for fewer than two seeds.
    """
    differences = scores - against
    over_seeds = TESTS[BESIDE].estimate(differences, influences)
    found = verdict_estimate(differences, influences, images)
    if over_seeds is None or found is None:
        return None
    estimate, over_seeds, test = look.estimate(found[0]), look.estimate(over_seeds), found[1]
    gains = (costs(metric, against) - costs(metric, scores)).mean(axis=1)
    spread = float(np.std(against.mean(axis=1), ddof=1))
    return Effect(
        estimate=estimate,
        adjusted_p=estimate.p,
        over_seeds=over_seeds,
        adjusted_p_over_seeds=over_seeds.p,
        wins=float((gains > 0).mean()),
        relative=estimate.mean / spread if spread > 0 else None,
        spread=spread,
        least_spread=spread * _least(len(scores) - 1, look.nominal(ALPHA) / 2),
        detectable=estimate.detectable(look.nominal(ALPHA)),
        test=test,
        look=look,
    )


def adjusted(effects: Sequence[Effect | None]) -> list[Effect | None]:
    """The same with p-values, and detectable effects, for so many candidates at once."""
    # One that lost its seeds was tried all the same: it counts, as one without an effect.
    whole = holm([1.0 if effect is None else effect.estimate.p for effect in effects])
    over_seeds = holm([1.0 if effect is None else effect.over_seeds.p for effect in effects])
    return [
        effect
        and replace(
            effect,
            adjusted_p=p,
            adjusted_p_over_seeds=p_over_seeds,
            detectable=effect.estimate.detectable(effect.look.nominal(ALPHA / len(effects))),
        )
        for effect, p, p_over_seeds in zip(effects, whole, over_seeds, strict=True)
    ]


def _least(degrees: int, level: float) -> float:
    """What a standard deviation is surely, over what it was found to be: a bound of one side.

    √(degrees / χ²),    P(χ²(degrees) > χ²) = level
    """
    from scipy.special import chdtri

    return float(np.sqrt(degrees / chdtri(degrees, level)))


def costs(metric: str, scores: np.ndarray) -> np.ndarray:
    """What is to be made small, for scores of any shape."""
    return np.array([cost(metric, float(x)) for x in scores.ravel()]).reshape(scores.shape)
