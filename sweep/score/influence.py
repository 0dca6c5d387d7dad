"""By how much each of the folds' images moves a score, whichever fold it judges."""

from collections.abc import Mapping

import numpy as np

from normsweep.engine.population import Chunk
from normsweep.objectives.figures import influence_on_mean
from normsweep.score.setup import Setup


def image_influences(
    setup: Setup, metric: str, chunk: Chunk, slot: int, figures: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    """The influences [images] float64 on the scores of one slot by a metric; None if it has none.

    Of what networks measure themselves they follow from its `figures`, see `figures_of`. Images are
    all of the plan's folds in their order in the data, NaN where one does not judge: of a fold may
    judge fewer than it has. Folds that are dealt anew have the same images.
    """
    held_out = setup.plan.held_out
    images = np.sort(held_out.ravel())
    found = np.full(len(images), np.nan)
    for fold, features in enumerate(chunk.features[slot]):
        of_fold: np.ndarray | None
        if metric in figures:
            of_fold = influence_on_mean(figures[metric][fold])
        else:
            labels = None if chunk.labels is None else chunk.labels[slot, fold]
            of_fold = setup.judge.influences(metric, fold, features, labels)
        if of_fold is None:
            return None
        found[np.searchsorted(images, held_out[fold, : setup.samples])] = of_fold
    return found
