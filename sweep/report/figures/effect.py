"""The effect: per seed the pair of baseline and candidate, and their difference with its interval.

The estimation plot of Gardner and Altman 1986 (BMJ 292), with the differences below the pairs.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from normsweep.report.figures.drawn import Drawn, Numbers, counted, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import scale_of
from normsweep.report.figures.style import COLOURS, GREY, styled
from normsweep.verdict.strip import LAST, STOPPED, Pairs, pairs_of, strip
from normsweep.verdict.words import direction, metric_name

_COLOURS = {LAST: COLOURS[0], STOPPED: COLOURS[1]}
_SYMBOLS = {LAST: "circle", STOPPED: "square"}
_WIDTH = 0.55
"""Of a pair, where two pairs side by side are 1 apart."""


def effect(picture: Picture) -> Drawn | None:
    """Each candidate against its baseline; None where nothing is confirmed that can be compared."""
    if picture.confirmed is None or not (found := pairs_of(picture.confirmed)):
        return None
    metric = metric_name(picture.metric)
    return Drawn(
        draw_effect(found, metric, direction(picture.metric)),
        _describe(found, metric, direction(picture.metric)),
        _numbers(found, metric),
        "A line is a seed, its ends the means over folds of baseline and candidate. Below it the "
        "mean of the differences, and the interval by which the verdict is given, before it is "
        "adjusted for other candidates.",
        "Lines join baseline and candidate, a seed each. Below: mean and 95 % interval.",
        "\n".join(strip(picture.confirmed)),
    )


def draw_effect(found: Sequence[Pairs], metric: str, better: str) -> go.Figure:
    """The pairs above, the differences below, a place for each pair of baseline and candidate."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.55, 0.45], vertical_spacing=0.06
    )
    places = _places(found)
    named: set[str] = set()
    for at, pairs in zip(places, found, strict=True):
        _add_pairs(figure, pairs, at)
        _add_difference(figure, pairs, at, pairs.how not in named)
        named.add(pairs.how)
    figure.add_hline(0, line={"color": GREY, "width": 1.5, "dash": "dash"}, row=2, col=1)
    styled(figure)
    figure.update_layout(height=380, margin={"t": 10})
    every = np.concatenate([[*pairs.scores, *pairs.baseline_scores] for pairs in found])
    figure.update_yaxes(title_text=metric, **scale_of(every.tolist()).axis_layout, row=1, col=1)
    figure.update_yaxes(title_text="difference", row=2, col=1)
    centres: dict[str, list[float]] = {}
    for at, pairs in zip(places, found, strict=True):
        centres.setdefault(f"{pairs.entry.against} →<br>{pairs.entry.name}", []).append(at)
    figure.update_xaxes(range=[min(places) - 0.6, max(places) + 0.6], showgrid=False)
    figure.update_xaxes(
        tickvals=[float(np.mean(at)) for at in centres.values()],
        ticktext=list(centres),
        ticks="",
    )
    figure.update_xaxes(showline=False, showticklabels=False, row=1, col=1)
    figure.update_xaxes(title_text=better, row=2, col=1)
    return figure


def _places(found: Sequence[Pairs]) -> list[float]:
    """1 apart, and half as much again between candidates."""
    places: list[float] = []
    for index, pairs in enumerate(found):
        same = index and found[index - 1].entry is pairs.entry
        places.append((places[-1] + (1.0 if same else 1.5)) if places else 0.0)
    return places


def _add_pairs(figure: go.Figure, pairs: Pairs, at: float) -> None:
    colour = _COLOURS[pairs.how]
    ends = [at - _WIDTH / 2, at + _WIDTH / 2]
    sides = list(zip(pairs.baseline_scores, pairs.scores, strict=True))
    sides.append((pairs.baseline_scores.mean(), pairs.scores.mean()))
    for seed, (before, after) in enumerate(sides, 1):
        mean = seed == len(sides)
        figure.add_trace(
            go.Scatter(
                x=ends,
                y=[float(before), float(after)],
                mode="lines+markers",
                opacity=1 if mean else 0.6,
                line={"color": colour, "width": 4 if mean else 1.2},
                marker={
                    "symbol": [f"{_SYMBOLS[pairs.how]}-open", _SYMBOLS[pairs.how]],
                    "size": 10 if mean else 6,
                },
                legendgroup=pairs.how,
                showlegend=False,
                hovertemplate=("mean" if mean else f"seed {seed}") + ": %{y:.4g}<extra></extra>",
            ),
            row=1,
            col=1,
        )


def _add_difference(figure: go.Figure, pairs: Pairs, at: float, first: bool) -> None:
    colour, symbol = _COLOURS[pairs.how], _SYMBOLS[pairs.how]
    differences = pairs.scores - pairs.baseline_scores
    figure.add_trace(
        go.Scatter(
            x=[at - 0.12] * len(differences),
            y=differences.tolist(),
            mode="markers",
            marker={"symbol": symbol, "size": 6, "color": colour, "opacity": 0.6},
            legendgroup=pairs.how,
            showlegend=False,
            hovertemplate="%{y:+.4g}<extra></extra>",
        ),
        row=2,
        col=1,
    )
    bars = {}
    if pairs.effect is not None:
        estimate = pairs.effect.estimate
        bars = {
            "error_y": {
                "array": [estimate.high - estimate.mean],
                "arrayminus": [estimate.mean - estimate.low],
                "symmetric": False,
                "thickness": 2.5,
                "width": 6,
            }
        }
    figure.add_trace(
        go.Scatter(
            x=[at + 0.12],
            y=[float(differences.mean())],
            mode="markers",
            marker={"symbol": symbol, "size": 11, "color": colour},
            name=pairs.how,
            legendgroup=pairs.how,
            showlegend=first,
            hovertemplate="mean %{y:+.4g}<extra></extra>",
            **bars,
        ),
        row=2,
        col=1,
    )


def _describe(found: Sequence[Pairs], metric: str, better: str) -> str:
    told = []
    for pairs in found:
        text = f"{pairs.entry.name} {pairs.how} {digits(float(pairs.scores.mean()))}"
        text += f" against {digits(float(pairs.baseline_scores.mean()))}"
        if pairs.effect is not None:
            each = pairs.effect.estimate
            text += f", {each.mean:+.3g} ({each.low:+.3g} to {each.high:+.3g})"
        told.append(f"{text}, {counted(len(pairs.scores), 'seed')}")
    return f"{metric} ({better}) of candidate and baseline: {'; '.join(told)}."


def _numbers(found: Sequence[Pairs], metric: str) -> Numbers:
    return Numbers(
        ("candidate", "scored", "pair", f"baseline's {metric}", metric, "difference"),
        tuple(
            (pairs.entry.name, pairs.how, str(place), digits(b), digits(a), digits(a - b))
            for pairs in found
            for place, (b, a) in enumerate(
                zip(pairs.baseline_scores.tolist(), pairs.scores.tolist(), strict=True), 1
            )
        ),
    )
