"""The history of a search: the score of every trial in its turn, and the best so far.

Optuna's dashboard has one too, on a linear axis, where one bad trial hides the others.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from normsweep.objectives.distances import cost
from normsweep.report.figures.drawn import Drawn, Numbers, counted, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import scale_of
from normsweep.report.figures.style import COLOURS, SYMBOLS, add_baseline, styled
from normsweep.verdict.answers import Ranked
from normsweep.verdict.words import direction, metric_name


def history(picture: Picture) -> Drawn | None:
    """Score against trial number; None with fewer than two finite scores."""
    ranking = picture.answer.ranking
    found = sorted((e for e in ranking if np.isfinite(e.score)), key=lambda entry: entry.number)
    if len(found) < 2:
        return None
    metric = picture.metric
    best = min(found, key=lambda entry: cost(metric, entry.score))
    name = metric_name(metric)
    return Drawn(
        draw_history(found, picture.answer.baseline, metric),
        f"{name} ({direction(metric)}) of {counted(len(found), 'trial')} in turn: first "
        f"{digits(found[0].score)}, last {digits(found[-1].score)}, best {digits(best.score)} in "
        f"trial {best.number}.",
        Numbers(
            ("trial", name, "s.e."),
            tuple((str(e.number), digits(e.score), digits(e.standard_error)) for e in found),
        ),
        "Completed trials of the search; pruned and failed ones have no score.",
        "Each trial's score in its turn; the line is the best so far.",
    )


def draw_history(found: Sequence[Ranked], baseline: Ranked | None, metric: str) -> go.Figure:
    """A mark for each trial, and the best so far as a line."""
    figure = go.Figure().set_subplots(1, 1)
    numbers = [entry.number for entry in found]
    scores = np.array([entry.score for entry in found])
    shown = scores.tolist()
    if baseline is not None and np.isfinite(baseline.score):
        shown.append(baseline.score)
        ends = (float(numbers[0]), float(numbers[-1]))
        add_baseline(figure, ends, baseline.score, baseline.standard_error)
    figure.add_trace(
        go.Scatter(
            x=numbers,
            y=scores.tolist(),
            mode="markers",
            marker={"color": COLOURS[0], "symbol": SYMBOLS[0], "size": 8},
            name="trial",
            hovertemplate="trial %{x}: %{y:.4g}<extra></extra>",
        )
    )
    costs = np.array([cost(metric, float(score)) for score in scores])
    best = np.minimum.accumulate(costs) * (-1.0 if cost(metric, 1.0) < 0 else 1.0)
    figure.add_trace(
        go.Scatter(
            x=numbers,
            y=best.tolist(),
            mode="lines",
            line={"color": COLOURS[1], "shape": "hv", "width": 2},
            name="best so far",
            hovertemplate="best up to trial %{x}: %{y:.4g}<extra></extra>",
        )
    )
    styled(figure)
    figure.update_xaxes(title_text="trial")
    figure.update_yaxes(title_text=metric_name(metric), **scale_of(shown).axis_layout)
    return figure
