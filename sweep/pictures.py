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
    """Writes FID-proxy, KID and losses against the training step, a line for each."""
    steps = [row.step for row in measurements]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    fid, kid, losses = figure.subplots(1, 3)
    fid.plot(steps, [row.fid for row in measurements], marker="o", markersize=3)
    fid.set_title("FID-proxy")
    kid.plot(steps, [row.kid for row in measurements], marker="o", markersize=3)
    kid.set_title("KID")
    for name in ("generator", "discriminator"):
        values = [getattr(row, f"{name}_loss") for row in measurements]
        losses.plot(steps, values, marker="o", markersize=3, label=name)
    losses.set_title("loss, mean of each chunk")
    losses.legend(frameon=False)
    for axes in (fid, kid, losses):
        axes.set_xlabel("training steps")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
