"""The scale on which scores are shown, and curves fitted: their own, or their logarithm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDE = 8.0
"""Scores above 0 whose largest is so many times the least are shown by their logarithms."""

FEW = 200.0
"""On an axis of scores there is room for all labels up to so many times the least."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A scale of scores, and the way back. `span` is the least and the greatest of them."""

    logarithmic: bool
    span: tuple[float, float] = (1.0, 1.0)

    @property
    def axis_layout(self) -> dict[str, Any]:
        """Plotly's settings of an axis of scores."""
        return log_axis(*self.span) if self.logarithmic else {"type": "linear"}

    def forth(self, scores: Array) -> Array:
        """Scores on this scale."""
        return np.log(scores) if self.logarithmic else scores

    def back(self, values: Array) -> Array:
        """Values of this scale as scores."""
        return np.exp(values) if self.logarithmic else values

    def errors(self, scores: Array, errors: Array) -> Array:
        """Standard errors of scores on this scale; Var log x ≈ Var x / x² for the logarithm."""
        return errors / scores if self.logarithmic else errors


def scale_of(scores: Sequence[float]) -> Scale:
    """The scale for scores that are finite; one that diverged would hide what the others do."""
    found = np.asarray(scores, dtype=float)
    wide = found.size > 0 and found.min() > 0 and found.max() >= WIDE * found.min()
    return Scale(bool(wide), (float(found.min()), float(found.max())) if wide else (1.0, 1.0))


def log_axis(low: float, high: float, few: float = FEW) -> dict[str, Any]:
    """Plotly's settings of a logarithmic axis that spans these values, both above 0.

    It has ticks at 1, 2 and 5 of each decade. All of them are labelled in full where the greatest
    value is at most `few` times the least, else the decades alone, with short ticks between:
    Plotly's own "2" below "100" would be read as two.
    """
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    every = high <= few * low
    plain = every or (low >= 1e-3 and high < 1e5)
    ticks = [(first, decade) for decade in decades for first in ((1, 2, 5) if every else (1,))]
    between = [float(f"{first}e{decade}") for decade in decades for first in (2, 5)]
    return {
        "type": "log",
        "tickvals": [float(f"{first}e{decade}") for first, decade in ticks],
        "ticktext": [_label(first, decade, plain=plain) for first, decade in ticks],
        **({} if every else {"minor": {"tickvals": between, "ticks": "outside", "ticklen": 3}}),
    }


def _label(first: int, decade: int, *, plain: bool) -> str:
    if plain:
        return f"{float(f'{first}e{decade}'):g}"
    return f"10<sup>{str(decade).replace('-', '−')}</sup>"
