"""A study's findings in words and short numbers, for terminal, report and notes alike."""

from typing import Any

from sweep.statistics.corrected import Estimate
from sweep.study.answers import KIND_FIELDS, Ranked, short


def metric_name(metric: str) -> str:
    """What a metric is called in tables."""
    return {"fid": "FID-proxy", "kid": "KID"}.get(metric, metric.replace("_", " "))


def number(value: Any) -> str:
    """A setting or a measured value, as short as tables need."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return "–" if value is None else str(value)


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
