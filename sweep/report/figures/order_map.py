"""The λ × p map: the score of every strength and order, and a surface through them."""

from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from normsweep.report.figures.drawn import Drawn, Numbers, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import Scale, scale_of
from normsweep.report.figures.smooth import HOW, smooth
from normsweep.report.figures.strengths import Panel, best_star, panels, strength_axes
from normsweep.report.figures.style import CONTOURS, GREY, styled
from normsweep.verdict.words import direction, metric_name

CELLS = 30
"""Of the surface, along each side."""
FEWEST_POINTS = 8
"""A surface through fewer would say little."""


@dataclass(frozen=True)
class Surface:
    """The smooth of a panel over its strengths and orders: `mean` is [orders, strengths].

    `widest` is the largest half width of its 95 % band, in scores. All are empty,
    and `widest` is not a number, where the points are too few for one.
    """

    strengths: np.ndarray
    orders: np.ndarray
    mean: np.ndarray
    widest: float


def surface(panel: Panel, scale: Scale) -> Surface:
    """The surface through the scores of a panel, over log strength where its axis is."""
    orders, strengths = panel.orders, panel.strengths
    along = np.log10(strengths) if panel.logarithmic else strengths
    points = np.column_stack([along, orders])
    sides = [np.linspace(side.min(), side.max(), CELLS) for side in points.T]
    at = np.stack(np.meshgrid(*sides), axis=-1)
    scores = np.array([entry.score for entry in panel.entries])
    errors = scale.errors(scores, np.array([entry.standard_error for entry in panel.entries]))
    found = None
    if len(scores) >= FEWEST_POINTS:
        found = smooth(points, scale.forth(scores), errors, at.reshape(-1, 2))
    if found is None:
        return Surface(np.empty(0), np.empty(0), np.empty((0, 0)), float("nan"))
    mean, low, high = found.seen_through(scale.back)
    return Surface(
        10 ** sides[0] if panel.logarithmic else sides[0],
        sides[1],
        mean.reshape(CELLS, CELLS),
        float(np.max(high - low) / 2),
    )


def order_panels(picture: Picture) -> tuple[Panel, ...]:
    """The panels whose trials differ in strength and in order."""
    return tuple(
        panel
        for panel in panels(picture.answer.ranking)
        if np.isfinite(panel.orders).all()
        and len(np.unique(panel.orders)) > 1
        and len(np.unique(panel.strengths)) > 1
    )


def order_map(picture: Picture) -> Drawn | None:
    """Score over strength and order; None unless both vary."""
    shown = order_panels(picture)
    if not shown:
        return None
    scale = scale_of([entry.score for panel in shown for entry in panel.entries])
    surfaces = [surface(panel, scale) for panel in shown]
    drawn = any(found.mean.size for found in surfaces)
    return Drawn(
        draw_order_map(shown, surfaces, picture.metric, scale),
        _describe(shown, surfaces, picture.metric),
        _numbers(shown, picture.metric),
        HOW.format(scale="log strength and p").replace("curve", "surface")
        if drawn
        else "Too few trials in too few places for a surface through their scores.",
        f"A circle is a trial in the colour of its score{', on a surface through them' * drawn}.",
    )


def draw_order_map(
    shown: tuple[Panel, ...], surfaces: list[Surface], metric: str, scale: Scale
) -> go.Figure:
    """The panels one below the other, in one scale of colours, with labelled contours."""
    figure = make_subplots(
        rows=len(shown),
        cols=1,
        shared_yaxes="all",
        subplot_titles=[escape(panel.title) for panel in shown],
        vertical_spacing=0.3 / len(shown) if len(shown) > 1 else 0,
    )
    scores = scale.forth(np.array([entry.score for panel in shown for entry in panel.entries]))
    low, high = float(scores.min()), float(scores.max())
    for row, (panel, found) in enumerate(zip(shown, surfaces, strict=True), 1):
        if found.mean.size:
            figure.add_trace(_contours(found, scale, low, high), row=row, col=1)
        for trace in _points(panel, scale, bool(found.mean.size), row == 1):
            figure.add_trace(trace, row=row, col=1)
        figure.update_yaxes(title_text="order p", row=row, col=1)
    strength_axes(figure, shown)
    styled(figure, len(shown))
    figure.update_layout(coloraxis=_colours(metric, scale, low, high), margin_t=105)
    return figure


