"""A figure for a box of given size, such as the Optuna dashboard's: titled, panels side by side."""

import math
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from normsweep.report.figures.drawn import Drawn

_TITLE_HEIGHT = 30
_MARGIN = 40
_LINE_HEIGHT = 18
_GAP = 0.1


def titled(title: str, drawn: Drawn, beside: str = "") -> go.Figure:
    """A copy that fills any box: its title above, and its panels in rows and columns.

    Below the title stands `beside`, if anything is said.

    In a page the panels stand one below the other, and make the figure as high as they need; a box
    would cut them off.
    """
    figure = go.Figure(drawn.figure)
    _side_by_side(figure)
    margin = figure.layout.margin.t or 0
    if figure.layout.coloraxis.colorbar.orientation == "h":
        # A bar that lies would take the title of the figure away with it, out of sight.
        upright = {"orientation": "v", "y": 0.5, "yanchor": "middle", "ypad": 0}
        figure.update_layout(coloraxis_colorbar=upright | {"title_side": "right"})
        margin = _MARGIN
    text = escape(title)
    if beside:
        text += f"<br><sub>{escape(beside)}</sub>"
        margin += _LINE_HEIGHT
    # Two lines are set by the foot of the first one, and would begin above the box.
    figure.update_layout(
        title={
            "text": text,
            "x": 0.01,
            "yref": "container",
            "y": 0.94 if beside else 0.98,
            "yanchor": "top",
        },
        margin_t=margin + _TITLE_HEIGHT,
        height=None,
        autosize=True,
    )
    return figure


def _side_by_side(figure: go.Figure) -> None:
    """Gives the panels of one column places in a grid that is about as wide as high."""
    vertical = list(figure.select_yaxes())
    horizontal = list(figure.select_xaxes())
    count = len(vertical)
    if count < 2:
        return
    columns = count if count <= 3 else math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    tops = [axis.domain[1] for axis in vertical]
    for place, (across, up) in enumerate(zip(horizontal, vertical, strict=True)):
        row, column = divmod(place, columns)
        across.domain = _share(column, columns)
        up.domain = _share(rows - 1 - row, rows)
        across.showticklabels = True
        if columns > 2 and across.ticktext:
            # Every second label, for which there is room without turning the numbers.
            across.ticktext, across.tickangle = _every_second(across.ticktext), 0
        if column:
            # The first of a row says it for all, if all have the same.
            up.title.text = up.title.text if up.title.text != vertical[0].title.text else None
        if across.title.text is None:
            across.title.text = horizontal[-1].title.text
    for words in figure.layout.annotations:
        place = min(range(count), key=lambda index: abs(tops[index] - words.y))
        words.x, words.y = horizontal[place].domain[0], vertical[place].domain[1]


def _every_second(labels: Sequence[str]) -> list[str]:
    """Labels of which every second one that is not empty is left out."""
    named = [at for at, label in enumerate(labels) if label]
    left_out = set(named[1::2])
    return ["" if at in left_out else label for at, label in enumerate(labels)]


def _share(place: int, count: int) -> tuple[float, float]:
    """The part of 0 … 1 of one of several beside each other, with gaps between."""
    width = (1 - _GAP * (count - 1)) / count
    return place * (width + _GAP), min(1.0, place * (width + _GAP) + width)
