"""A scalar of a spec: a value, or the range in which a study searches for it."""

import contextlib
import math
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import core_schema

from normsweep.spec.tables import Names

STORED = "stored"
"""The context in which a spec is read that was checked before it was stored: kinds, bounds and
ranges are looked at, names and what must fit together are not."""

Value = bool | int | float | str | tuple[int, ...]

WIDEST = 65536
"""The most units in a layer: a width far beyond it is a slip of the keyboard."""

LARGEST, SMALLEST = float(2**128 - 2**104), 2.0**-126
"""The largest number of float32, and the smallest above 0 that it has in full precision: devices
take those below for 0."""

INTERVAL_KEYS = ("low", "high", "log", "step")
_NOUNS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True)
class Interval:
    """All values from `low` to `high`, both included: on a log scale, or in steps, if asked."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choices:
    """One of a few values, without an order."""

    options: tuple[Value, ...]


Range = Interval | Choices


def each(value: Any) -> tuple[Any, ...]:
    """All values that a field without an interval can take."""
    return value.options if isinstance(value, Choices) else (value,)


def lowest(value: float | Range) -> float:
    """The lowest number that a field can take."""
    return value.low if isinstance(value, Interval) else min(map(float, each(value)))


def highest(value: float | Range) -> float:
    """The highest number that a field can take."""
    return value.high if isinstance(value, Interval) else max(map(float, each(value)))


def quoted(value: Any) -> str:
    """The texts that a field can take, as a message shows them."""
    return ", ".join(f'"{option}"' for option in each(value))


@dataclass(frozen=True)
class Rule:
    """What a scalar may be, as the metadata of an annotated field.

    `parse` takes what TOML gives and returns a value or a range. `names` are looked up when a name
    is checked, and not before. `words` are texts that stand for a value of another kind.
    """

    kind: type
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    names: Collection[str] | None = None
    searchable: bool = True
    optional: bool = False
    words: Collection[str] = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """What `Annotated[…, Rule(…)]` means to pydantic."""
        del source, handler
        return core_schema.with_info_plain_validator_function(
            self._validated, serialization=core_schema.plain_serializer_function_ser_schema(plain)
        )

    def _validated(self, raw: Any, info: ValidationInfo) -> Value | Range | None:
        return (self._of_any_name if info.context == STORED else self).parse(raw)

    @cached_property
    def _of_any_name(self) -> Self:
        return replace(self, names=None)

    def parse(self, raw: Any) -> Value | Range | None:
        """Raises `ValueError` that says what was found and what is accepted."""
        if raw is None and self.optional:
            return None
        if isinstance(raw, Interval | Choices):
            return raw
        if isinstance(raw, dict):
            return self._interval(raw)
        if isinstance(raw, list | tuple) and not self._is_one_value(raw):
            return self._choices(raw)
        return self._value(raw)

    def describe(self) -> str:
        """What is accepted, in words."""
        if self.names is not None:
            own = isinstance(self.names, Names) and self.names.plugin
            return "one of " + ", ".join(self.names) + (", or path/to/file.py:name" if own else "")
        if self.kind is tuple:
            return 'a list of positive whole numbers, such as [128, 128], or "128-128"'
        bounds = []
        if self.minimum is not None:
            bounds.append(f"{'>' if self.exclusive_minimum else '≥'} {self.minimum:.15g}")
        if self.maximum is not None:
            bounds.append(f"{'<' if self.exclusive_maximum else '≤'} {self.maximum:.15g}")
        words = "".join(f' or "{word}"' for word in self.words)
        return " ".join([_NOUNS[self.kind], " and ".join(bounds)]).strip() + words

    def _is_one_value(self, raw: list[Any] | tuple[Any, ...]) -> bool:
        return self.kind is tuple and not any(isinstance(item, list | tuple | str) for item in raw)

    def _value(self, raw: Any) -> Value:
        value: Any = raw
        if isinstance(raw, str) and raw in self.words:
            return raw
        if self.kind is tuple:
            value = _widths(raw)
        elif self.kind is float and isinstance(raw, int) and not isinstance(raw, bool):
            value = _as_float(raw)
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            raise ValueError(f"got {_show(raw)}; accepted: {self._accepted()}")
        if self.names is not None and value not in self.names:
            raise ValueError(f"got {_show(raw)}; accepted: {self._accepted()}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"got {value}; accepted: {self._accepted()}")
        if isinstance(value, int | float) and not self._within(value):
            raise ValueError(f"got {value}; accepted: {self._accepted()}")
        if isinstance(value, float) and self.searchable:
            self._check_float32(value)
        return cast(Value, value)

    def _within(self, value: float) -> bool:
        low, high = self.minimum, self.maximum
        if low is not None and (value < low or (self.exclusive_minimum and value == low)):
            return False
        return not (
            high is not None and (value > high or (self.exclusive_maximum and value == high))
        )

    def _check_float32(self, value: float) -> None:
        """What trains is float32: a number that this has not would be another one there."""
        if value and not SMALLEST <= abs(value) <= LARGEST:
            raise ValueError(
                f"got {value}, which float32 has no number for; accepted: {self._accepted()}, each "
                f"{'0 or ' if self._within(0.0) else ''}of {SMALLEST:.3g} to {LARGEST:.3g}"
            )
        (nearest,) = struct.unpack("f", struct.pack("f", value))
        if not self._within(nearest):
            raise ValueError(
                f"got {value}, which is {nearest:g} in float32; accepted: {self._accepted()}"
            )

    def _accepted(self) -> str:
        if not self.searchable:
            return self.describe()
        ranges = "or a list of choices"
        if self.kind in (int, float):
            ranges = "or a range {low, high, log, step}, " + ranges
        return f"{self.describe()}, {ranges}"

    def _refuse_range(self) -> None:
        if not self.searchable:
            raise ValueError(f"takes one value and no range; accepted: {self.describe()}")

    def _choices(self, raw: list[Any] | tuple[Any, ...]) -> Choices:
        self._refuse_range()
        if not raw:
            raise ValueError("the list of choices is empty")
        alone = replace(self, words=())
        options = tuple(alone._value(option) for option in raw)
        if len(set(options)) < len(options):
            raise ValueError(f"a choice stands twice in {_show(raw)}")
        return Choices(options)

    def _interval(self, raw: dict[str, Any]) -> Interval:
        self._refuse_range()
        if self.kind not in (int, float):
            raise ValueError(f"has no low and high; accepted: {self._accepted()}")
        if unknown := set(raw) - set(INTERVAL_KEYS):
            raise ValueError(
                f"unknown key {_show(sorted(unknown)[0])} in the range; "
                f"accepted: {', '.join(INTERVAL_KEYS)}"
            )
        if missing := [key for key in ("low", "high") if key not in raw]:
            raise ValueError(f"the range has no {' and no '.join(missing)}")
        alone = replace(self, words=())
        low: Any = alone._value(raw["low"])
        high: Any = alone._value(raw["high"])
        log, step = raw.get("log", False), raw.get("step")
        if not isinstance(log, bool):
            raise ValueError(f"log = {_show(log)}; accepted: true or false")
        if low >= high:
            raise ValueError(f"low must be below high, got low = {low}, high = {high}")
        if log and low <= 0:
            raise ValueError(f"a log range needs low > 0, got low = {low}")
        if step is not None:
            if log:
                raise ValueError("a range has log = true or a step, not both")
            # Not `step <= 0`, which lets NaN pass.
            if isinstance(step, bool) or not isinstance(step, self.kind | int) or not step > 0:
                raise ValueError(f"step = {_show(step)}; accepted: {_NOUNS[self.kind]} above 0")
            if step > high - low:
                raise ValueError(f"step = {step} is wider than the range {low} … {high}")
        return Interval(low, high, log, None if step is None else self.kind(step))


@dataclass(frozen=True)
class PixelRange(Rule):
    """Two numbers, the first below the second, as one value; or none."""

    def parse(self, raw: Any) -> Any:
        if raw is None:
            return None
        with contextlib.suppress(TypeError, ValueError):
            low, high = (cast(float, self._value(number)) for number in raw)
            if isinstance(raw, list | tuple) and low < high:
                return (low, high)
        raise ValueError(f"got {_show(raw)}; accepted: {self.describe()}")

    def describe(self) -> str:
        return "[low, high], two numbers, the first below the second"


@dataclass(frozen=True)
class Amount(Rule):
    """A number above 0, or a text of such a number of the baseline's spread between seeds."""

    def parse(self, raw: Any) -> Any:
        with contextlib.suppress(ValueError):
            if isinstance(raw, str) and raw.endswith(_SPREADS):
                number = super().parse(float(raw.removesuffix(_SPREADS)))
                return f"{number:g}{_SPREADS}"
        return super().parse(raw)

    def describe(self) -> str:
        return f'{super().describe()}, or "0.5{_SPREADS}", standard deviations of the baseline'