def _colours(metric: str, scale: Scale, low: float, high: float) -> dict[str, object]:
    """One scale of colours for all panels, with a bar that says their scores."""
    at = np.linspace(low, high, 5)
    return {
        "colorscale": CONTOURS,
        "cmin": low,
        "cmax": high,
        "colorbar": {
            "orientation": "h",
            "y": 1,
            "yanchor": "bottom",
            "ypad": 26,
            "thickness": 12,
            "title": {"text": metric_name(metric), "side": "top"},
            "tickvals": at.tolist(),
            "ticktext": [f"{score:.3g}" for score in scale.back(at)],
        },
    }


def _contours(found: Surface, scale: Scale, low: float, high: float) -> go.Contour:
    text = [[digits(score) for score in row] for row in found.mean.tolist()]
    return go.Contour(
        x=found.strengths.tolist(),
        y=found.orders.tolist(),
        z=scale.forth(found.mean).tolist(),
        # The points' colours, but not by their axis: browsers hang on contours that share one.
        zmin=low,
        zmax=high,
        colorscale=CONTOURS,
        showscale=False,
        line={"width": 1, "color": "white"},
        text=text,
        hovertemplate="%{text} at λ = %{x:.3g}, p = %{y:.3g}<extra></extra>",
    )


def _points(panel: Panel, scale: Scale, covered: bool, first: bool) -> list[go.Scatter]:
    scores = np.array([entry.score for entry in panel.entries])
    best = panel.entries[0]
    return [
        go.Scatter(
            x=panel.strengths.tolist(),
            y=panel.orders.tolist(),
            # On a surface there is no room for numbers, and its lines say them.
            mode="markers" if covered else "markers+text",
            text=[f"{score:.3g}" for score in scores],
            textposition="top center",
            marker={
                "symbol": "circle",
                "size": 11,
                "color": scale.forth(scores).tolist(),
                "coloraxis": "coloraxis",
                "line": {"color": "white" if covered else GREY, "width": 2},
            },
            cliponaxis=False,
            name="trial",
            legendgroup="trial",
            showlegend=first,
            customdata=[entry.number for entry in panel.entries],
            hovertemplate="trial %{customdata}: %{text}<extra></extra>",
        ),
        best_star(panel, best, float(panel.orders[0]), first, "best of the panel"),
    ]


def _describe(shown: tuple[Panel, ...], surfaces: list[Surface], metric: str) -> str:
    parts = []
    for panel, found in zip(shown, surfaces, strict=True):
        best = panel.entries[0]
        where = f"{panel.title}: " if panel.title else ""
        text = (
            f"{where}best {digits(best.score)} at {panel.axis} = "
            f"{digits(best.parameters[panel.path])}, p = {digits(best.order)}"
        )
        if found.mean.size:
            lowest, highest = float(found.mean.min()), float(found.mean.max())
            text += (
                f", the surface spans {digits(lowest)} to {digits(highest)} with a band of at most "
                f"± {digits(found.widest)}"
            )
        parts.append(text)
    return (
        f"{metric_name(metric)} ({direction(metric)}) over strength and order: {'; '.join(parts)}."
    )


def _numbers(shown: tuple[Panel, ...], metric: str) -> Numbers:
    return Numbers(
        ("trial", "panel", "strength", "p", metric_name(metric), "s.e."),
        tuple(
            (
                str(entry.number),
                panel.title or "–",
                digits(float(entry.parameters[panel.path])),
                digits(entry.order),
                digits(entry.score),
                digits(entry.standard_error),
            )
            for panel in shown
            for entry in panel.entries
        ),
    )
