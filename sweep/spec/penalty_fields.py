"""Which fields of the penalty section count, given its form and target."""

import re
from typing import TYPE_CHECKING, Any

from objectives.penalties import PENALTIES
from sweep.spec.ranges import Choices, Interval, Range

if TYPE_CHECKING:
    from sweep.spec.spec import PenaltySection

NETWORKS = ("generator", "discriminator")


def options(value: Any) -> tuple[Any, ...]:
    """All values that a field without an interval can take."""
    return value.options if isinstance(value, Choices) else (value,)


def penalised_networks(target: str) -> tuple[str, ...]:
    """The networks that a target names."""
    return NETWORKS if target == "both" else (target,)


def coefficient_fields(form: str, target: str, separate: bool) -> dict[str, tuple[str, ...]]:
    """For each field that counts, the networks whose coefficient it is.

    `order` is shared by the networks; the strengths are too, unless `separate`.
    """
    if form == "none":
        return {}
    networks = penalised_networks(target)
    fields: dict[str, tuple[str, ...]] = {}
    for name in PENALTIES[form].coefficients:
        if name == "order" or not separate:
            fields[name] = networks
        else:
            fields |= {f"{network}_{name}": (network,) for network in networks}
    return fields


def field_value(penalty: "PenaltySection", field: str) -> Any:
    """The value or range of a coefficient's field; one network's falls back on the shared one."""
    value = getattr(penalty, field)
    if value is None and "_" in field:
        return getattr(penalty, field.split("_", 1)[1])
    return value


def check(penalty: "PenaltySection") -> None:
    """Raises `ValueError` where a needed coefficient is missing or a given one has no effect."""
    try:
        re.compile(penalty.weights)
    except re.error as error:
        raise ValueError(
            f"weights = {penalty.weights!r} is not a regular expression: {error}"
        ) from error
    used: set[str] = set()
    for form in options(penalty.form):
        for target in options(penalty.target):
            for field in coefficient_fields(form, target, penalty.separate_strengths):
                value = field_value(penalty, field)
                if value is None:
                    raise ValueError(f'form = "{form}" needs {_plain_name(field)}')
                used.add(field if getattr(penalty, field) is not None else _plain_name(field))
                if form == "norm" and field == "order" and _lowest(value) < 1:
                    raise ValueError(
                        f'order must be ≥ 1 for form = "norm" (below it is no norm), '
                        f"got {_lowest(value):g}"
                    )
    given = {name for name in COEFFICIENT_FIELDS if getattr(penalty, name) is not None}
    if idle := sorted(given - used):
        forms = ", ".join(f'"{form}"' for form in options(penalty.form))
        hint = ""
        if idle[0].startswith(NETWORKS):
            hint = "; it counts with separate_strengths = true"
            if penalty.separate_strengths:
                hint = " and target = " + ", ".join(f'"{name}"' for name in options(penalty.target))
        raise ValueError(f"{idle[0]} has no effect with form = {forms}{hint}")


COEFFICIENT_FIELDS = (
    "order",
    *(
        prefix + name
        for prefix in ("", "generator_", "discriminator_")
        for name in ("strength", "l1", "l2")
    ),
)


def _plain_name(field: str) -> str:
    return field.split("_", 1)[1] if "_" in field else field


def _lowest(value: float | Range) -> float:
    if isinstance(value, Interval):
        return value.low
    return min(float(option) for option in options(value))
