"""What was understood of a data set, in a few words."""

import numpy as np

from normsweep.data.dataset import Dataset

_MOST_NAMED = 10
_MOST_LETTERS = 200


def described(dataset: Dataset, source: str) -> dict[str, str]:
    """Where it is from, how many images of what shape, what their pixels are, and the labels."""
    count, height, width, channels = dataset.images.shape
    low, high = dataset.pixel_range
    colour = {1: "grey", 3: "rgb"}.get(channels, f"{channels} channels")
    return {
        "source": source if source == dataset.name else f"{source} {dataset.name!r}",
        "images": f"{count} of {height}×{width}, {colour}",
        "pixels": f"{low:g} to {high:g}",
        "labels": _labels(dataset),
    }


def _labels(dataset: Dataset) -> str:
    if dataset.labels is None:
        return "none"
    counts = np.bincount(dataset.labels)
    there = np.flatnonzero(counts)
    fewest, most = int(counts[there].min()), int(counts[there].max())
    names = [str(n) for n in (there if dataset.classes is None else dataset.classes[there])]
    called = ", ".join(names)
    if len(names) > _MOST_NAMED or len(called) > _MOST_LETTERS:
        called = f"{names[0][:40]} … {names[-1][:40]}"
    classes = "1 class" if len(names) == 1 else f"{len(names)} classes"
    each = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{classes} ({called}) of {each} images"
