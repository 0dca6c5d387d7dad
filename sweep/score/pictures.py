"""Pictures as PNG files: a grid of samples, and learning curves."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from normsweep.storage import Measurement
from normsweep.study.recorded import NORM, STRENGTH_FACTOR, ZEROS, at_rest

if TYPE_CHECKING:
    from matplotlib.text import Text

_LEAST_PIXELS = 640
_GAP = 1
_LAID_OUT = "grid"
"""Under this name a PNG says its columns, and an image's height, width and enlargement."""


def draw_grid(images: np.ndarray, path: Path | IO[bytes], columns: int | None = None) -> None:
    """Writes images [n, h, w, c] in [−1, 1] as a PNG, whole pixels enlarged.

    Row by row in `columns`, by default in a grid that is nearly square.
    """
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    rows = math.ceil(count / columns)
    grid = np.ones((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3))
    shades = np.clip((images[..., :3] + 1) / 2, 0, 1)
    for index, image in enumerate(shades if channels >= 3 else shades[..., :1]):
        top = _GAP + (index // columns) * (height + _GAP)
        left = _GAP + (index % columns) * (width + _GAP)
        grid[top : top + height, left : left + width] = image
    scale = max(1, _LEAST_PIXELS // grid.shape[1])
    pixels = np.round(grid * 255).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    said = PngInfo()
    said.add_text(_LAID_OUT, f"{columns} {height} {width} {scale}")
    Image.fromarray(pixels).save(path, format="PNG", pnginfo=said)


def first_of(grid: bytes, wanted: int) -> bytes | None:
    """The first images of the first row of a grid, at most `wanted`, as one that is nearly square.

    None of a PNG that does not say how `draw_grid` wrote it: earlier versions' do not.
    """
    with Image.open(io.BytesIO(grid)) as opened:
        if (said := opened.info.get(_LAID_OUT)) is None:
            return None
        pixels = np.asarray(opened.convert("RGB"))
    columns, height, width, scale = map(int, said.split())
    small = pixels[::scale, ::scale]
    lefts = [_GAP + at * (width + _GAP) for at in range(min(wanted, columns))]
    images = [small[_GAP : _GAP + height, left : left + width] for left in lefts]
    into = io.BytesIO()
    draw_grid(np.stack(images) / 127.5 - 1, into)
    return into.getvalue()


def draw_curves(
    measurements: Sequence[Measurement],
    path: Path | IO[bytes],
    strengths: Mapping[str, float] | None = None,
    *,
    title: str | None = None,
) -> None:
    """Writes what was measured against the training step, a panel for each kind of number.

    Of several folds their mean.
    FID-proxy, KID and losses; where it changed, the way of λ, for each of the `strengths` by their
    names; then all else that the spec asked to be recorded.
    """
    # Half a second, which every worker would spend that draws no curves.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(measurements, strengths or {})
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(_PANEL * columns, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).reshape(-1)
    for axes, (name, lines) in zip(grid, panels.items(), strict=False):
        for label, points in lines.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
        _in_lines(axes.set_title(name), _PANEL * figure.dpi)
        axes.set_xlabel("training steps")
        axes.grid(alpha=0.3)
        if name == WAY_OF_STRENGTH:
            # A warm-up begins at 0, which a logarithm has no place for.
            axes.set_yscale("symlog", linthresh=_least(lines))
        if len(lines) > 1:
            axes.legend(frameon=False)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    if title is not None:
        _in_lines(figure.suptitle(title), _PANEL * columns * figure.dpi)
    # Of the label of a tick at the very end of an axis the layout knows nothing.
    figure.savefig(path, dpi=120, format="png", bbox_inches="tight")


_PANEL = 3.0
"""The width of a panel in inches."""
_FILLED = 0.97
"""The share of a width that a line of a title may fill."""


def _in_lines(title: "Text", width: float) -> None:
    """Breaks a title into lines of at most `width` pixels, as it measures: the layout heeds their
    height alone."""
    first, *words = title.get_text().split(" ")
    lines = [first]
    for word in words:
        title.set_text(f"{lines[-1]} {word}")
        if title.get_window_extent().width > _FILLED * width:
            lines.append(word)
        else:
            lines[-1] = title.get_text()
    title.set_text("\n".join(lines))


WAY_OF_STRENGTH = "λ at the end of each chunk"
_OF_WEIGHTS = {ZEROS: "share of zeros", NORM: "norm of the weights"}

_Line = list[tuple[int, float]]


def _panels(
    measurements: Sequence[Measurement], strengths: Mapping[str, float]
) -> dict[str, dict[str, _Line]]:
    """For each panel's title its lines by their labels, each of (step, value)."""

    def line(name: str, times: float = 1.0) -> _Line:
        folds: dict[int, list[float]] = {}
        for row in measurements:
            if (value := row.values().get(name)) is not None:
                folds.setdefault(row.step, []).append(value)
        return [(step, times * float(np.mean(values))) for step, values in folds.items()]

    panels = {
        "FID-proxy": {"": line("fid")},
        "KID": {"": line("kid")},
        "loss, mean of each chunk": {
            player: line(f"{player}_loss")
            for player in dict.fromkeys(name for row in measurements for name in row.losses)
        },
    }
    for name in _others(measurements):
        if name != STRENGTH_FACTOR:
            panels[_title(name)] = {"": line(name)}
        elif strengths:
            panels[WAY_OF_STRENGTH] = {label: line(name, at) for label, at in strengths.items()}
    return panels


def _title(name: str) -> str:
    for ending, what in _OF_WEIGHTS.items():
        if name.endswith(ending):
            return f"{what}, {name.removesuffix(ending)}"
    return name.replace("_", " ")


def _least(lines: Mapping[str, _Line]) -> float:
    """The least λ above 0."""
    return min((at for line in lines.values() for _, at in line if at > 0), default=1.0)


def _others(measurements: Sequence[Measurement]) -> list[str]:
    """Names of other numbers, but for those that say nothing throughout."""
    names = dict.fromkeys(name for row in measurements for name in row.others)
    return [
        name
        for name in names
        if any(row.others.get(name, at_rest(name)) != at_rest(name) for row in measurements)
    ]
