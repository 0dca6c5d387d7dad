"""Sparsity against strength: how many weights a trial ends with at exactly 0."""

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from normsweep.report.figures.drawn import Drawn, Numbers, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.strengths import Panel, panels, strength_axes
from normsweep.report.figures.style import COLOURS, DASHES, SYMBOLS, styled
from normsweep.study.recorded import ZEROS


def sparse_panels(picture: Picture) -> tuple[Panel, ...]:
    """The panels in which a trial ended with a weight of exactly 0."""
    return tuple(
        panel
        for panel in panels(picture.answer.ranking)
        if any(
            entry.recorded.get(name, 0.0) > 0 for entry in panel.entries for name in _zeros([panel])
        )
    )


def _zeros(shown: Sequence[Panel]) -> dict[str, str]:
    """The networks whose zeros were counted, by the name of that number."""
    names = dict.fromkeys(name for panel in shown for e in panel.entries for name in e.recorded)
    return {name: name.removesuffix(ZEROS) for name in names if name.endswith(ZEROS)}


def sparsity(picture: Picture) -> Drawn | None:
    """Zeros against strength for each network; None where no weight ever was 0."""
    shown = sparse_panels(picture)
    if not shown:
        return None
    return Drawn(
        draw_sparsity(shown),
        _describe(shown),
        _numbers(shown),
        "Share of the penalised weights that are exactly 0 where the trial was scored, mean over "
        "folds.",
        "Share of the penalised weights that are exactly 0.",
    )


def draw_sparsity(shown: Sequence[Panel]) -> go.Figure:
    """The panels one below the other, a line for each network."""
    figure = make_subplots(
        rows=len(shown),
        cols=1,
        shared_yaxes="all",
        subplot_titles=[escape(panel.title) for panel in shown],
        vertical_spacing=0.3 / len(shown) if len(shown) > 1 else 0,
    )
    for row, panel in enumerate(shown, 1):
        order = np.argsort(panel.strengths, kind="stable")
        for style, (name, network) in enumerate(_zeros(shown).items()):
            shares = [100 * panel.entries[i].recorded.get(name, 0.0) for i in order]
            figure.add_trace(
                go.Scatter(
                    x=panel.strengths[order].tolist(),
                    y=shares,
                    mode="lines+markers",
                    line={"color": COLOURS[style], "dash": DASHES[style], "width": 1},
                    marker={"symbol": SYMBOLS[style], "size": 8},
                    name=network,
                    legendgroup=network,
                    showlegend=row == 1,
                    customdata=[panel.entries[i].number for i in order],
                    hovertemplate="trial %{customdata}: %{y:.3g} % at %{x:.3g}<extra></extra>",
                ),
                row=row,
                col=1,
            )
    strength_axes(figure, shown)
    styled(figure, len(shown))
    figure.update_yaxes(title_text="weights at 0, %", rangemode="tozero")
    return figure


def _describe(shown: Sequence[Panel]) -> str:
    parts = []
    for panel in shown:
        where = f"{panel.title}, " if panel.title else ""
        for name, network in _zeros(shown).items():
            shares = np.array([entry.recorded.get(name, 0.0) for entry in panel.entries])
            if shares.max() > 0:
                parts.append(
                    f"{where}{network}: up to {100 * shares.max():.3g} % at {panel.axis} = "
                    f"{digits(float(panel.strengths[shares.argmax()]))}"
                )
    return f"Weights that are exactly 0 against strength: {'; '.join(parts)}."


def _numbers(shown: Sequence[Panel]) -> Numbers:
    zeros = _zeros(shown)
    return Numbers(
        ("trial", "panel", "strength", *(f"zeros, {network}" for network in zeros.values())),
        tuple(
            (
                str(entry.number),
                panel.title or "–",
                digits(float(entry.parameters[panel.path])),
                *(f"{100 * entry.recorded.get(name, 0.0):.3g} %" for name in zeros),
            )
            for panel in shown
            for entry in panel.entries
        ),
    )
