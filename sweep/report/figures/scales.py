"""The effect against the scale: what a study's configs do with more training, width or images."""

from collections.abc import Iterator

import plotly.graph_objects as go

from normsweep.report.figures.drawn import Drawn, Numbers, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.style import COLOURS, GREY, SYMBOLS, styled
from normsweep.verdict.reading import Confirmation, Confirmed
from normsweep.verdict.words import direction, metric_name, settings

AS_SEARCHED = "as searched"
Shown = tuple[str, str, Confirmed]
"""A scale, a config, and what was confirmed of the one at the other."""


def scales(picture: Picture) -> Drawn | None:
    """Each config's effect at each scale; None where no other scale is confirmed."""
    found = list(_shown(picture))
    if len({scale for scale, _, _ in found}) < 2:
        return None
    metric = metric_name(picture.metric)
    return Drawn(
        draw_scales(found, direction(picture.metric)),
        _describe(found, metric),
        _numbers(found, metric),
        "At each scale the baseline and the configs that the search found were trained again with "
        "the fields that are named set, all on new seeds; a bar is the interval by which the "
        "verdict there is given, before it is adjusted for other configs.",
        "Difference from the baseline at that scale: mean and 95 % interval.",
    )


def draw_scales(found: list[Shown], better: str) -> go.Figure:
    """A place for each scale, and in it a mark for each config."""
    figure = go.Figure()
    names = list(dict.fromkeys(scale for scale, _, _ in found))
    configs = list(dict.fromkeys(config for _, config, _ in found))
    for index, config in enumerate(configs):
        colour = COLOURS[index % len(COLOURS)]
        own = [(scale, entry.effect) for scale, named, entry in found if named == config]
        there = [(scale, effect.estimate) for scale, effect in own if effect is not None]
        shift = 0.5 * ((index + 0.5) / len(configs) - 0.5)
        figure.add_trace(
            go.Scatter(
                x=[names.index(scale) + shift for scale, _ in there],
                y=[estimate.mean for _, estimate in there],
                mode="markers",
                marker={"size": 10, "color": colour, "symbol": SYMBOLS[index % len(SYMBOLS)]},
                error_y={
                    "array": [estimate.high - estimate.mean for _, estimate in there],
                    "arrayminus": [estimate.mean - estimate.low for _, estimate in there],
                    "symmetric": False,
                    "thickness": 2,
                    "width": 5,
                },
                name=config,
                hovertemplate="%{y:+.4g}<extra>" + config + "</extra>",
            )
        )
    figure.add_hline(0, line={"color": GREY, "width": 1.5, "dash": "dash"})
    styled(figure)
    figure.update_layout(height=340, margin={"t": 10}, showlegend=True)
    figure.update_yaxes(title_text="difference")
    labels = [name.replace(", ", "<br>") for name in names]
    figure.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=labels,
        range=[-0.6, len(names) - 0.4],
        title_text=better,
        showgrid=False,
    )
    return figure


def _shown(picture: Picture) -> Iterator[Shown]:
    yield from _of(AS_SEARCHED, picture.confirmed)
    for scale in picture.scales:
        yield from _of(scale.setting, scale.confirmed)


def _of(scale: str, confirmed: Confirmation | None) -> Iterator[Shown]:
    for entry in () if confirmed is None else confirmed.candidates:
        if entry.effect is not None:
            yield scale, settings(entry.trial) or entry.trial.kind, entry


def _describe(found: list[Shown], metric: str) -> str:
    told = []
    for scale, config, entry in found:
        assert entry.effect is not None
        each = entry.effect.estimate
        told.append(f"{scale}, {config}: {each.mean:+.3g} ({each.low:+.3g} to {each.high:+.3g})")
    return f"Effect on {metric} by scale: {'; '.join(told)}."


def _numbers(found: list[Shown], metric: str) -> Numbers:
    rows = []
    for scale, config, entry in found:
        assert entry.effect is not None
        bounds = entry.effect.estimate
        sides = digits(entry.baseline_score), digits(entry.score)
        rows.append((scale, config, *sides, *map(digits, (bounds.mean, bounds.low, bounds.high))))
    return Numbers(
        ("scale", "config", f"baseline's {metric}", metric, "difference", "low", "high"),
        tuple(rows),
    )
