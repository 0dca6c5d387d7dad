"""Images drawn from a trained folder, as files."""

import io
from pathlib import Path

import jax
import numpy as np

from normsweep.errors import UserError
from normsweep.export.trained import load_generator
from normsweep.score.pictures import draw_grid


def drawn(folder: str | Path, count: int, seed: int, label: int | None = None) -> np.ndarray:
    """Images [count, h, w, c] float32 in [−1, 1] of the generator in a folder of `sweep train`.

    Those of `load_generator(folder)(jax.random.key(seed), count)`, with a `label` all of this
    class. Raises `UserError` as that does, and for a label that there is not.
    """
    generate = load_generator(folder)
    labels = None if label is None else np.full(count, label)
    try:
        return np.asarray(generate(jax.random.key(seed), count, labels))
    except ValueError as error:
        if label is None:
            raise
        raise UserError(f"--label {label}: {error}") from error


def as_grid(images: np.ndarray) -> bytes:
    """A PNG of all, side by side."""
    file = io.BytesIO()
    draw_grid(images, file)
    return file.getvalue()


def as_npz(images: np.ndarray, label: int | None = None) -> bytes:
    """An archive that `data.source` takes: `images` as bytes, and `labels` where all have one."""
    file = io.BytesIO()
    pixels = np.round(np.clip((images + 1) / 2, 0, 1) * 255).astype(np.uint8)
    if label is None:
        np.savez(file, images=pixels)
    else:
        np.savez(file, images=pixels, labels=np.full(len(images), label))
    return file.getvalue()
