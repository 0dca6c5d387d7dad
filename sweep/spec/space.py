"""A spec as an Optuna search space: what is asked for, and in which order."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from normsweep.errors import UserError
from normsweep.spec import fields
from normsweep.spec.family import NETWORKS, networks_of
from normsweep.spec.fields import FACTS, METHOD_SECTIONS, counts, default
from normsweep.spec.penalty_fields import (
    acting_fields,
    averages,
    coefficient_fields,
    schedule_fields,
)
from normsweep.spec.plugins.load import is_plugin
from normsweep.spec.ranges import Choices, Interval, Range
from normsweep.spec.spec import Spec

Ask = Callable[[str, BaseDistribution], Any]
"""Asks for the value of a path; Optuna's sampler, or a fixed answer."""

METHOD = "method"
NETWORK = "model.network"
"""The name under which a trial's method is asked for."""

_CONTROLS = (METHOD, *fields.CONTROLS)
"""What is asked for on which it depends what else is."""

_BESIDE = tuple(
    path
    for path in FACTS
    if path.split(".")[0] in METHOD_SECTIONS and not path.startswith("penalty.")
)
"""The fields beside the penalty's that a trial may be asked for."""


def distribution(searched: Range) -> BaseDistribution:
    """The Optuna distribution of a range; widths go in as text such as "128-128"."""
    if isinstance(searched, Choices):
        return CategoricalDistribution([_as_choice(option) for option in searched.options])
    high = searched.high
    if searched.step is not None:
        # Optuna would cut the range at its last step too, with a warning for every trial.
        steps = (Decimal(str(high)) - Decimal(str(searched.low))) // Decimal(str(searched.step))
        high = at_step(searched.low, int(steps), searched.step)
    if isinstance(searched.low, int):
        step = 1 if searched.step is None else int(searched.step)
        return IntDistribution(int(searched.low), int(high), log=searched.log, step=step)
    return FloatDistribution(searched.low, high, log=searched.log, step=searched.step)


def at_step(low: float, index: int, step: float) -> float:
    """low + index·step in decimal: 3 steps of 0.1 are 0.3, where floats would step beyond it."""
    return type(low)(Decimal(str(low)) + index * Decimal(str(step)))


def _as_choice(option: Any) -> Any:
    return "-".join(map(str, option)) if isinstance(option, tuple) else option


def resolve(spec: Spec, ask: Ask) -> tuple[Spec, str | None]:
    """The config that the answers of `ask` make of a spec, and the method it chose, if any.

    What other questions depend on is asked first; then what counts, and nothing else. A field that
    does not count is at its default.
    """
    method = ask(METHOD, CategoricalDistribution(list(spec.methods))) if spec.methods else None
    alternative = spec.alternative(method)
    return alternative.with_values(_answers(spec, alternative, method, ask)), method


def _answers(spec: Spec, alternative: Spec, method: str | None, ask: Ask) -> dict[str, Any]:
    """The values of all fields that have a range, and the defaults of those that do not count."""
    values: dict[str, Any] = {}
    value_of = _asking(spec, alternative, method, ask, values)
    for path in _asked_beside(alternative, values, value_of):
        value_of(path)
    return values | idle(alternative, values) | _penalty_answers(alternative, value_of)


def _asked_beside(
    alternative: Spec, values: dict[str, Any], value_of: Callable[..., Any]
) -> Iterator[str]:
    """The fields beside the penalty's that count, the controls first, as these are answered."""
    for path in fields.CONTROLS:
        if path in _BESIDE and _counts(path, values, alternative):
            yield path
    yield from (path for path in _BESIDE if _counts(path, values, alternative))
    if _is_own(values, alternative):
        yield from _own_coefficients(alternative)


def _asking(
    spec: Spec, alternative: Spec, method: str | None, ask: Ask, values: dict[str, Any]
) -> Callable[..., Any]:
    """What gives the value of a field, asked for once where it has a range."""
    own = {} if method is None else spec.methods[method]

    def value_of(path: str, source: str | None = None) -> Any:
        section, field = path.split(".")
        source = source or field
        value = alternative.value(f"{section}.{source}")
        if path not in values and isinstance(value, Interval | Choices):
            # A method's own ranges are its own parameters; those of the spec are shared.
            name = f"{method}.{path}" if source in own.get(section, {}) else path
            values[path] = ask(name, distribution(value))
        return values.get(path, value)

    return value_of


