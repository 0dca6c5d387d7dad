"""What metrics, settings and scores are called, wherever people read them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from normsweep.objectives.distances import SCORES
from normsweep.objectives.distances.contract import HIGHER, LOWER, ZERO
from normsweep.spec.fields import FACTS, KIND_FIELDS
from normsweep.verdict.answers import Answer, Ranked, short
from normsweep.verdict.statistics.estimate import Estimate

TEXTS = ("target", "settings")
"""The columns of a ranking that hold words and no numbers."""

Column = tuple[str, Callable[[Ranked], Any]]


def metric_name(metric: str) -> str:
    """What a metric is called in tables."""
    return {"fid": "FID-proxy", "kid": "KID"}.get(metric, metric.replace("_", " "))


def direction(metric: str) -> str:
    """Which scores of a metric are good ones."""
    return {
        LOWER: "lower is better",
        HIGHER: "higher is better",
        ZERO: "by its magnitude, 0 is best",
    }[SCORES[metric].better]


def columns(found: Answer) -> list[Column]:
    """What a ranking shows of each trial: of methods, whatever each of them searched, in one."""
    if found.spec.methods:
        return [("settings", lambda entry: settings(entry) or None)]
    shown: list[Column] = []
    if any(entry.target != "none" for entry in found.ranking):
        shown.append(("target", lambda entry: entry.penalty().get("target")))
    fields = dict.fromkeys(key for entry in found.ranking for key in entry.penalty())
    for field in fields:
        if field not in ("form", "target"):
            title = FACTS[f"penalty.{field}"].symbol or field
            shown.append((title, partial(_coefficient, field=field)))
    penalised = {f"penalty.{field}" for field in fields}
    for path in found.spec.ranges():
        if path not in penalised:
            shown.append((short(path), partial(_setting, path=path)))
    return shown


def settings(entry: Ranked) -> str:
    """What the search chose for a trial, without what names its kind."""
    chosen = {k: v for k, v in entry.parameters.items() if k not in KIND_FIELDS}
    return ", ".join(f"{short(path)} = {number(value)}" for path, value in chosen.items())


def described(entry: Ranked) -> str:
    """A trial of the search by its number, kind and settings."""
    inner = ", ".join(filter(None, (entry.kind, settings(entry))))
    return f"trial {entry.number} ({inner})"


def interval(estimate: Estimate) -> str:
    """The bounds of an estimate with their level."""
    return f"{100 * estimate.level:.0f} % interval {estimate.low:+.3g} to {estimate.high:+.3g}"


def p_value(p: float) -> str:
    """A p-value, no longer than it is worth."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def score(entry: Ranked) -> str:
    """A trial's score with its standard error over the folds."""
    return f"{entry.score:.3f} ± {entry.standard_error:.3f}"


def number(value: Any) -> str:
    """A setting as tables show it, in three digits; a dash where there is none."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return "–" if value is None else str(value)


def _coefficient(entry: Ranked, field: str) -> Any:
    return entry.penalty().get(field)


def _setting(entry: Ranked, path: str) -> Any:
    return entry.config.value(path)
