"""What was measured along the training, as curves: of the baseline and of the best few trials."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from normsweep.objectives.distances import SCORES, better, scored
from normsweep.objectives.distances.contract import HIGHER
from normsweep.report.figures.drawn import Drawn, Numbers, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import scale_of
from normsweep.report.figures.style import (
    BASELINE_DASH,
    COLOURS,
    DASHES,
    GREY,
    SYMBOLS,
    add_band,
    place,
    styled,
)
from normsweep.storage import Measurement
from normsweep.study.attributes import BASELINE
from normsweep.verdict.words import metric_name

_DASHES = tuple(dash for dash in DASHES if dash != BASELINE_DASH)


@dataclass(frozen=True)
class Curve:
    """One number of one trial against the training step.

    `mean` and `error`, its standard error, are over the `folds` that were measured at a step; the
    error is not a number where there was only one.
    """

    label: str
    steps: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    folds: np.ndarray


def curve(label: str, rows: Sequence[Measurement], name: str, *, signed: bool = False) -> Curve:
    """The curve of the metric `name`; rows without it, or where it is not finite, are left out.

    A metric of which 0 is best is taken by its magnitude, as in scores, unless `signed`.
    """
    by_step: dict[int, list[float]] = {}
    for row in rows:
        try:
            value = row.value(name)
        except KeyError:
            continue
        if np.isfinite(value):
            as_score = scored(name, value) if name in SCORES and not signed else value
            by_step.setdefault(row.step, []).append(as_score)
    steps = sorted(by_step)
    folds = [np.array(by_step[step]) for step in steps]
    return Curve(
        label=label,
        steps=np.array(steps, dtype=int),
        mean=np.array([values.mean() for values in folds]),
        error=np.array(
            [
                values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
                for values in folds
            ]
        ),
        folds=np.array([len(values) for values in folds], dtype=int),
    )


def leading_curves(picture: Picture, name: str, *, signed: bool = False) -> tuple[Curve, ...]:
    """The curves of the baseline and the best few, as far as there are any numbers."""
    found = (
        curve(label, picture.measurements.get(entry.number, ()), name, signed=signed)
        for label, entry in picture.leaders()
    )
    return tuple(each for each in found if len(each.steps))


def learning_curves(picture: Picture) -> Drawn | None:
    """Score against training step; None where nothing was measured."""
    metrics = picture.spec.score.objectives
    found = {metric_name(metric): leading_curves(picture, metric) for metric in metrics}
    shown = {name: curves for name, curves in found.items() if curves}
    if not shown:
        return None
    curves = [each for found in shown.values() for each in found]
    return Drawn(
        draw_curves(shown),
        describe_curves(shown, [metric_name(m) for m in metrics if better(m) == HIGHER]),
        curve_numbers(shown),
        *said_of_curves("Mean over folds", curves),
    )


def said_of_curves(what: str, curves: Iterable[Curve]) -> tuple[str, str]:
    """How curves were made, and their caption; of bands where any is drawn."""
    if not any(np.isfinite(each.error).any() for each in curves):
        return f"{what}.", f"{what}."
    return (
        f"{what}; the bands are one standard error over the folds on either side.",
        f"{what}; bands of one standard error.",
    )


def draw_curves(panels: Mapping[str, Sequence[Curve]], level: float | None = None) -> go.Figure:
    """Panels of curves by the names of their numbers; `level` is a line to compare with."""
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.15 / len(panels) if len(panels) > 1 else 0,
    )
    labels = dict.fromkeys(each.label for curves in panels.values() for each in curves)
    others = [label for label in labels if label != BASELINE]
    named: set[str] = set()
    for row, (name, curves) in enumerate(panels.items(), 1):
        for each in curves:
            _add_curve(figure, each, others, row, each.label not in named)
            named.add(each.label)
        scale = scale_of(np.concatenate([each.mean for each in curves]).tolist())
        figure.update_yaxes(title_text=name, **scale.axis_layout, row=row, col=1)
        if level is not None:
            figure.add_hline(level, line={"color": GREY, "width": 1, "dash": "dot"})
    styled(figure, len(panels))
    figure.update_xaxes(title_text="training step", row=len(panels), col=1)
    return figure


def _add_curve(
    figure: go.Figure, each: Curve, others: Sequence[str], row: int, first: bool
) -> None:
    colour, dash, symbol = GREY, BASELINE_DASH, "circle-open"
    if each.label in others:
        style = place(others.index(each.label))
        colour, dash, symbol = COLOURS[style], _DASHES[style % len(_DASHES)], SYMBOLS[style]
    known = np.isfinite(each.error)
    if known.any():
        at, mean, error = each.steps[known], each.mean[known], each.error[known]
        add_band(figure, at, mean - error, mean + error, colour, group=each.label, row=row)
    figure.add_trace(
        go.Scatter(
            x=each.steps.tolist(),
            y=each.mean.tolist(),
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 7},
            name=each.label,
            legendgroup=each.label,
            showlegend=first,
            hovertemplate="step %{x}: %{y:.4g}<extra>" + each.label + "</extra>",
        ),
        row=row,
        col=1,
    )


def describe_curves(panels: Mapping[str, Sequence[Curve]], higher: Collection[str] = ()) -> str:
    """First, lowest and last numbers of each curve, in words; highest of those in `higher`."""
    parts = []
    for name, curves in panels.items():
        word, place = ("highest", np.argmax) if name in higher else ("lowest", np.argmin)
        told = "; ".join(
            f"{each.label} {digits(each.mean[0])} at step {each.steps[0]}, {word} "
            f"{digits(each.mean[place(each.mean)])} at step {each.steps[place(each.mean)]}, "
            f"{digits(each.mean[-1])} at step {each.steps[-1]}"
            for each in curves
        )
        parts.append(f"{name[0].upper()}{name[1:]} against training step: {told}.")
    return " ".join(parts)


def curve_numbers(panels: Mapping[str, Sequence[Curve]]) -> Numbers:
    """Every point of every curve."""
    return Numbers(
        ("number", "of", "step", "mean", "s.e.", "folds"),
        tuple(
            (
                name,
                each.label,
                str(step),
                digits(mean),
                digits(error) if np.isfinite(error) else "–",
                str(folds),
            )
            for name, curves in panels.items()
            for each in curves
            for step, mean, error, folds in zip(
                each.steps, each.mean, each.error, each.folds, strict=True
            )
        ),
    )
