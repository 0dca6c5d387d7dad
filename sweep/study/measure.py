"""From a chunk of the population to rows of the database."""

from sweep.engine.population import Chunk
from sweep.prepare import Setup
from sweep.storage import Measurement


def measure(
    setup: Setup, chunk: Chunk, step: int, slot: int = 0, trial_id: int = 0
) -> list[Measurement]:
    """The measurements of one slot's chunk, a row for each fold."""
    return [
        Measurement(
            trial_id=trial_id,
            fold=fold,
            step=step,
            generator_loss=float(chunk.generator_loss[slot, fold]),
            discriminator_loss=float(chunk.discriminator_loss[slot, fold]),
            **setup.judge.measure(fold, features),
        )
        for fold, features in enumerate(chunk.features[slot])
    ]
