"""How all figures look: one palette, told apart by dashes and symbols too, on light and on dark.

Every colour has a contrast of at least 3 to 1 with white and with a dark page (WCAG 2.2, criterion
1.4.11). The backgrounds are transparent. Greys are for axes; a page may colour the text after its
own.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from normsweep.report.figures.drawn import with_error

GREY = "#7d7d7d"
GRID = "rgba(128, 128, 128, 0.25)"
COLOURS = ("#1f83cf", "#d8690a", "#0c9468", "#b25ad0", "#d9485f", "#8a7a10")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
BASELINE_DASH = "dash"
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "x")
CONTOURS = "Cividis"
"""A scale that those who see no red or green read alike: Nuñez, Anderton and Renslow 2018."""

_PANEL_HEIGHT = 300
_SPACE_AROUND = 150


def place(index: int) -> int:
    """The place in the palette of the series `index`."""
    return index % len(COLOURS)


def see_through(colour: str, opacity: float = 0.18) -> str:
    """A colour of the palette as the filling of a band."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def styled(figure: go.Figure, panels: int = 1) -> go.Figure:
    """A figure with the layout that all share, high enough for its panels one below the other."""
    figure.update_layout(
        template=go.layout.Template(),
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": GREY},
        height=_PANEL_HEIGHT * panels + _SPACE_AROUND,
        margin={"l": 62, "r": 14, "t": 40, "b": 50},
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom", "x": 0},
        hoverlabel={"namelength": -1},
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": GREY, "activecolor": COLOURS[0]},
    )
    # The titles of panels, which stand centred where nothing else is said.
    figure.update_annotations(x=0, xanchor="left", font={"size": 14})
    lines = {"gridcolor": GRID, "linecolor": GREY, "zeroline": False, "automargin": True}
    figure.update_xaxes(showline=True, ticks="outside", **lines)
    figure.update_yaxes(**lines)
    return figure


def add_band(
    figure: go.Figure,
    at: Sequence[float] | np.ndarray,
    low: Sequence[float] | np.ndarray,
    high: Sequence[float] | np.ndarray,
    colour: str,
    *,
    group: str,
    row: int = 1,
) -> None:
    """Fills between two lines, without a place of its own in the legend."""
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([at, np.asarray(at)[::-1]]).tolist(),
            y=np.concatenate([high, np.asarray(low)[::-1]]).tolist(),
            fill="toself",
            fillcolor=see_through(colour),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=group,
            showlegend=False,
        ),
        row=row,
        col=1,
    )


def add_baseline(
    figure: go.Figure,
    ends: tuple[float, float],
    score: float,
    error: float,
    *,
    row: int = 1,
    legend: bool = True,
) -> None:
    """The baseline as a horizontal line, with a band of one standard error on either side."""
    if np.isfinite(error) and error > 0:
        low, high = (score - error, score + error)
        add_band(figure, ends, [low, low], [high, high], GREY, group="baseline", row=row)
    figure.add_trace(
        go.Scatter(
            x=list(ends),
            y=[score, score],
            mode="lines",
            line={"color": GREY, "dash": BASELINE_DASH, "width": 2},
            name="baseline ± s.e.",
            legendgroup="baseline",
            showlegend=legend,
            hovertemplate=f"baseline {with_error(score, error)}<extra></extra>",
        ),
        row=row,
        col=1,
    )
