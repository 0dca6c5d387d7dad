"""The λ profile: score against strength, for each target and kind, and for each order p."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from normsweep.report.figures.drawn import Drawn, Numbers, counted, digits, with_error
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import Scale, scale_of
from normsweep.report.figures.smooth import HOW, Smooth, smooth
from normsweep.report.figures.strengths import Panel, best_star, panels, strength_axes
from normsweep.report.figures.style import (
    COLOURS,
    DASHES,
    GREY,
    SYMBOLS,
    add_band,
    add_baseline,
    place,
    styled,
)
from normsweep.verdict.answers import Ranked
from normsweep.verdict.words import direction, metric_name

MOST_ORDERS = 4
"""Of more different orders p each half of their range is one line."""
FEWEST_IN_A_HALF = 8
PRUNED = "pruned"
PLACES = 80
"""Points at which a curve is drawn."""


@dataclass(frozen=True)
class Line:
    """Trials of a panel with one order p, or with orders of one half of its range.

    `strengths`, `scores` and `errors` are the points; `at`, `mean`, `low` and `high` the curve
    through them with its 95 % band, empty where there are too few. `label` may be empty.
    """

    label: str
    numbers: tuple[int, ...]
    strengths: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    at: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


Part = tuple[str, float, float]
"""Orders p of one line: what it is called, from where, and up to but without where."""


def order_parts(shown: Sequence[Panel]) -> tuple[Part, ...]:
    """The lines of all panels: one for each order p where a few were chosen from, else two halves.

    Empty where all have the same order, or none.
    """
    orders = np.concatenate([panel.orders for panel in shown])
    orders = orders[np.isfinite(orders)]
    known = np.unique(orders)
    if len(known) < 2:
        return ()
    if len(known) <= MOST_ORDERS and len(orders) >= 2 * len(known):
        ends = [*known[1:], np.inf]
        return tuple(
            (f"p = {low:.3g}", float(low), float(high))
            for low, high in zip(known, ends, strict=True)
        )
    middle = float(known[0] + known[-1]) / 2
    return ((f"p < {middle:.3g}", -np.inf, middle), (f"p ≥ {middle:.3g}", middle, np.inf))


def lines(panel: Panel, scale: Scale, parts: Sequence[Part] = ()) -> tuple[Line, ...]:
    """The lines of a panel, with curves fitted on the scale of the scores.

    A panel that has too few trials in a half is one line, and so is one without orders.
    """
    orders = panel.orders
    everything = np.ones(len(orders), dtype=bool)
    chosen = [(label, (orders >= low) & (orders < high)) for label, low, high in parts]
    halved = any(low == -np.inf for _, low, _ in parts)
    fewest = min((int(kept.sum()) for _, kept in chosen), default=0)
    if not np.isfinite(orders).all() or (halved and fewest < FEWEST_IN_A_HALF):
        chosen = []
    there = [(label, kept) for label, kept in chosen if kept.any()]
    return tuple(_line(label, panel, kept, scale) for label, kept in there or [("", everything)])


def _line(label: str, panel: Panel, chosen: np.ndarray, scale: Scale) -> Line:
    entries = [entry for entry, kept in zip(panel.entries, chosen, strict=True) if kept]
    strengths = panel.strengths[chosen]
    scores = np.array([entry.score for entry in entries])
    errors = np.array([entry.standard_error for entry in entries])
    along = np.log10(strengths) if panel.logarithmic else strengths
    at = np.linspace(along.min(), along.max(), PLACES)
    found: Smooth | None = smooth(
        along[:, None], scale.forth(scores), scale.errors(scores, errors), at[:, None]
    )
    nothing = np.empty(0)
    mean, low, high = (nothing,) * 3 if found is None else found.seen_through(scale.back)
    return Line(
        label=label,
        numbers=tuple(entry.number for entry in entries),
        strengths=strengths,
        scores=scores,
        errors=errors,
        at=nothing if found is None else (10**at if panel.logarithmic else at),
        mean=mean,
        low=low,
        high=high,
    )


def profile(picture: Picture) -> Drawn | None:
    """Score against strength; None where the study searched no strength, or has no score."""
    shown = panels(picture.answer.ranking, picture.answer.pruned)
    if not shown:
        return None
    scores = [entry.score for panel in shown for entry in (*panel.entries, *panel.pruned)]
    baseline = picture.answer.baseline
    if baseline is not None and not np.isfinite(baseline.score):
        baseline = None
    scale = scale_of([*scores, *([] if baseline is None else [baseline.score])])
    parts = order_parts(shown)
    found = [(panel, lines(panel, scale, parts)) for panel in shown]
    drawn = any(len(line.at) for _, of_panel in found for line in of_panel)
    on = "log strength" if all(panel.logarithmic for panel in shown) else "the strength"
    first = shown[0].entries[0]
    # The study's best may have none, such as spectral normalisation.
    is_best = picture.answer.best is not None and picture.answer.best.number == first.number
    return Drawn(
        draw_profile(
            found, baseline, picture.metric, scale, "best" if is_best else "best with a strength"
        ),
        describe_profile(shown, baseline, picture.metric),
        profile_numbers(shown, picture.metric),
        HOW.format(scale=on + (" and log scores" if scale.logarithmic else ""))
        if drawn
        else "Too few trials in too few places for a curve through their scores.",
        f"A mark is a trial with its standard error{', a band holds the curve by 95 %' * drawn}."
        + " Hollow: pruned, at its last score." * any(panel.pruned for panel in shown),
    )


def draw_profile(
    shown: Sequence[tuple[Panel, Sequence[Line]]],
    baseline: Ranked | None,
    metric: str,
    scale: Scale,
    star: str = "best",
) -> go.Figure:
    """The panels one below the other, all with one range of scores; `star` names the best one."""
    figure = make_subplots(
        rows=len(shown),
        cols=1,
        shared_yaxes="all",
        subplot_titles=[escape(panel.title) for panel, _ in shown],
        vertical_spacing=0.3 / len(shown) if len(shown) > 1 else 0,
    )
    best = shown[0][0].entries[0]
    labels = list(dict.fromkeys(line.label for _, found in shown for line in found))
    named: set[str] = set()
    for row, (panel, found) in enumerate(shown, 1):
        if baseline is not None:
            score, error = baseline.score, baseline.standard_error
            add_baseline(figure, panel.span, score, error, row=row, legend=row == 1)
        for line in found:
            _add_line(figure, line, place(labels.index(line.label)), row, line.label not in named)
            named.add(line.label)
        if panel.pruned:
            figure.add_trace(_pruned(panel, PRUNED not in named), row=row, col=1)
            named.add(PRUNED)
        if best in panel.entries:
            figure.add_trace(best_star(panel, best, best.score, row == 1, star), row=row, col=1)
    strength_axes(figure, [panel for panel, _ in shown])
    styled(figure, len(shown))
    figure.update_yaxes(title_text=f"{metric_name(metric)} ± s.e.", **scale.axis_layout)
    return figure


def _add_line(figure: go.Figure, line: Line, style: int, row: int, first: bool) -> None:
    colour = COLOURS[style]
    if len(line.at):
        add_band(figure, line.at, line.low, line.high, colour, group=line.label, row=row)
        figure.add_trace(
            go.Scatter(
                x=line.at.tolist(),
                y=line.mean.tolist(),
                mode="lines",
                line={"color": colour, "dash": DASHES[style]},
                legendgroup=line.label,
                showlegend=False,
                hoverinfo="skip",
            ),
            row=row,
            col=1,
        )
    figure.add_trace(
        go.Scatter(
            x=line.strengths.tolist(),
            y=line.scores.tolist(),
            error_y={"array": line.errors.tolist(), "thickness": 1, "width": 3},
            mode="markers",
            marker={"color": colour, "symbol": SYMBOLS[style], "size": 8},
            name=line.label or "trial ± s.e.",
            legendgroup=line.label,
            showlegend=first,
            customdata=list(line.numbers),
            hovertemplate="trial %{customdata}: %{y:.4g} at %{x:.3g}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def _pruned(panel: Panel, first: bool) -> go.Scatter:
    """The pruned trials of a panel, which no curve goes through: other steps, other scores."""
    told = [(entry.number, entry.step) for entry in panel.pruned]
    return go.Scatter(
        x=[float(entry.parameters[panel.path]) for entry in panel.pruned],
        y=[entry.score for entry in panel.pruned],
        mode="markers",
        marker={"color": GREY, "symbol": "circle-open", "size": 8},
        name=PRUNED,
        legendgroup=PRUNED,
        showlegend=first,
        customdata=told,
        hovertemplate="trial %{customdata[0]}, pruned at step %{customdata[1]}: "
        "%{y:.4g} at %{x:.3g}<extra></extra>",
    )


def describe_profile(shown: Sequence[Panel], baseline: Ranked | None, metric: str) -> str:
    """The best of each panel beside the baseline, in words."""
    parts = []
    for panel in shown:
        best = panel.entries[0]
        where = f"{panel.title}: " if panel.title else ""
        parts.append(
            f"{where}best {with_error(best.score, best.standard_error)} at "
            f"{panel.axis} = {digits(best.parameters[panel.path])} "
            f"({counted(len(panel.entries), 'trial')}"
            + f", {len(panel.pruned)} pruned" * bool(panel.pruned)
            + ")"
        )
    against = (
        ""
        if baseline is None
        else f" Baseline {with_error(baseline.score, baseline.standard_error)}."
    )
    named = f"{metric_name(metric)} ({direction(metric)})"
    return f"{named} against strength: {'; '.join(parts)}.{against}"


def profile_numbers(shown: Sequence[Panel], metric: str) -> Numbers:
    """Every point of every panel."""
    return Numbers(
        ("trial", "panel", "strength", "value", "p", metric_name(metric), "s.e."),
        tuple(
            (
                str(entry.number) + ", pruned" * (rank >= len(panel.entries)),
                panel.title or "–",
                panel.axis,
                digits(float(entry.parameters[panel.path])),
                digits(entry.order),
                digits(entry.score),
                digits(entry.standard_error),
            )
            for panel in shown
            for rank, entry in enumerate((*panel.entries, *panel.pruned))
        ),
    )
