"""A small demonstration that runs a peer on scikit-learn's 8x8 digits."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold

from bench.peers import FeatureMap, Fold, Images, PeerResult, Settings


class Digits(NamedTuple):
    """Images to train on, their folds, and a feature map fitted to other images."""

    images: Images
    folds: list[Fold]
    features: FeatureMap


def load(folds: int = 3, components: int = 32) -> Digits:
    """Digits scaled to [-1, 1]; a quarter is set aside to fit the feature map, a PCA.

    Args:
        folds: Number of folds.
        components: Dimension of the features.
    """
    pixels, _ = load_digits(return_X_y=True)
    images = (pixels / 8.0 - 1.0).astype(np.float32).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(images))
    aside, kept = np.split(images[order], [len(images) // 4])
    pca = PCA(components, random_state=0).fit(aside.reshape(len(aside), -1))
    splits = KFold(folds, shuffle=True, random_state=0).split(kept)
    return Digits(kept, list(splits), lambda x: pca.transform(x.reshape(len(x), -1)))


def demonstrate(name: str, run: Callable[..., PeerResult]) -> None:
    """Reads ``--steps`` and ``--trials``, runs a peer on the digits, and prints its result."""
    parser = argparse.ArgumentParser(description=f"Sweep of {name} on scikit-learn's digits.")
    parser.add_argument("--steps", type=int, default=1000, help="training steps of each fold")
    parser.add_argument("--trials", type=int, default=4, help="trials of the study")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    images, folds, features = load()
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{Path(folder) / 'peer.db'}"
        settings = Settings(arguments.steps)
        result = run(images, folds, features, settings, arguments.trials, storage)
    steps = result.trials * len(folds) * arguments.steps
    print(
        f"{name}: {result.trials} trials in {result.seconds:.1f} s "
        f"({60 * result.trials / result.seconds:.1f} trials/min, "
        f"{steps / result.seconds:.0f} steps/s), best {result.best:.3f}"
    )
