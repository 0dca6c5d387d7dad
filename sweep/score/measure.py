"""From a chunk of the population to rows of the database."""

import numpy as np

from normsweep.engine.population import Chunk
from normsweep.score.setup import Setup
from normsweep.storage import Measurement

STILL = {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0}
"""What is always measured, and not worth a word as long as it says nothing."""
NORMS = ("generator_norm", "discriminator_norm")
"""What is always measured, for figures and tables alone."""


def measure(
    setup: Setup, chunk: Chunk, step: int, slot: int = 0, trial_id: int = 0
) -> list[Measurement]:
    """The measurements of one slot's chunk, a row for each fold."""
    return [
        _measurement(setup, chunk, step, (slot, fold), features, trial_id)
        for fold, features in enumerate(chunk.features[slot])
    ]


def worth_telling(recorded: dict[str, float]) -> dict[str, float]:
    """What was recorded of a trial, without what says nothing in a line of text."""
    return {
        name: value
        for name, value in recorded.items()
        if name not in NORMS and STILL.get(name) != value
    }


def _measurement(
    setup: Setup,
    chunk: Chunk,
    step: int,
    member: tuple[int, int],
    features: np.ndarray,
    trial_id: int,
) -> Measurement:
    fold = member[1]
    judged = setup.judge.measure(fold, features)
    extras = {name: float(values[member]) for name, values in chunk.extras.items()}
    return Measurement(
        trial_id=trial_id,
        fold=fold,
        step=step,
        fid=judged.pop("fid"),
        kid=judged.pop("kid"),
        generator_loss=float(chunk.losses["generator"][member]),
        discriminator_loss=float(chunk.losses["discriminator"][member]),
        others=judged | extras,
    )
