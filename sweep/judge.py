"""The judge of a study: how far generated images are from the held-out images of each fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from objectives.distances import (
    FrechetReference,
    frechet_distance_to,
    frechet_reference,
    kernel_distance,
    moments,
)


@dataclass(frozen=True)
class Judge:
    """The held-out features of each fold, [n, d] float64, and their Gaussian side prepared."""

    held_out: tuple[np.ndarray, ...]
    references: tuple[FrechetReference, ...]

    def measure(self, fold: int, features: np.ndarray) -> dict[str, float]:
        """FID-proxy and KID of generated features [n, d] against the held-out ones of a fold."""
        features = features.astype(np.float64)
        return {
            "fid": frechet_distance_to(self.references[fold], moments(features)),
            "kid": kernel_distance(features, self.held_out[fold]),
        }


def make_judge(held_out: Sequence[np.ndarray]) -> Judge:
    """Prepares the judge from the features of each fold's held-out images, [n, d] each."""
    real = tuple(features.astype(np.float64) for features in held_out)
    return Judge(real, tuple(frechet_reference(moments(features)) for features in real))
