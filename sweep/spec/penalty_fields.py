"""Which fields of the penalty section count, given its form and target."""

import re
from typing import TYPE_CHECKING, Any

from normsweep.models.method import ADAPTIVE, SCHEDULES
from normsweep.objectives.constraints import CONSTRAINTS, Constraint
from normsweep.objectives.penalties import PENALTIES, Penalty
from normsweep.objectives.schedules import STRENGTH_SCHEDULES
from normsweep.spec.plugins import is_plugin, plugin_penalty
from normsweep.spec.ranges import Interval, each, highest, lowest, quoted

if TYPE_CHECKING:
    from normsweep.spec.sections import PenaltySection

NETWORKS = ("generator", "discriminator")

COEFFICIENT_FIELDS = (
    *(
        prefix + name
        for prefix in ("", "generator_", "discriminator_")
        for name in ("strength", "l1", "l2", "radius")
    ),
    "order",
)


def penalised_networks(target: str) -> tuple[str, ...]:
    """The networks that a target names."""
    return NETWORKS if target == "both" else (target,)


def form_entry(form: str) -> Penalty | Constraint:
    """The penalty or the constraint that a form names, a user's own included; not for "none"."""
    if is_plugin(form):
        return plugin_penalty(form)
    return CONSTRAINTS[form] if form in CONSTRAINTS else PENALTIES[form]


def coefficient_fields(form: str, target: str, separate: bool) -> dict[str, tuple[str, ...]]:
    """For each field that counts, the networks whose coefficient it is.

    `order` is shared by the networks; the others are too, unless `separate`.
    """
    if form == "none":
        return {}
    networks = penalised_networks(target)
    fields: dict[str, tuple[str, ...]] = {}
    for name in form_entry(form).coefficients:
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


def given_coefficients(penalty: "PenaltySection") -> dict[str, Any]:
    """The coefficients that are set; in a config these are all that its form takes."""
    values = {name: getattr(penalty, name) for name in COEFFICIENT_FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def acting_fields(form: str) -> tuple[str, ...]:
    """The fields that say how a form acts, beside its coefficients."""
    if form == "none":
        return ()
    return ("scope",) if form in CONSTRAINTS else ("scope", "coupling", "schedule")


def schedule_fields(schedule: str) -> tuple[str, ...]:
    """The fields that count for a schedule of the strength."""
    if schedule == ADAPTIVE:
        return ("adaptive_signal", "adaptive_target", "adaptive_speed")
    return tuple(f"schedule_{name}" for name in STRENGTH_SCHEDULES[schedule].settings)


def averages(form: str, scope: str) -> bool:
    """Whether the reduction counts: with a penalty of each layer by itself."""
    return scope == "layer" and form != "none" and form not in CONSTRAINTS


def check(penalty: "PenaltySection", *, own: bool = False) -> None:
    """Raises `ValueError` where a needed coefficient is missing or a given one has no effect.

    What a user's own form takes is in its file, which only `own` loads: a stored spec, or an
    exported one, is read without it.
    """
    try:
        re.compile(penalty.weights)
    except re.error as error:
        raise ValueError(
            f"weights = {penalty.weights!r} is not a regular expression: {error}"
        ) from error
    used: set[str] = set()
    for form in each(penalty.form):
        if is_plugin(form) and not own:
            used |= set(COEFFICIENT_FIELDS)
            continue
        for target in each(penalty.target):
            used |= _check_coefficients(penalty, form, target)
        _check_coupling(penalty, form)
    _check_idle(penalty, used)
    _check_schedule(penalty)


def _check_coefficients(penalty: "PenaltySection", form: str, target: str) -> set[str]:
    used: set[str] = set()
    for field in coefficient_fields(form, target, penalty.separate_strengths):
        value = field_value(penalty, field)
        if value is None:
            raise ValueError(f'form = "{form}" needs {_plain_name(field)}')
        used.add(field if getattr(penalty, field) is not None else _plain_name(field))
        if form == "norm" and field == "order" and lowest(value) < 1:
            raise ValueError(
                f'order must be ≥ 1 for form = "norm" (below it is no norm), got {lowest(value):g}'
            )
    return used


def _check_coupling(penalty: "PenaltySection", form: str) -> None:
    if "proximal" not in each(penalty.coupling) or form == "none" or form in CONSTRAINTS:
        return
    entry = form_entry(form)
    if not isinstance(entry, Penalty) or entry.proximal is None:
        able = ", ".join(name for name, known in PENALTIES.items() if known.proximal)
        raise ValueError(
            f'coupling = "proximal" has no closed form for form = "{form}"; accepted: {able}'
        )
    order = penalty.order
    if "order" not in entry.coefficients or (
        not isinstance(order, Interval) and set(each(order)) <= {1.0, 2.0}
    ):
        return
    found = (
        f"a range {order.low:g} … {order.high:g}"
        if isinstance(order, Interval)
        else ", ".join(f"{value:g}" for value in each(order))
    )
    raise ValueError(
        f'coupling = "proximal" has a closed form for form = "{form}" at order 1 and 2 only, '
        f"got order = {found}; accepted: 1, 2 or [1, 2]"
    )


def _check_idle(penalty: "PenaltySection", used: set[str]) -> None:
    forms = quoted(penalty.form)
    if idle := sorted(given_coefficients(penalty).keys() - used):
        hint = ""
        if idle[0].startswith(NETWORKS):
            hint = "; it counts with separate_strengths = true"
            if penalty.separate_strengths:
                hint = f" and target = {quoted(penalty.target)}"
        raise ValueError(f"{idle[0]} has no effect with form = {forms}{hint}")
    acting = {field for form in each(penalty.form) for field in acting_fields(form)}
    for field, default in (("coupling", "loss"), ("schedule", "constant"), ("scope", "network")):
        if field not in acting and getattr(penalty, field) != default:
            raise ValueError(f"{field} has no effect with form = {forms}")
    pairs = ((form, scope) for form in each(penalty.form) for scope in each(penalty.scope))
    if penalty.reduction != "sum" and not any(averages(*pair) for pair in pairs):
        raise ValueError(
            f"reduction has no effect with form = {forms} and scope = {quoted(penalty.scope)}"
        )


def _check_schedule(penalty: "PenaltySection") -> None:
    counting = {name for kind in each(penalty.schedule) for name in schedule_fields(kind)}
    for field in dict.fromkeys(name for kind in SCHEDULES for name in schedule_fields(kind)):
        default = type(penalty).model_fields[field].default
        if field not in counting and getattr(penalty, field) != default:
            raise ValueError(f"{field} has no effect with schedule = {quoted(penalty.schedule)}")
    begin, finish = highest(penalty.schedule_begin), lowest(penalty.schedule_finish)
    if begin > finish:
        raise ValueError(
            f"schedule_begin must not be above schedule_finish, got {begin:g} and {finish:g}"
        )


def _plain_name(field: str) -> str:
    return field.split("_", 1)[1] if "_" in field else field
