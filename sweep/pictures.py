"""Pictures as PNG files: a grid of samples, and learning curves."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sweep.storage import Measurement

_LEAST_PIXELS = 640


def draw_grid(images: np.ndarray, path: Path) -> None:
    """Writes images [n, h, w, c] in [−1, 1] as a near-square grid, whole pixels enlarged."""
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    gap = 1
    grid = np.ones((rows * (height + gap) + gap, columns * (width + gap) + gap, 3))
    shades = np.clip((images[..., :3] + 1) / 2, 0, 1)
    for index, image in enumerate(shades if channels >= 3 else shades[..., :1]):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        grid[top : top + height, left : left + width] = image
    scale = max(1, _LEAST_PIXELS // grid.shape[1])
    pixels = np.round(grid * 255).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    Image.fromarray(pixels).save(path)


def draw_curves(measurements: Sequence[Measurement], path: Path) -> None:
    """Writes what was measured against the training step, a panel for each kind of number.

    FID-proxy, KID and losses; the strength's factor where it changed; then all else that the spec
    asked to be recorded.
    """
    panels = {
        "FID-proxy": {"": "fid"},
        "KID": {"": "kid"},
        "loss, mean of each chunk": {
            "generator": "generator_loss",
            "discriminator": "discriminator_loss",
        },
    } | {name: {"": name} for name in _others(measurements)}
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(3 * columns, 3.2 * rows), layout="constrained")
    grid = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).reshape(-1)
    for axes, (title, lines) in zip(grid, panels.items(), strict=False):
        for label, name in lines.items():
            known = [row for row in measurements if name in _values(row)]
            steps, values = [row.step for row in known], [row.value(name) for row in known]
            axes.plot(steps, values, marker="o", markersize=3, label=label)
        axes.set_title(TITLES.get(title, title.replace("_", " ")))
        axes.set_xlabel("training steps")
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend(frameon=False)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.savefig(path, dpi=120)


TITLES = {
    "strength_factor": "factor on the strength λ",
    "generator_zeros": "share of zeros, generator",
    "discriminator_zeros": "share of zeros, discriminator",
}


def _values(row: Measurement) -> dict[str, float]:
    return {name: getattr(row, name) for name in _COLUMNS} | row.others


_COLUMNS = ("fid", "kid", "generator_loss", "discriminator_loss")


def _others(measurements: Sequence[Measurement]) -> list[str]:
    """Names of other numbers, but for a factor that is always 1 and shares that are always 0."""
    names = dict.fromkeys(name for row in measurements for name in row.others)
    still = {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0}
    return [
        name
        for name in names
        if any(row.others.get(name, still.get(name)) != still.get(name) for row in measurements)
    ]
