"""A spec as an Optuna search space: what is asked for, in which order, and the whole grid."""

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweep.errors import UserError
from sweep.spec.penalty_fields import (
    COEFFICIENT_FIELDS,
    coefficient_fields,
    field_value,
    options,
)
from sweep.spec.ranges import Choices, Interval, Range
from sweep.spec.spec import Spec

Ask = Callable[[str, BaseDistribution], Any]
"""Asks for the value of a path; Optuna's sampler, or a fixed answer."""


def distribution(searched: Range) -> BaseDistribution:
    """The Optuna distribution of a range; widths go in as text such as "128-128"."""
    if isinstance(searched, Choices):
        return CategoricalDistribution([_as_choice(option) for option in searched.options])
    high = searched.high
    if searched.step is not None:
        # Optuna would cut the range at its last step too, with a warning for every trial.
        steps = (Decimal(str(high)) - Decimal(str(searched.low))) // Decimal(str(searched.step))
        high = _at_step(searched.low, int(steps), searched.step)
    if isinstance(searched.low, int):
        step = 1 if searched.step is None else int(searched.step)
        return IntDistribution(int(searched.low), int(high), log=searched.log, step=step)
    return FloatDistribution(searched.low, high, log=searched.log, step=searched.step)


def _at_step(low: float, index: int, step: float) -> float:
    """low + index·step in decimal: 3 steps of 0.1 are 0.3, where floats would step beyond it."""
    return type(low)(Decimal(str(low)) + index * Decimal(str(step)))


def _as_choice(option: Any) -> Any:
    return "-".join(map(str, option)) if isinstance(option, tuple) else option


def resolve(spec: Spec, ask: Ask, *, baseline: bool = False) -> Spec:
    """The config that the answers of `ask` make of a spec.

    Form and target are asked first; then the coefficients that count for them, and everything
    else that is searched. A coefficient that does not count is unset. For a baseline nothing of
    the penalty is asked, and its form is "none".
    """
    ranges = spec.ranges()
    values: dict[str, Any] = {}
    for path, searched in ranges.items():
        if not path.startswith("penalty."):
            values[path] = ask(path, distribution(searched))
    if baseline:
        return without_penalty(spec.with_values(values))
    form = spec.penalty.form
    if isinstance(form, Choices):
        form = ask("penalty.form", distribution(form))
    if form == "none":
        return without_penalty(spec.with_values(values))
    target = spec.penalty.target
    if isinstance(target, Choices):
        target = ask("penalty.target", distribution(target))
    values |= {"penalty.form": form, "penalty.target": target}
    counting = coefficient_fields(form, target, spec.penalty.separate_strengths)
    values |= {f"penalty.{field}": None for field in COEFFICIENT_FIELDS}
    for field in counting:
        value = field_value(spec.penalty, field)
        path = f"penalty.{field}"
        if isinstance(value, Interval | Choices):
            value = ask(path, distribution(value))
        values[path] = value
    return spec.with_values(values)


def without_penalty(spec: Spec) -> Spec:
    """The same spec or config with no penalty: its baseline."""
    unset = {f"penalty.{field}": None for field in COEFFICIENT_FIELDS}
    fixed = {"penalty.form": "none", "penalty.target": "both", "penalty.separate_strengths": False}
    return spec.with_values(unset | fixed)


def middle(asked: BaseDistribution) -> Any:
    """The middle of a range, geometric on a log scale, and the first of some choices.

    It is what a baseline uses for a searched setting that is not the penalty's.
    """
    if isinstance(asked, CategoricalDistribution):
        return asked.choices[0]
    assert isinstance(asked, FloatDistribution | IntDistribution)
    centre = (asked.low * asked.high) ** 0.5 if asked.log else (asked.low + asked.high) / 2
    if asked.step is not None and not asked.log:
        centre = _at_step(asked.low, round((centre - asked.low) / asked.step), asked.step)
    return round(centre) if isinstance(asked, IntDistribution) else centre


def unconditional_space(spec: Spec) -> dict[str, BaseDistribution]:
    """The distributions that every trial but the baseline asks for, whatever its other values."""
    shared: dict[str, BaseDistribution] | None = None
    for _, space in _branches(spec):
        shared = space if shared is None else {k: v for k, v in shared.items() if k in space}
    return shared or {}


def grid(spec: Spec) -> list[dict[str, Any]]:
    """Every point of a spec whose ranges are choices or have steps.

    Raises `UserError` that names the first range without a step.
    """
    points: list[dict[str, Any]] = []
    for held, space in _branches(spec):
        axes = [[held[p]] if p in held else _points(p, asked) for p, asked in space.items()]
        points += [dict(zip(space, values, strict=True)) for values in itertools.product(*axes)]
    return points


def _points(path: str, asked: BaseDistribution) -> list[Any]:
    if isinstance(asked, CategoricalDistribution):
        return list(asked.choices)
    assert isinstance(asked, FloatDistribution | IntDistribution)
    if asked.step is None or asked.log:
        raise UserError(
            f"{path}: a grid needs a list of choices, or a range with a step; "
            f"got low = {asked.low:g}, high = {asked.high:g} and no step"
        )
    count = round((asked.high - asked.low) / asked.step) + 1
    return [_at_step(asked.low, index, asked.step) for index in range(count)]


def _branches(spec: Spec) -> Iterator[tuple[dict[str, Any], dict[str, BaseDistribution]]]:
    """What is asked for each combination of form and target, with the two held to it."""
    for form in options(spec.penalty.form):
        for target in options(spec.penalty.target) if form != "none" else [None]:
            combination = {"penalty.form": form, "penalty.target": target}
            space: dict[str, BaseDistribution] = {}

            def ask(
                path: str,
                asked: BaseDistribution,
                space: dict[str, BaseDistribution] = space,
                combination: dict[str, Any] = combination,
            ) -> Any:
                space[path] = asked
                return combination[path] if path in combination else middle(asked)

            resolve(spec, ask)
            yield {path: combination[path] for path in combination if path in space}, space
