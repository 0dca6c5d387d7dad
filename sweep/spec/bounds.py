"""Metrics that are measured beside the score, and the bounds that a trial must reach by them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationInfo

from normsweep.spec.ranges import STORED
from normsweep.spec.tables import DISTANCES, FIGURES, Names

if TYPE_CHECKING:
    from normsweep.spec.spec import Spec

_BOUND = re.compile(r"\s*(>=|<=)\s*(\S+)\s*")
_EXAMPLE = '{ recall = ">= 0.4", copying = "<= 0.1" }'


@dataclass(frozen=True)
class Requirement:
    """That a metric is at least a bound, or at most."""

    metric: str
    at_least: bool
    bound: float

    def violation(self, score: float) -> float:
        """By how much a score misses the bound, and as Optuna has constraints: met at 0 or below.

        Infinity for a score that is not finite.
        """
        found = self.bound - score if self.at_least else score - self.bound
        return found if math.isfinite(found) else math.inf

    def missed(self, violation: float) -> str:
        """In words, by what was missed."""
        if math.isinf(violation):
            required = f"{'>=' if self.at_least else '<='} {self.bound:g}"
            return f"{self.metric} was not measured, required {required}"
        score = self.bound - violation if self.at_least else self.bound + violation
        return (
            f"{self.metric} {score:.3g}, required {'>=' if self.at_least else '<='} {self.bound:g}"
        )


def requirements(spec: "Spec") -> tuple[Requirement, ...]:
    """Those of a spec, in its order."""
    return tuple(_read(metric, text) for metric, text in (spec.score.require or {}).items())


def metrics_asked(spec: "Spec") -> list[tuple[str, str]]:
    """The metrics by which trials are told apart, each with its field."""
    score = spec.score
    named = [("metric", score.metric), ("second", score.second)]
    named += [("require", metric) for metric in score.require or {}]
    return [(field, name) for field, name in named if name is not None]


def check_metrics(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    """The list of metrics of a spec; raises `ValueError` for another."""
    known = isinstance(value, list | tuple) and (
        info.context == STORED or all(name in DISTANCES for name in value)
    )
    if not known:
        accepted = ", ".join(DISTANCES)
        raise ValueError(f"got {value!r}; accepted: a list of names out of {accepted}")
    return tuple(value)


def check_require(value: Any, info: ValidationInfo) -> dict[str, str] | None:
    """The table of a spec; raises `ValueError` for another."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"got {value!r}; accepted: a table of bounds, such as {_EXAMPLE}")
    known = Names(DISTANCES, FIGURES)
    for metric, text in value.items():
        if info.context != STORED and metric not in known:
            raise ValueError(f'"{metric}" is no metric; accepted: {", ".join(known)}')
        _read(metric, text)
    return dict(value)


def _read(metric: str, text: Any) -> Requirement:
    found = _BOUND.fullmatch(text) if isinstance(text, str) else None
    try:
        bound = float(found[2]) if found else math.nan
    except ValueError:
        bound = math.nan
    if found is None or not math.isfinite(bound):
        raise ValueError(f'{metric}: got {text!r}; accepted: ">= NUMBER" or "<= NUMBER"')
    return Requirement(metric, found[1] == ">=", bound)
