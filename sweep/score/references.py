"""What a score is to be seen beside: that of real images, which none beats but by chance, and that
of networks before their first step."""

import numpy as np

from normsweep.objectives.distances import DISTANCES, scored
from normsweep.objectives.distances.contract import TRAINING
from normsweep.score.run import Run
from normsweep.score.setup import Setup
from normsweep.score.training import Training


def reference_scores(training: Training, run: Run) -> dict[str, list[float]]:
    """The scores on each fold of `real` images and of `untrained` networks, by the first metric.

    For `real` the images of the next fold stand for the generated ones: as many, and none of them
    twice. It is left out for metrics of memorisation, which saw them in training; what is not
    finite is left out, and all of it for metrics that networks measure themselves, or of samples
    that are translations.
    """
    setup, metric = training.setup, run.config.score.metric
    entry = DISTANCES.get(metric)
    if entry is None or entry.sets or metric not in setup.judge.metrics:
        return {}
    found: dict[str, list[float]] = {}
    if TRAINING not in entry.needs:
        others = np.roll(np.arange(len(setup.judge.samples)), -1)
        real = [setup.judge.samples[other] for other in others]
        found["real"] = [
            _score(setup, metric, fold, each.held_out, each.labels)
            for fold, each in enumerate(real)
        ]
    found["untrained"] = [
        _score(setup, metric, fold, features, labels)
        for fold, (features, labels) in enumerate(training.untrained(run))
    ]
    return {name: scores for name, scores in found.items() if np.isfinite(scores).all()}


def _score(
    setup: Setup, metric: str, fold: int, features: np.ndarray, labels: np.ndarray | None
) -> float:
    return scored(metric, setup.judge.measure(fold, features, labels).get(metric, np.nan))
