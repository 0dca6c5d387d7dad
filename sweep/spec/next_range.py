"""Where to look next: a range moved outward past an edge, or narrowed round what was best.

Everything happens on the range's own scale: in decades where it is logarithmic, else in its units.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from normsweep.spec.fields import most, rule_of
from normsweep.spec.ranges import LARGEST, Interval, each
from normsweep.spec.spec import Spec

EDGE = 0.02
"""The share of a range that counts as its edge."""
OUTWARD = 0.5
"""The share of its width by which a range grows past an edge: whole decades, at least one, on a
log scale, whole steps where it has steps."""
PAD = 0.1
"""The share of its width by which a narrowed range is wider on each side than what was best."""

LOWER, UPPER = "lower", "upper"


@dataclass(frozen=True)
class Limits:
    """What a field accepts; None: no limit. An open limit is not accepted itself."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False


def limits_of(spec: Spec, path: str) -> Limits:
    """The limits of a field `section.field`, as far as they follow from it and the form."""
    section, field = path.split(".")
    rule = rule_of(path)
    if rule is None:
        return Limits()
    low, high = rule.minimum, rule.maximum
    if path == "penalty.order" and "norm" in each(spec.penalty.form):
        return Limits(1.0, high)
    if section == "model" and (fewer := most(spec.model, field)) is not None:
        high = fewer
    if rule.kind is float and high is None:
        high = LARGEST
    return Limits(low, high, rule.exclusive_minimum, rule.exclusive_maximum)


def edge_of(searched: Interval, value: float) -> str | None:
    """The edge of a range at which a value lies, if at any."""
    low, high = _ends(searched)
    share = (_scale(searched, value) - low) / (high - low)
    return LOWER if share <= EDGE else UPPER if share >= 1 - EDGE else None


def outward(searched: Interval, side: str, limits: Limits) -> Interval | None:
    """The range grown past one edge by half of its width; None where the field ends there.

    It is clipped to what the field accepts, and half way to a limit that is not accepted itself.
    """
    low, high = _ends(searched)
    reach = OUTWARD * (high - low)
    if searched.log:
        reach = math.ceil(round(reach, 9))
    elif searched.step is not None or isinstance(searched.low, int):
        step = searched.step or 1
        reach = math.ceil(round(reach / step, 9)) * step
    if side == LOWER:
        new = _within_limit(searched, _value(searched, low - reach), limits.low, limits.open_low)
        return _changed(searched, new, searched.high) if new < searched.low else None
    new = _within_limit(searched, _value(searched, high + reach), limits.high, limits.open_high)
    return _changed(searched, searched.low, new) if new > searched.high else None


def narrowed(searched: Interval, best: Sequence[float], limits: Limits) -> Interval:
    """The span of the best values, the very best first, a tenth of the range's width wider.

    Never wider than the range but at the edge where the very best lies: there it grows outward.
    """
    low, high = _ends(searched)
    pad = PAD * (high - low)
    places = [_scale(searched, value) for value in best]
    first, last = max(low, min(places) - pad), min(high, max(places) + pad)
    found = _spanning(searched, first, last)
    side = edge_of(searched, best[0])
    grown = outward(searched, side, limits) if side is not None else None
    if grown is None:
        return found
    ends = (grown.low, found.high) if side == LOWER else (found.low, grown.high)
    return _changed(searched, *ends)


def _spanning(searched: Interval, first: float, last: float) -> Interval:
    """The range between two places of its scale, in numbers of four digits, on its own steps."""
    low, high = _ends(searched)
    if searched.step is not None or isinstance(searched.low, int):
        if searched.log:
            least = max(int(searched.low), math.floor(_value(searched, first)))
            most = min(int(searched.high), math.ceil(_value(searched, last)))
            return _changed(searched, least, most if most > least else least + 1)
        step = searched.step or 1
        begin = math.floor(round((first - low) / step, 9))
        finish = math.ceil(round((last - low) / step, 9))
        most = math.floor(round((high - low) / step, 9))
        if finish <= begin:
            begin, finish = (begin, begin + 1) if begin < most else (begin - 1, begin)
        finish = min(finish, most)
        return _changed(searched, _stepped(low, begin, step), _stepped(low, finish, step))
    start = searched.low if first <= low else float(f"{_value(searched, first):.4g}")
    end = searched.high if last >= high else float(f"{_value(searched, last):.4g}")
    return _changed(searched, start, end)


def _ends(searched: Interval) -> tuple[float, float]:
    return _scale(searched, searched.low), _scale(searched, searched.high)


def _scale(searched: Interval, value: float) -> float:
    return math.log10(value) if searched.log else float(value)


def _value(searched: Interval, place: float) -> float:
    # Twelve digits: three decades below 1e-6 are 1e-9, not the float beside it.
    return float(f"{10**place if searched.log else place:.12g}")


def _stepped(low: float, index: int, step: float) -> float:
    return float(Decimal(str(low)) + index * Decimal(str(step)))


def _within_limit(searched: Interval, new: float, limit: float | None, is_open: bool) -> float:
    """What of an end beyond a limit the field accepts."""
    old = searched.low if limit is None or new < searched.low else searched.high
    beyond = limit is not None and (new < limit if new < old else new > limit)
    reached = limit is not None and new == limit
    if limit is None or not (beyond or (reached and is_open)):
        return new
    if searched.step is not None or isinstance(searched.low, int):
        step = searched.step or 1
        room = math.floor(round(abs(old - limit) / step, 9))
        room -= int(is_open and _stepped(0, room, step) == abs(old - limit))
        return _stepped(old, room if limit > old else -room, step)
    return float(f"{(old + limit) / 2:.12g}") if is_open else limit


def _changed(searched: Interval, low: float, high: float) -> Interval:
    kind: Any = type(searched.low)
    return Interval(kind(low), kind(high), searched.log, searched.step)
