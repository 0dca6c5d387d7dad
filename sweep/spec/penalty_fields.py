"""Which fields of the penalty section count, given its form and target."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from normsweep.spec.family import GAN, NETWORKS, networks_of
from normsweep.spec.fields import PenaltySection, counts, default, fields
from normsweep.spec.plugins.load import is_plugin
from normsweep.spec.ranges import Interval, each, highest, lowest, quoted
from normsweep.spec.tables import CONSTRAINTS, PENALTIES

if TYPE_CHECKING:
    from normsweep.objectives.constraints import Constraint
    from normsweep.objectives.penalties import Penalty
    from normsweep.spec.spec import Spec

COEFFICIENT_FIELDS = tuple(
    sorted(fields("penalty", lambda facts: facts.coefficient), key=lambda name: name == "order")
)
"""The numbers of a penalty, the order last."""
_OF_SCHEDULES = fields(
    "penalty", lambda facts: any(needed.control == "penalty.schedule" for needed in facts.counts)
)
_ACTING = tuple(name for name in fields("penalty", lambda facts: facts.kind) if name != "form")


def form_entry(form: str) -> "Penalty | Constraint":
    """The penalty or the constraint that a form names, a user's own included; not for "none"."""
    if is_plugin(form):
        from normsweep.spec.plugins import plugin_penalty

        return plugin_penalty(form)
    found: Penalty | Constraint = (CONSTRAINTS if form in CONSTRAINTS else PENALTIES)[form]
    return found


def coefficient_fields(
    form: str, networks: tuple[str, ...], separate: bool
) -> dict[str, tuple[str, ...]]:
    """For each field that counts, the penalised networks whose coefficient it is.

    `order` is shared by the networks; the others are too, unless `separate`.
    """
    if form == "none":
        return {}
    fields: dict[str, tuple[str, ...]] = {}
    for name in form_entry(form).coefficients:
        if name == "order" or not separate:
            fields[name] = networks
        else:
            fields |= {f"{network}_{name}": (network,) for network in networks}
    return fields


def field_value(penalty: PenaltySection, field: str) -> Any:
    """The value or range of a coefficient's field; one network's falls back on the shared one."""
    value = getattr(penalty, field)
    if value is None and "_" in field:
        return getattr(penalty, field.split("_", 1)[1])
    return value


def given_coefficients(penalty: PenaltySection) -> dict[str, Any]:
    """The coefficients that are set; in a config these are all that its form takes."""
    values = {name: getattr(penalty, name) for name in COEFFICIENT_FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def acting_fields(form: str) -> tuple[str, ...]:
    """The fields that say how a form acts, beside its coefficients."""
    return tuple(name for name in _ACTING if _counts(name, {"penalty.form": form}))


def schedule_fields(schedule: str) -> tuple[str, ...]:
    """The fields that count for a schedule of the strength."""
    return tuple(name for name in _OF_SCHEDULES if _counts(name, {"penalty.schedule": schedule}))


def averages(form: str, scope: str) -> bool:
    """Whether the reduction counts: with a penalty of each layer by itself."""
    return _counts("reduction", {"penalty.form": form, "penalty.scope": scope})


def _counts(field: str, chosen: Mapping[str, str]) -> bool:
    return counts(f"penalty.{field}", chosen.__getitem__)


def penalised(config: "Spec") -> tuple[str, ...]:
    """The networks that the penalty of a config acts on, if it has one."""
    return networks_of(config.penalty.target, config.model.family)


def fields_of(config: "Spec") -> dict[str, tuple[str, ...]]:
    """The `coefficient_fields` of a config."""
    penalty = config.penalty
    return coefficient_fields(penalty.form, penalised(config), penalty.separate_strengths)


def check(penalty: PenaltySection, family: str = GAN, *, own: bool = False) -> None:
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
            used |= _check_coefficients(penalty, form, networks_of(target, family))
        _check_coupling(penalty, form)
    _check_idle(penalty, used)
    _check_schedule(penalty)


def _check_coefficients(penalty: PenaltySection, form: str, networks: tuple[str, ...]) -> set[str]:
    used: set[str] = set()
    for field in coefficient_fields(form, networks, penalty.separate_strengths):
        value = field_value(penalty, field)
        if value is None:
            raise ValueError(f'form = "{form}" needs {_plain_name(field)}')
        used.add(field if getattr(penalty, field) is not None else _plain_name(field))
        if form == "norm" and field == "order" and lowest(value) < 1:
            raise ValueError(
                f'order must be ≥ 1 for form = "norm" (below it is no norm), got {lowest(value):g}'
            )
    return used


def _check_coupling(penalty: PenaltySection, form: str) -> None:
    if "proximal" not in each(penalty.coupling) or form == "none" or form in CONSTRAINTS:
        return
    entry = form_entry(form)
    if getattr(entry, "proximal", None) is None:
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


def _check_idle(penalty: PenaltySection, used: set[str]) -> None:
    forms = quoted(penalty.form)
    if idle := sorted(given_coefficients(penalty).keys() - used):
        hint = ""
        if idle[0].startswith(NETWORKS):
            hint = "; it counts with separate_strengths = true"
            if penalty.separate_strengths:
                hint = f" and target = {quoted(penalty.target)}"
        raise ValueError(f"{idle[0]} has no effect with form = {forms}{hint}")
    acting = {field for form in each(penalty.form) for field in acting_fields(form)}
    for field in sorted(_ACTING):
        if field not in acting and _is_set(penalty, field):
            raise ValueError(f"{field} has no effect with form = {forms}")
    pairs = ((form, scope) for form in each(penalty.form) for scope in each(penalty.scope))
    if _is_set(penalty, "reduction") and not any(averages(*pair) for pair in pairs):
        raise ValueError(
            f"reduction has no effect with form = {forms} and scope = {quoted(penalty.scope)}"
        )


def _check_schedule(penalty: PenaltySection) -> None:
    counting = {name for kind in each(penalty.schedule) for name in schedule_fields(kind)}
    for field in _OF_SCHEDULES:
        if field not in counting and _is_set(penalty, field):
            raise ValueError(f"{field} has no effect with schedule = {quoted(penalty.schedule)}")
    begin, finish = highest(penalty.schedule_begin), lowest(penalty.schedule_finish)
    if begin > finish:
        raise ValueError(
            f"schedule_begin must not be above schedule_finish, got {begin:g} and {finish:g}"
        )


def _is_set(penalty: PenaltySection, field: str) -> bool:
    return bool(getattr(penalty, field) != default(f"penalty.{field}"))


def _plain_name(field: str) -> str:
    return field.split("_", 1)[1] if "_" in field else field
