"""Sweeps written the way a good user writes them without this project, to compare with.

Each peer is one script around `study.optimize`, with the training loop, the penalty and the
score that the engine under test has, and the conveniences that its framework's own guides
recommend. They share the data, the folds, the feature map and the Fréchet distance, so that only
the training and its bookkeeping differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np

Images: TypeAlias = np.ndarray
"""float32 [n, height, width, 1] in [-1, 1]."""

Fold: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Indices to train on, and indices held out to judge the samples with."""

FeatureMap: TypeAlias = Callable[[Images], np.ndarray]
"""Images [n, height, width, 1] to features [n, d]."""


class Config(NamedTuple):
    """One point of the search: `strength · Σ|w|^order` on the networks of `target`."""

    strength: float
    order: float
    target: str


BASELINE = Config(0.0, 1.0, "none")


class Settings(NamedTuple):
    """What all trials share: steps of a fold, after how many of them it is scored, and the rest.

    `lowest` and `highest` bound the strengths of a search.
    """

    steps: int
    chunks: int = 1
    latent: int = 64
    learning_rate: float = 2e-4
    lowest: float = 1e-6
    highest: float = 1e-1


TrainFold: TypeAlias = Callable[[np.ndarray, int, int], Iterator[Images]]
"""Trains on the images of these indices by a seed; so many samples after each chunk."""

Begin: TypeAlias = Callable[[Config], TrainFold]
"""What a framework brings: the training of a config, compiled for all folds where it compiles."""


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
