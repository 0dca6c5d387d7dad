"""Sweeps written the way a good user writes them without this project, to compare with.

Each peer is one script around `study.optimize`, with the training loop, the penalty and the
score that the engine under test has, and the conveniences that its framework's own guides
recommend. They share the data, the folds, the feature map and the Fréchet distance, so that only
the training and its bookkeeping differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

Images: TypeAlias = np.ndarray
"""float32 [n, height, width, 1] in [-1, 1]."""

Fold: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Indices to train on, and indices held out to judge the samples with."""

FeatureMap: TypeAlias = Callable[[Images], np.ndarray]
"""Images [n, height, width, 1] to features [n, d]."""


class PeerResult(NamedTuple):
    """What one peer did.

    Attributes:
        trials: Trials that ended with a score.
        seconds: Wall-clock time of the whole study: compilation, storage and scoring included,
            importing the framework not.
        best: Lowest mean Fréchet distance over the folds.
    """

    trials: int
    seconds: float
    best: float
