"""From a chunk of the population to rows of the database."""

import numpy as np

from normsweep.engine.population import Chunk
from normsweep.score.setup import Setup
from normsweep.storage import Measurement


def measure(
    setup: Setup, chunk: Chunk, step: int, slot: int = 0, trial_id: int = 0
) -> list[Measurement]:
    """The measurements of one slot's chunk, a row for each fold."""
    return [
        _measurement(setup, chunk, step, (slot, fold), features, trial_id)
        for fold, features in enumerate(chunk.features[slot])
    ]


def _measurement(
    setup: Setup,
    chunk: Chunk,
    step: int,
    member: tuple[int, int],
    features: np.ndarray,
    trial_id: int,
) -> Measurement:
    fold = member[1]
    labels = None if chunk.labels is None else chunk.labels[member]
    judged = setup.judge.measure(fold, features, labels)
    return Measurement(
        trial_id=trial_id,
        fold=fold,
        step=step,
        fid=judged.pop("fid"),
        kid=judged.pop("kid"),
        losses={player: float(values[member]) for player, values in chunk.losses.items()},
        others=judged | {name: float(values[member]) for name, values in chunk.extras.items()},
    )
