"""Ranges that a spec leaves to the study, `"auto"`: which they are, and what they become.

They follow from how strong a term has to be to pull as hard as the losses, see `models/balance.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from normsweep.errors import UserError
from normsweep.spec.fields import FACTS, METHOD_SECTIONS, rule_of
from normsweep.spec.ranges import LARGEST, SMALLEST, Choices, Interval, plain
from normsweep.spec.spec import Spec, path_in

AUTO = "auto"
OF_A_STRENGTH = 1e-3, 10.0
"""How hard a term pulls at the ends of its range, next to the losses."""
OF_A_GRADIENT_PENALTY = 1e-2, 100.0
"""The same of a term that flattens a slope: of the baseline, which has none, that is steep."""
OF_A_RADIUS = 0.05, 1.0
"""Which shares of the size of the baseline's weights the ends of a radius are."""

_FIELDS = tuple(
    path
    for path in FACTS
    if path.split(".")[0] in METHOD_SECTIONS and (rule := rule_of(path)) and AUTO in rule.words
)
_ANY = Interval(1e-6, 1.0, log=True)
"""In place of a range that is not known yet: what depends on the fields that have one is known."""


@dataclass(frozen=True)
class Balance:
    """At which strength a `term` is in balance with the losses of a network, or how large it is."""

    term: str
    network: str
    at: float


@dataclass(frozen=True)
class AutoRange:
    """The range of a field that was "auto", and what it follows from.

    Each balance is the geometric mean over so many folds and the ends of chunks up to `steps`.
    """

    low: float
    high: float
    steps: int
    folds: int
    balances: tuple[Balance, ...]

    @property
    def interval(self) -> Interval:
        """As a spec has it."""
        return Interval(self.low, self.high, log=True)


def auto_fields(spec: Spec) -> tuple[str, ...]:
    """The paths of what is "auto": `penalty.strength`, or `methods.NAME.penalty.strength`."""
    found = [path for path in _FIELDS if spec.value(path) == AUTO]
    for name, tables in spec.methods.items():
        found += [f"methods.{name}.{path}" for path in _FIELDS if _given(tables, path) == AUTO]
    return tuple(found)


def _given(tables: Mapping[str, Mapping[str, Any]], path: str) -> Any:
    section, field = path.split(".")
    return tables.get(section, {}).get(field)


def owner(spec: Spec, method: str | None, path: str) -> str:
    """The path in a spec of the field that a method has: the method's own, or the spec's."""
    own = method is not None and _given(spec.methods[method], path) is not None
    return path_in(path, method if own else None)


def with_ranges(spec: Spec, ranges: Mapping[str, AutoRange]) -> Spec:
    """The spec with these in place of "auto", where it has that."""
    known = [path for path in auto_fields(spec) if path in ranges]
    # Plainly, as a file has them: a method's are kept as they are given.
    found = {path: plain(ranges[path].interval) for path in known}
    return spec.with_values(found) if found else spec


def provisional(spec: Spec) -> Spec:
    """The spec with some range in place of each "auto", for what does not depend on which.

    Raises `UserError` where the study cannot have any: a grid has no steps there.
    """
    found = auto_fields(spec)
    if found and spec.study.sampler == "grid":
        raise UserError(
            f'{found[0]} = "{AUTO}" is a range without steps, which study.sampler = "grid" does '
            "not take; accepted: a list of choices, or another sampler"
        )
    return spec.with_values(dict.fromkeys(found, _ANY)) if found else spec


def with_auto(spec: Spec) -> Spec:
    """The spec with "auto" in place of each range that could be it, to be measured."""
    found = {path: AUTO for path in _FIELDS if isinstance(spec.value(path), Interval | Choices)}
    for name, tables in spec.methods.items():
        alternative = spec.alternative(name)
        found |= {
            f"methods.{name}.{path}": AUTO
            for path in _FIELDS
            if _given(tables, path) is not None
            and isinstance(alternative.value(path), Interval | Choices)
        }
    # A grid takes none.
    return spec.with_values(found | {"study.sampler": "tpe"}) if found else spec


def range_of(path: str, balances: Sequence[Balance], steps: int, folds: int) -> AutoRange:
    """The range of a field: the hull of those of all balances, its ends rounded outward.

    Raises `UserError` where there is none: no term has a slope.
    """
    usable = [each for each in balances if math.isfinite(each.at) and each.at > 0]
    if not usable:
        raise UserError(
            f'{path} = "{AUTO}": the baseline tells no range: the slope of the term or of the '
            "losses is 0 or not finite in all that it acts on; accepted: a range, "
            "{ low, high, log = true }"
        )
    found = [each.at for each in usable]
    lower, upper = OF_A_STRENGTH
    if path.endswith("radius"):
        lower, upper = OF_A_RADIUS
    elif path.endswith("gradient_penalty.strength"):
        lower, upper = OF_A_GRADIENT_PENALTY
    low = _rounded(lower * min(found), ROUND_FLOOR)
    high = _rounded(upper * max(found), ROUND_CEILING)
    # A field's own limits are those of float32: none of them has another upper one.
    low, high = max(low, _ABOVE_SMALLEST), min(high, _BELOW_LARGEST)
    return AutoRange(low, high, steps, folds, tuple(usable))


_ABOVE_SMALLEST, _BELOW_LARGEST = 1.2e-38, 3.4e38
assert SMALLEST < _ABOVE_SMALLEST and _BELOW_LARGEST < LARGEST


def _rounded(value: float, way: str) -> float:
    """To two digits: another machine that rounds otherwise has the same range, mostly."""
    exact = Decimal(value)
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), rounding=way))


def plain_ranges(ranges: Mapping[str, AutoRange]) -> dict[str, Any]:
    """Ranges as JSON has them."""
    return {
        path: {
            "low": found.low,
            "high": found.high,
            "steps": found.steps,
            "folds": found.folds,
            "balances": [dict(vars(each)) for each in found.balances],
        }
        for path, found in ranges.items()
    }


def ranges_of_plain(stored: Mapping[str, Any]) -> dict[str, AutoRange]:
    """The ranges that `plain_ranges` made JSON of."""
    return {
        path: AutoRange(**(found | {"balances": tuple(Balance(**b) for b in found["balances"])}))
        for path, found in stored.items()
    }


def told(path: str, found: AutoRange) -> Iterator[str]:
    """A range in words: a line of what it is, and one for each balance."""
    what = "as large as the weights" if path.endswith("radius") else "as hard as the losses"
    yield (
        f"{path}: {found.low:g} … {found.high:g}, from {found.steps} steps of the baseline on "
        f"{found.folds} folds; {what} at"
    )
    for each in found.balances:
        yield f"  {each.at:.3g} ({each.term}, on the {each.network})"