_SPREADS = " sd"


def in_spreads(amount: str) -> float:
    """How many standard deviations an `Amount` is that is a text."""
    return float(amount.removesuffix(_SPREADS))


def _as_float(whole: int) -> float:
    try:
        return float(whole)
    except OverflowError:
        return math.inf if whole > 0 else -math.inf


def _widths(raw: Any) -> tuple[int, ...] | Any:
    if isinstance(raw, str):
        parts = raw.split("-") if raw else []
        raw = [int(part) if part.isdecimal() else part for part in parts]
    if not isinstance(raw, list | tuple):
        return raw
    whole = all(isinstance(width, int) and not isinstance(width, bool) for width in raw)
    if not whole or any(not 1 <= width <= WIDEST for width in raw):
        raise ValueError(f"got {_show(raw)}; accepted: a list of whole numbers ≥ 1 and ≤ {WIDEST}")
    return tuple(raw)


def _show(raw: Any) -> str:
    return f'"{raw}"' if isinstance(raw, str) else str(raw)


def plain(value: Value | Range | None) -> Any:
    """A value or range as TOML, JSON and YAML write it."""
    if isinstance(value, Choices):
        return [plain(option) for option in value.options]
    if isinstance(value, Interval):
        table: dict[str, Any] = {"low": value.low, "high": value.high}
        if value.log:
            table["log"] = True
        if value.step is not None:
            table["step"] = value.step
        return table
    return list(value) if isinstance(value, tuple) else value
