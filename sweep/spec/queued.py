"""Values that other code has fixed for a trial, before they are trained: whether the spec has them.

Optuna takes any value for a trial that waits, and warns at most.
"""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from normsweep.errors import UserError
from normsweep.spec.space import may_ask
from normsweep.spec.spec import Spec

_SHOWN = 80
"""Characters of a value that a message shows."""


def check_queued(spec: Spec, queued: Any) -> None:
    """Raises `UserError` unless `queued` are values by the names of what the spec searches."""
    if not isinstance(queued, Mapping):
        raise UserError(f"fixed parameters {_show(queued)}: accepted: values by their names")
    names = may_ask(spec)
    for name, value in queued.items():
        if name not in names:
            raise UserError(
                f"{name} = {_show(value)}: is not searched; accepted: {', '.join(sorted(names))}"
            )


def check_value(name: str, value: Any, asked: BaseDistribution) -> None:
    """Raises `UserError` with what is accepted unless `asked` holds a value."""
    if not _holds(asked, value):
        raise UserError(f"{name} = {_show(value)}: accepted: {_accepted(asked)}")


def _holds(asked: BaseDistribution, value: Any) -> bool:
    if isinstance(asked, CategoricalDistribution):
        # To Python, and so to Optuna, True is 1.
        flag = isinstance(value, bool)
        return any(isinstance(c, bool) == flag and c == value for c in asked.choices)
    assert isinstance(asked, FloatDistribution | IntDistribution)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # The bounds first: a whole number may be too large for a float. Nothing compares with NaN.
    return number and asked.low <= value <= asked.high and asked._contains(float(value))


def _accepted(asked: BaseDistribution) -> str:
    if isinstance(asked, CategoricalDistribution):
        return ", ".join(map(_show, asked.choices))
    assert isinstance(asked, FloatDistribution | IntDistribution)
    noun = "whole numbers" if isinstance(asked, IntDistribution) else "numbers"
    steps = f" in steps of {asked.step:g}" if asked.step not in (None, 1) else ""
    return f"{noun} from {asked.low:.15g} to {asked.high:.15g}{steps}"


def _show(value: Any) -> str:
    try:
        shown = f'"{value}"' if isinstance(value, str) else str(value)
    except ValueError:
        # Python writes out no whole number of more than a few thousand digits.
        return "a whole number of thousands of digits"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
