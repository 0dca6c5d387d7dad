"""Which trials of a study belong on one axis of strength."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from normsweep.report.figures.scale import log_axis
from normsweep.report.figures.style import COLOURS
from normsweep.spec.family import NETWORKS
from normsweep.spec.penalty_fields import COEFFICIENT_FIELDS
from normsweep.verdict.answers import Ranked, short

ORDER = "penalty.order"
MOST_PANELS = 12
"""Panels beyond these are left out, those with the worst best scores first."""
_STRENGTHS = re.compile(
    r"penalty\.({})|gradient_penalty\.strength|augment\.strength|.*_dropout|train\.weight_decay"
    r"|train\.label_smoothing".format("|".join(f for f in COEFFICIENT_FIELDS if f != "order"))
)
_NETWORK = re.compile(rf"penalty\.({'|'.join(NETWORKS)})_(\w+)")


@dataclass(frozen=True)
class Panel:
    """Trials whose strengths mean the same: of one kind, on one target, of one coefficient.

    `title` holds what tells it from the other panels, and is empty for a single one. `entries` are
    best first; `pruned` were pruned, and have the score of their last chunk. `span` is the least
    and greatest strength in all panels of the coefficient, which share an axis.
    """

    path: str
    title: str
    entries: tuple[Ranked, ...]
    span: tuple[float, float]
    pruned: tuple[Ranked, ...] = ()

    @property
    def axis(self) -> str:
        """What the strength is called."""
        return strength_name(self.path)

    @property
    def strengths(self) -> np.ndarray:
        """The strength of each entry, [entries] float64."""
        return np.array([entry.parameters[self.path] for entry in self.entries], dtype=float)

    @property
    def logarithmic(self) -> bool:
        """Whether the strengths are shown on a logarithmic axis."""
        least, greatest = self.span
        return least > 0 and (least == greatest or greatest >= 8 * least)

    @property
    def axis_layout(self) -> dict[str, object]:
        """Plotly's settings of the axis of strength: whole decades, where it spans several."""
        if not self.logarithmic:
            return {"title_text": self.axis, "type": "linear"}
        return {"title_text": self.axis, **log_axis(*self.span, few=30.0)}

    @property
    def orders(self) -> np.ndarray:
        """The order p of each entry, NaN where its penalty has none, [entries] float64."""
        found = [entry.parameters.get(ORDER, entry.order) for entry in self.entries]
        return np.array([np.nan if order is None else order for order in found], dtype=float)


def strength_axes(figure: go.Figure, shown: Sequence[Panel]) -> None:
    """Gives each row of a figure the axis of its panel; panels of one coefficient share theirs."""
    first: dict[str, int] = {}
    for row, panel in enumerate(shown, 1):
        same = first.setdefault(panel.path, row)
        shared = {} if same == row else {"matches": "x" if same == 1 else f"x{same}"}
        figure.update_xaxes(**panel.axis_layout, **shared, row=row, col=1)


def best_star(
    panel: Panel, best: Ranked, height: float, legend: bool, name: str = "best"
) -> go.Scatter:
    """The mark of the best trial, at its strength in a panel; `name` says of which."""
    return go.Scatter(
        x=[float(best.parameters[panel.path])],
        y=[height],
        mode="markers",
        marker={"symbol": "star-open", "size": 20, "color": COLOURS[4], "line": {"width": 2}},
        name=name,
        legendgroup="best",
        showlegend=legend,
        hovertemplate=f"{name}, trial {best.number}: {best.score:.4g}<extra></extra>",
    )


def strength_name(path: str) -> str:
    """What a strength is called on an axis."""
    named = {
        "penalty.strength": "strength λ",
        "penalty.radius": "radius",
        "gradient_penalty.strength": "weight of the gradient penalty",
        "augment.strength": "strength of the augmentation",
    }
    if path in named:
        return named[path]
    if own := _NETWORK.fullmatch(path):
        return f"{named.get(f'penalty.{own[2]}', own[2])} of the {own[1]}"
    return short(path).replace("_", " ")


def parameter_name(path: str) -> str:
    """What a searched parameter is called, with its method in front where it is a method's own."""
    method, own = ("", path) if path.count(".") < 2 else path.split(".", 1)
    name = {"penalty.strength": "λ", ORDER: "p"}.get(own)
    if name is None:
        name = strength_name(own) if _STRENGTHS.fullmatch(own) else _words(own)
    return f"{method}: {name}" if method else name


def _words(path: str) -> str:
    return short(path).replace("_", " ") if "." in path else path


def panels(ranking: Sequence[Ranked], pruned: Sequence[Ranked] = ()) -> tuple[Panel, ...]:
    """The panels of a ranking, which is best first; that of the best trial comes first.

    Trials whose score is not a finite number are left out, and so are strengths of 0 beside others
    above, which a logarithmic axis has no place for. `pruned` trials have no panel of their own.
    """
    groups, beside = _grouped(ranking), _grouped(pruned)
    kept = list(groups.items())[:MOST_PANELS]
    kinds = {kind for (_, kind, _), _ in kept}
    targets = {target for (_, _, target), _ in kept if target}
    at: dict[str, list[float]] = {}
    for key, entries in kept:
        path, _, _ = key
        shown = [*entries, *beside.get(key, ())]
        at.setdefault(path, []).extend(float(entry.parameters[path]) for entry in shown)
    return tuple(
        Panel(
            path,
            ", ".join(
                ([kind] if len(kinds) > 1 else []) + ([on] if len(targets) > 1 and on else [])
            ),
            tuple(entries),
            (min(at[path]), max(at[path])),
            tuple(beside.get((path, kind, on), ())),
        )
        for (path, kind, on), entries in kept
    )


def _grouped(entries: Sequence[Ranked]) -> dict[tuple[str, str, str], list[Ranked]]:
    """Trials by coefficient, kind and target."""
    groups: dict[tuple[str, str, str], list[Ranked]] = {}
    for entry in entries:
        if not np.isfinite(entry.score):
            continue
        target = str(entry.penalty().get("target", ""))
        for path in entry.parameters:
            if _STRENGTHS.fullmatch(path) and entry.parameters[path] > 0:
                on = target if path.startswith("penalty.") else ""
                groups.setdefault((path, entry.kind, on), []).append(entry)
    return groups