def parts(spec: Spec, method: str | None) -> tuple[Callable[[Ask], None], ...]:
    """The questions beside the penalty and those of it, neither of which depends on the other.

    So that their ways are counted apart, and not each of one with each of the other.
    """
    alternative = spec.alternative(method)

    def beside(ask: Ask) -> None:
        values: dict[str, Any] = {}
        value_of = _asking(spec, alternative, method, ask, values)
        for path in _asked_beside(alternative, values, value_of):
            value_of(path)

    def penalty(ask: Ask) -> None:
        _penalty_answers(alternative, _asking(spec, alternative, method, ask, {}))

    return beside, penalty


def idle(spec: Spec, values: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the fields outside the penalty that have no effect, given the answers."""
    found = {path: default(path) for path in _BESIDE if not _counts(path, values, spec)}
    return found if _is_own(values, spec) else found | dict.fromkeys(own_fields(spec))


def _is_own(values: dict[str, Any], spec: Spec) -> bool:
    return is_plugin(values.get(NETWORK, spec.value(NETWORK)))


def own_fields(spec: Spec) -> list[str]:
    """The fields of a spec that are of networks of the user's own."""
    return ["model.settings", *_own_coefficients(spec)]


def _own_coefficients(spec: Spec) -> list[str]:
    return [f"coefficients.{name}" for name, _ in spec.coefficients]


def _counts(path: str, values: dict[str, Any], spec: Spec) -> bool:
    return counts(path, lambda control: values.get(control, spec.value(control)))


def _penalty_answers(spec: Spec, value_of: Callable[..., Any]) -> dict[str, Any]:
    penalty = spec.penalty
    answers = no_penalty() | {"penalty.separate_strengths": penalty.separate_strengths}

    def take(field: str, source: str | None = None) -> Any:
        answers[f"penalty.{field}"] = value = value_of(f"penalty.{field}", source)
        return value

    form = take("form")
    if form == "none":
        return no_penalty()
    target = take("target")
    for field in acting_fields(form):
        take(field)
    if averages(form, answers["penalty.scope"]):
        take("reduction")
    for field in schedule_fields(answers["penalty.schedule"]):
        take(field)
    networks = networks_of(target, spec.model.family)
    for field in coefficient_fields(form, networks, penalty.separate_strengths):
        # One network's coefficient without a range of its own is asked in the shared one.
        take(field, field.split("_", 1)[-1] if getattr(penalty, field) is None else field)
    return answers


def no_penalty() -> dict[str, Any]:
    """The fields of the penalty section as they are without a penalty."""
    defaults = {
        path: default(path)
        for path, facts in FACTS.items()
        if path.startswith("penalty.") and (facts.counts or facts.coefficient)
    }
    return {"penalty.form": "none"} | defaults


def middle(asked: BaseDistribution) -> Any:
    """The middle of a range, geometric on a log scale, and the first of some choices."""
    if isinstance(asked, CategoricalDistribution):
        return asked.choices[0]
    assert isinstance(asked, FloatDistribution | IntDistribution)
    centre = (asked.low * asked.high) ** 0.5 if asked.log else (asked.low + asked.high) / 2
    if asked.step is not None and not asked.log:
        centre = at_step(asked.low, round((centre - asked.low) / asked.step), asked.step)
    return round(centre) if isinstance(asked, IntDistribution) else centre


Points = Callable[[str, BaseDistribution], Sequence[Any]]
"""The answers that a question gets, one after the other."""


def walk(spec: Spec, points: Points) -> Iterator[dict[str, Any]]:
    """Every way through the questions of a spec, as answers by the name of the question."""
    alternatives = {name: spec.alternative(name) for name in spec.methods or [None]}

    def questions(ask: Ask) -> None:
        method = ask(METHOD, CategoricalDistribution(list(spec.methods))) if spec.methods else None
        _answers(spec, alternatives[method], method, ask)

    for trail in ways(questions, points):
        yield {name: found[place] for name, found, place in trail}


def configs_at(spec: Spec, points: Points) -> Iterator[tuple[str | None, Spec]]:
    """The method and the config of every way through the questions of a spec."""
    for answers in walk(spec, points):

        def ask(name: str, _: BaseDistribution, answers: dict[str, Any] = answers) -> Any:
            return answers[name]

        config, method = resolve(spec, ask)
        yield method, config


Trail = list[tuple[str, Sequence[Any], int]]
"""A way through questions: their names, what answers each has, and the place of the one given."""


def ways(
    questions: Callable[[Ask], object],
    points: Points,
    varied: Callable[[str], bool] = lambda name: True,
) -> Iterator[Trail]:
    """Every way through some questions; the last that has another answer gets it next.

    Of those that are not `varied`, only the first answer is given.
    """
    prefix: list[int] | None = []
    while prefix is not None:
        trail: Trail = []

        def ask(
            name: str,
            asked: BaseDistribution,
            prefix: list[int] = prefix,
            trail: Trail = trail,
        ) -> Any:
            found = points(name, asked)
            place = prefix[len(trail)] if len(trail) < len(prefix) else 0
            trail.append((name, found, place))
            return found[place]

        questions(ask)
        yield trail
        counts = [(len(found) if varied(name) else 1, place) for name, found, place in trail]
        prefix = _next(counts)


def _next(trail: list[tuple[int, int]]) -> list[int] | None:
    """The places of the next way: the last question that has another answer gets it."""
    while trail:
        count, place = trail.pop()
        if place + 1 < count:
            return [*(place for _, place in trail), place + 1]
    return None


def _controls_only(name: str, asked: BaseDistribution) -> list[Any]:
    if isinstance(asked, CategoricalDistribution) and is_control(name):
        return list(asked.choices)
    return [middle(asked)]


def is_control(name: str) -> bool:
    return any(name == path or name.endswith(f".{path}") for path in _CONTROLS)


def unconditional_space(spec: Spec) -> dict[str, BaseDistribution]:
    """The distributions that every trial but the baseline asks for, whatever its other values."""
    found: dict[str, BaseDistribution] | None = None
    for method in spec.methods or [None]:
        always: dict[str, BaseDistribution] = {}
        for questions in parts(spec, method):
            shared: dict[str, BaseDistribution] | None = None
            for space in _spaces(questions):
                shared = (
                    space if shared is None else {k: v for k, v in shared.items() if k in space}
                )
            always |= shared or {}
        found = always if found is None else {k: v for k, v in found.items() if k in always}
    first = {METHOD: CategoricalDistribution(list(spec.methods))} if spec.methods else {}
    return first | (found or {})


def check_ranges(spec: Spec) -> None:
    """Raises `UserError` for a range that no trial would ever ask for, and for nothing to compare.

    Without any range the study is the baseline and one config, if that has a penalty.
    """
    asked = {
        name
        for method in spec.methods or [None]
        for questions in parts(spec, method)
        for space in _spaces(questions)
        for name in space
    }
    asked |= {METHOD} if spec.methods else set()
    for path in spec.ranges():
        if asked.isdisjoint(_names(path)):
            raise UserError(f"{path}: is searched, but has no effect on any trial")
    if not asked and spec.penalty.form == "none":
        raise UserError(
            "the spec searches nothing, and has no penalty to compare with the baseline: "
            'penalty.form = "none", no field has a range, and there are no methods; accepted: a '
            "penalty, a range such as {low = 1e-6, high = 1e-1, log = true}, or a list such as "
            "[1e-4] (one config alone is for `sweep score` and `sweep train`)"
        )


def may_ask(spec: Spec) -> set[str]:
    """All names under which a trial may be asked for anything; some may never be."""
    names = {name for path in spec.ranges() for name in _names(path)}
    return names | ({METHOD} if spec.methods else set())


def _names(path: str) -> set[str]:
    """The names under which a range may be asked for: a coefficient also network by network."""
    owner, field = path.removeprefix("methods.").rsplit(".", 1)
    prefixes = ("", *_PREFIXES) if owner.endswith("penalty") else ("",)
    return {f"{owner}.{prefix}{field}" for prefix in prefixes}


_PREFIXES = tuple(f"{network}_" for network in NETWORKS)


def _spaces(questions: Callable[[Ask], None]) -> Iterator[dict[str, BaseDistribution]]:
    space: dict[str, BaseDistribution] = {}

    def points(name: str, asked: BaseDistribution) -> list[Any]:
        space[name] = asked
        return _controls_only(name, asked)

    for trail in ways(questions, points):
        yield {name: space[name] for name, _, _ in trail}
