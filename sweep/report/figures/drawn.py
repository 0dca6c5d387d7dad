"""A figure with what stands in for it where it cannot be seen: a sentence, and its numbers."""

import math
from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class Numbers:
    """A table, as text. `columns` are its headings, and each of the `rows` has a cell for each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Drawn:
    """A figure, `alternative` with its main numbers in a sentence or two, and all its numbers.

    `how` says how the numbers were made, for the small print. `caption` is what stands below the
    figure: no more than two lines of a phone. `text` draws it where only text can be shown.
    """

    figure: go.Figure
    alternative: str
    numbers: Numbers
    how: str
    caption: str
    text: str = ""


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def digits(value: float | None) -> str:
    """A number in four digits, as tables of figures show it; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.4g}"


def with_error(value: float, error: float) -> str:
    """A number with its standard error, where that is known."""
    return digits(value) + (f" ± {digits(error)}" if math.isfinite(error) else "")
