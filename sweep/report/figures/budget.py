"""Score against budget: how good the best of n trials can be expected to be.

The n trials are drawn without replacement out of those completed, as if they had come in another
order: Lucic et al. 2018, arXiv:1711.10337, sec. 5.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from normsweep.objectives.distances import cost
from normsweep.report.figures.drawn import Drawn, Numbers, counted, digits
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.scale import log_axis, scale_of
from normsweep.report.figures.style import COLOURS, DASHES, add_band, add_baseline, styled
from normsweep.verdict.words import direction, metric_name

RESAMPLES = 1000
QUANTILES = (0.1, 0.5, 0.9)
MOST_BUDGETS = 120
"""Of more budgets those are drawn that lie evenly on a logarithmic axis."""
_AT_A_TIME = 2_000_000
"""Scores in memory at a time, in resampling."""


@dataclass(frozen=True)
class Budget:
    """The best score of n trials over the resamplings, for each n of `trials`.

    `mean` is the expected best, `middle` the median, `worse` and `better` the ends of the range
    that holds 80 % of the resamplings.
    """

    trials: np.ndarray
    mean: np.ndarray
    middle: np.ndarray
    worse: np.ndarray
    better: np.ndarray


def best_of(
    scores: Sequence[float], metric: str, resamples: int = RESAMPLES, seed: int = 0
) -> Budget:
    """The best of n trials for n from 1 to all of them, as scores of `metric`.

    `scores` are [trials]; one that is not finite is worse than all others. Where none of n trials
    has a finite score in some resampling, their mean is not finite either.
    """
    costs = np.array([cost(metric, score) for score in scores], dtype=float)
    sign = -1.0 if cost(metric, 1.0) < 0 else 1.0
    trials = budgets(len(costs))
    random = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    share = max(1, _AT_A_TIME // max(1, len(costs)))
    for start in range(0, resamples, share):
        count = min(share, resamples - start)
        orders = random.permuted(np.tile(costs, (count, 1)), axis=1)
        rows.append(np.minimum.accumulate(orders, axis=1)[:, trials - 1])
    best = np.concatenate(rows) if rows else np.empty((0, 0))
    # Between infinity and infinity there is nothing to interpolate.
    low, middle, high = np.quantile(best, QUANTILES, axis=0, method="inverted_cdf")
    return Budget(trials, sign * best.mean(axis=0), sign * middle, sign * high, sign * low)


def budgets(count: int) -> np.ndarray:
    """The numbers of trials that are looked at: all up to `count`, or some of them if many."""
    if count <= MOST_BUDGETS:
        return np.arange(1, count + 1)
    return np.unique(np.geomspace(1, count, MOST_BUDGETS).round().astype(int))


def budget(picture: Picture) -> Drawn | None:
    """The expected best score against the number of trials; None with fewer than two scores."""
    in_order = sorted(picture.answer.ranking, key=lambda entry: entry.number)
    scores = [entry.score for entry in in_order]
    finite = [score for score in scores if np.isfinite(score)]
    if len(finite) < 2:
        return None
    found = best_of(scores, picture.metric)
    baseline = picture.answer.baseline
    level = None
    if baseline is not None and np.isfinite(baseline.score):
        level = (baseline.score, baseline.standard_error)
    return Drawn(
        draw_budget(found, scores, picture.metric, level),
        _describe(found, picture.metric, level),
        _numbers(found, picture.metric),
        f"The best of n trials, drawn without replacement out of the {len(scores)} completed ones: "
        f"median and 80 % range of {RESAMPLES:,} resamplings (seed 0; Lucic et al., "
        "arXiv:1711.10337). A sampler that learns does better than its trials in another order.",
        "The best of n trials in any order, and in the order in which the study ran.",
    )


def draw_budget(
    found: Budget, scores: Sequence[float], metric: str, baseline: tuple[float, float] | None
) -> go.Figure:
    """Median and band against n, beside what the study found in its own order."""
    figure = go.Figure().set_subplots(1, 1)
    known = np.isfinite(found.worse)
    at = found.trials[known]
    levels = [] if baseline is None else [baseline[0]]
    shown = [found.middle[known], found.worse[known], found.better[known], levels]
    scale = scale_of(np.concatenate(shown).tolist())
    if baseline is not None:
        add_baseline(figure, (1, len(scores)), *baseline)
    add_band(figure, at, found.better[known], found.worse[known], COLOURS[0], group="median")
    figure.add_trace(
        go.Scatter(
            x=at.tolist(),
            y=found.middle[known].tolist(),
            mode="lines",
            line={"color": COLOURS[0], "dash": DASHES[0], "width": 2.5},
            name="any order: median, 10–90 %",
            legendgroup="median",
            hovertemplate="best of %{x}: %{y:.4g}<extra></extra>",
        )
    )
    own = _running_best(scores, metric)
    figure.add_trace(
        go.Scatter(
            x=list(range(1, len(own) + 1)),
            y=[score if np.isfinite(score) else None for score in own.tolist()],
            mode="lines",
            line={"color": COLOURS[1], "dash": DASHES[2], "shape": "hv", "width": 2},
            name="as the study ran",
            hovertemplate="after %{x} trials: %{y:.4g}<extra></extra>",
        )
    )
    styled(figure)
    across = log_axis(1, len(scores)) if len(scores) > 60 else {"type": "linear"}
    figure.update_xaxes(title_text="completed trials", **across)
    figure.update_yaxes(title_text=f"best {metric_name(metric)}", **scale.axis_layout)
    return figure


def _running_best(scores: Sequence[float], metric: str) -> np.ndarray:
    costs = np.array([cost(metric, score) for score in scores], dtype=float)
    return np.minimum.accumulate(costs) * (-1.0 if cost(metric, 1.0) < 0 else 1.0)


def _describe(found: Budget, metric: str, baseline: tuple[float, float] | None) -> str:
    told = [index for index in _told(len(found.trials)) if np.isfinite(found.worse[index])]
    parts = [
        f"{counted(found.trials[index], 'trial')} {digits(found.middle[index])} "
        f"({digits(found.better[index])} to {digits(found.worse[index])})"
        for index in told
    ]
    against = "" if baseline is None else f" The baseline has {digits(baseline[0])}."
    return (
        f"Best {metric_name(metric)} ({direction(metric)}) to expect of so many trials, median "
        f"and 80 % range: {', '.join(parts)}.{against}"
    )


def _numbers(found: Budget, metric: str) -> Numbers:
    name = metric_name(metric)
    return Numbers(
        (
            "trials",
            f"expected best {name}",
            "median",
            "10 % are better than",
            "10 % are worse than",
        ),
        tuple(
            (
                str(found.trials[i]),
                *(
                    digits(float(of[i]))
                    for of in (found.mean, found.middle, found.better, found.worse)
                ),
            )
            for i in range(len(found.trials))
        ),
    )


def _told(count: int) -> list[int]:
    """Places of the budgets that a sentence tells: the first, the middle and the last."""
    return sorted({0, count // 2, count - 1})
