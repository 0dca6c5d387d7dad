"""Which settings told good trials from the others: PED-ANOVA, with its spread over resamples.

Watanabe, Bansal and Hutter 2023, arXiv:2304.10255, as Optuna computes it: how far the distribution
of a setting among the best trials is from that among all (Pearson divergence), as a share of the
sum over settings. A setting that only some trials have, such as a method's own, counts for those
(arXiv:2601.20800).
"""

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from normsweep.report.figures.drawn import Drawn, Numbers
from normsweep.report.figures.picture import Picture
from normsweep.report.figures.strengths import parameter_name
from normsweep.report.figures.style import COLOURS, GREY, styled
from normsweep.study.ranking import direction_of

FEWEST_TRIALS = 10
"""Fewer say nothing about which setting matters."""
RESAMPLES = 100
FEWEST_RESAMPLES = 20
MOST_DRAWN = 200_000
"""Trials in all resamples together; of studies with more than 2,000, fewer resamples are taken."""
MOST_SHOWN = 12
_FEWEST_BEST = 5
"""Optuna advises at least so many trials among the best."""


@dataclass(frozen=True)
class Importance:
    """The share of one setting, and its spread: a standard error over resamples of the trials."""

    path: str
    share: float
    error: float


class Resampled(optuna.Study):
    """A study of given trials, which no database holds: for evaluators, which read the trials."""

    def __init__(self, trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> None:
        """Gives each trial an identifier of its own: in a resample some are there twice."""
        self._given = [copy.copy(trial) for trial in trials]
        for identifier, trial in enumerate(self._given):
            trial._trial_id = identifier
        self._towards = list(directions)

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective."""
        return self._towards

    def get_trials(
        self, deepcopy: bool = True, states: object = None, **options: object
    ) -> list[FrozenTrial]:
        """The given trials."""
        return list(self._given)


def importances(
    trials: Sequence[FrozenTrial],
    directions: Sequence[StudyDirection],
    resamples: int | None = None,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """The settings of completed trials by their importance, the greatest first.

    With two objectives the best trials are those nearest to the Pareto front. The standard error is
    the deviation over bootstrap samples of the trials. Empty where there are fewer than
    `FEWEST_TRIALS` with finite values, and where no setting tells the best from the others.
    """
    finite = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE and np.isfinite(trial.values).all()
    ]
    if len(finite) < FEWEST_TRIALS:
        return ()
    whole = shares(finite, directions)
    if not whole:
        return ()
    random = np.random.default_rng(seed)
    drawn = [
        shares(
            [finite[index] for index in random.integers(len(finite), size=len(finite))],
            directions,
        )
        for _ in range(resamples or resamples_of(len(finite)))
    ]
    return tuple(
        Importance(path, share, float(np.std([found.get(path, 0.0) for found in drawn], ddof=1)))
        for path, share in whole.items()
    )


def shares(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> dict[str, float]:
    """The share of each setting, which sum to 1; empty where all are alike."""
    best = min(max(0.1, _FEWEST_BEST / len(trials)), 0.5)
    # The least that makes so many trials, in spite of the rounding of n · (k / n).
    best = math.nextafter(best, 0.0)
    # With it comes scikit-learn, which takes longer to import than all else of a launch.
    from optuna.importance import PedAnovaImportanceEvaluator

    evaluator = PedAnovaImportanceEvaluator(target_quantile=best)
    with warnings.catch_warnings():
        # Of few trials with a conditional setting, and of trials that are all alike.
        warnings.simplefilter("ignore")
        raw = evaluator.evaluate(Resampled(trials, directions))
    total = sum(raw.values())
    return {path: value / total for path, value in raw.items()} if total > 0 else {}


def resamples_of(trials: int) -> int:
    """How many resamples of so many trials are taken, unless told otherwise."""
    return max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_DRAWN // trials))


def importance(picture: Picture) -> Drawn | None:
    """The importance of every setting; None where there are too few trials, or one setting."""
    directions = [direction_of(metric) for metric in picture.spec.score.objectives]
    found = importances(picture.trials, directions)[:MOST_SHOWN]
    if len(found) < 2:
        return None
    both = " and ".join(picture.spec.score.objectives)
    of = f"of {len(picture.trials)} trials"
    return Drawn(
        draw_importance(found),
        f"Importance for reaching the best scores, {of}: "
        + ", ".join(
            f"{parameter_name(i.path)} {_percent(i.share)} ± {_percent(i.error)}" for i in found
        )
        + ".",
        Numbers(
            ("setting", "importance", "s.e."),
            tuple((parameter_name(i.path), _percent(i.share), _percent(i.error)) for i in found),
        ),
        f"PED-ANOVA by Optuna, for {both}: how far the values among the best trials are spread "
        f"otherwise than among all, as shares of the sum. The errors are the deviation over "
        f"{resamples_of(len(picture.trials))} bootstrap samples of the trials (seed 0). The "
        "baseline plays no part.",
        "What tells the best trials from all: shares of the sum, and one standard error.",
    )


def draw_importance(found: Sequence[Importance]) -> go.Figure:
    """A bar for each setting, the greatest on top."""
    names = ["<br>".join(map(escape, wrap(parameter_name(e.path), 18))) for e in found]
    figure = go.Figure(
        go.Bar(
            x=[100 * each.share for each in found],
            y=names,
            orientation="h",
            error_x={
                "array": [100 * min(each.error, 1 - each.share) for each in found],
                "arrayminus": [100 * min(each.error, each.share) for each in found],
                "symmetric": False,
                "color": GREY,
            },
            marker={"color": COLOURS[0]},
            hovertemplate="%{y}: %{x:.0f} %<extra></extra>",
        )
    )
    styled(figure)
    figure.update_layout(
        height=130 + 36 * len(found) + 14 * "".join(names).count("<br>"), showlegend=False
    )
    figure.update_xaxes(title_text="importance, % ± s.e.", range=[0, 101])
    figure.update_yaxes(autorange="reversed")
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
