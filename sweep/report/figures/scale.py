"""The scale on which scores are shown, and curves fitted: their own, or their logarithm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDE = 8.0
"""Scores above 0 whose largest is so many times the least are shown by their logarithms."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A scale of scores, and the way back."""

    logarithmic: bool

    @property
    def axis_layout(self) -> dict[str, str]:
        """Plotly's settings of an axis of scores: 1, 2 and 5 of each decade by their logarithms."""
        return {"type": "log", "dtick": "D2"} if self.logarithmic else {"type": "linear"}

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
    return Scale(bool(wide))
