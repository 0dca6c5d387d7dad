"""Whether a run is dead: what is left of its training would change nothing.

It is judged by what is computed once a chunk anyway, and by what is stored, so that a run that was
stopped and gone on with ends at the same step as one that was not.
"""

from collections.abc import Sequence

import numpy as np

from normsweep.spec.spec import Spec
from normsweep.storage import Measurement
from normsweep.study.recorded import ZEROS

ALIKE = 1e-3
"""Pixels lie in [−1, 1]; samples that differ by less than this in every one are the same image.

GANs that trained, however badly, were at 0.01 or more; those below never came back.
"""
STILL = 1e-4
"""A score that changes by less than this share of itself stands still.

Of 240 recorded trials (tests/search/searches.json) 11 did so over two chunks, and none of these
moved again; of those in full training the fold that changed most changed by 0.05 to 2.
"""
LOOK_BACK = 3
"""Chunks that are looked at: two changes of the score."""

Chunks = Sequence[Sequence[Measurement]]


def collapse(config: Spec, chunks: Chunks, images: np.ndarray, step: int) -> str | None:
    """Why a run is dead after `step` steps, in words; None where it is not, or may come back.

    `chunks` are the measurements of its last `LOOK_BACK` chunks, fold by fold, `images` samples
    after the last one, [folds, n, h, w, c]. In every fold alike:

    - all weights of one network are exactly 0 after two chunks in a row,
    - or all samples are the same image, by `ALIKE`, after the second chunk or a later one,
    - or the Fréchet distance stands still, by `STILL`, over two chunks.

    A discriminator that tells no image from another is seen by the last, since nothing moves the
    generator then.
    """
    if len(chunks) < 2 or not _goes_on_alike(config, step):
        return None
    if network := _without_weights(config, chunks[-2:]):
        return f"by step {step}: all weights of the {network} are 0"
    if _spread(images) < ALIKE:
        return f"by step {step}: all samples are the same image"
    if len(chunks) >= LOOK_BACK and _full_rate(config, step) and _stands_still(chunks):
        return f"by step {step}: the score has stood still in every fold over two chunks"
    return None


def _goes_on_alike(config: Spec, step: int) -> bool:
    """Whether the penalty stays as it is: a weaker one might let the run come back."""
    penalty = config.penalty
    if penalty.form == "none" or penalty.schedule == "constant":
        return True
    # An adaptive strength follows the training to its end.
    over = penalty.schedule_finish * config.train.steps <= step
    return bool(penalty.schedule != "adaptive" and over)


def _full_rate(config: Spec, step: int) -> bool:
    """Whether the learning rate was whole over the chunks that are looked at.

    With a low one anything stands still.
    """
    train = config.train
    chunk = train.steps // train.chunks
    warm = train.learning_rate_warmup * train.steps
    constant = train.learning_rate_schedule == "constant"
    return bool(constant and warm <= step - (LOOK_BACK - 1) * chunk)


def _without_weights(config: Spec, chunks: Chunks) -> str | None:
    """The network that has no weights left."""
    if config.penalty.weights != type(config.penalty).model_fields["weights"].default:
        # What was measured is of some weights only.
        return None
    rows = [row.others for chunk in chunks for row in chunk]
    named = (name for name in rows[0] if name.endswith(ZEROS))
    dead = (name for name in named if all(row.get(name) == 1.0 for row in rows))
    return next((name.removesuffix(ZEROS) for name in dead), None)


def _spread(images: np.ndarray) -> float:
    """The largest difference between two samples of a fold in a pixel, in any fold."""
    return float(np.ptp(images, axis=1).max())


def _stands_still(chunks: Chunks) -> bool:
    scores = np.array([[row.fid for row in chunk] for chunk in chunks])
    changes = np.abs(np.diff(scores, axis=0))
    return bool((changes <= STILL * np.abs(scores[1:])).all())
