"""`sweep data show`: what a source was understood to hold, printed."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from normsweep.cli import schema
from normsweep.cli.app import console
from normsweep.data.overview import Class, Overview

_MOST = 12
"""Classes and sizes that are named."""
_GAP = 1
_LEAST_WIDTH = 640


def print_overview(found: Overview) -> None:
    """A line for each thing that was understood."""
    lines = {
        "images": f"{found.count}{_shape(found)}",
        "pixels": f"{found.pixel_range[0]:g} to {found.pixel_range[1]:g}, which become -1 to 1",
        "labels": _labels(found.classes),
    }
    if found.sizes is not None:
        sizes = [f"{count} of {h}×{w}" for h, w, count in found.sizes[:_MOST]]
        more = f", and {len(found.sizes) - _MOST} more" if len(found.sizes) > _MOST else ""
        lines["sizes"] = f"{', '.join(sizes)}{more} (height × width, before any treatment)"
    by = "pixel" if found.decoded else "byte of the file"
    lines["copies"] = f"{found.copies or 'none'}, to the last {by}"
    if found.sizes is not None and not found.decoded:
        lines["decoded"] = "not yet: this is by headers alone; a launch decodes them"
    if found.file is not None:
        lines["kept in"] = str(found.file)
    console.print(found.name, style="bold", markup=False, highlight=False)
    for name, text in lines.items():
        console.print(f"  {name:<8} {text}", markup=False, highlight=False, soft_wrap=True)
    for text in found.told:
        console.print(f"  {'note':<8} {text}", markup=False, highlight=False, soft_wrap=True)


def overview_as_json(found: Overview, sheet: Path) -> dict[str, Any]:
    """The same as plain data."""
    return schema.DataShow(
        name=found.name,
        count=found.count,
        shape=found.shape,
        pixel_range=found.pixel_range,
        classes=None
        if found.classes is None
        else [schema.Class.model_validate(each) for each in found.classes],
        sizes=None
        if found.sizes is None
        else [schema.Size(height=h, width=w, count=n) for h, w, n in found.sizes],
        copies=found.copies,
        decoded=found.decoded,
        fingerprint=found.fingerprint,
        told=list(found.told),
        fault=None if found.fault is None else str(found.fault),
        kept_in=None if found.file is None else str(found.file),
        sheet=str(sheet),
    ).model_dump()


def sheet_png(sheet: np.ndarray) -> bytes:
    """A PNG of images [rows, columns, h, w, c] uint8, with a white line between; small enlarged."""
    rows, columns, height, width, channels = sheet.shape
    grid = np.full(
        (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, channels), 255, np.uint8
    )
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height + _GAP) + _GAP, column * (width + _GAP) + _GAP
            grid[top : top + height, left : left + width] = sheet[row, column]
    times = max(1, _LEAST_WIDTH // grid.shape[1])
    pixels = grid.repeat(times, axis=0).repeat(times, axis=1)
    into = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(into, "PNG")
    return into.getvalue()


def _shape(found: Overview) -> str:
    if found.shape is None:
        return " of several sizes"
    height, width, channels = found.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, f"{channels} channels")
    return f" of {height}×{width}, {colour}"


def _labels(classes: tuple[Class, ...] | None) -> str:
    if classes is None:
        return "none"
    each = [
        f"{c.label} {'' if c.name is None else f'{c.name} '}({c.count})" for c in classes[:_MOST]
    ]
    more = f", and {len(classes) - _MOST} more" if len(classes) > _MOST else ""
    return f"{len(classes)} classes: {', '.join(each)}{more}"
