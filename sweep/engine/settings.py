"""A config as the engine wants it: the static program, and the traced hyperparameters."""

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)

from normsweep.errors import UserError
from normsweep.models.architecture import Architecture
from normsweep.models.families import FAMILIES
from normsweep.models.families.contract import Family
from normsweep.models.families.own import own_family
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.layers.normalisation import of_classes
from normsweep.models.method import (
    Method,
    NetworkPenalty,
    check_reached,
    network_penalty,
    penalty_entry,
)
from normsweep.models.networks import NETWORKS as KINDS
from normsweep.models.optimizers import LearningRateSchedule
from normsweep.models.program import Program, hyperparameters
from normsweep.objectives.augmentation import parse_policy
from normsweep.objectives.constraints import Constraint, constraint_per_layer
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.penalties import PENALTIES, per_layer
from normsweep.spec.baseline import baseline
from normsweep.spec.fields import fields, paths
from normsweep.spec.penalty_fields import field_value, fields_of, form_entry
from normsweep.spec.plugins import is_plugin, plugin_model
from normsweep.spec.space import METHOD, configs_at, middle
from normsweep.spec.spec import Spec

_TRACED_OF_MODEL = fields("model", lambda facts: facts.traced)
_MOMENTUM, _WEIGHT_DECAY = 0.9, 1e-4
"""Where the spec does not say; the decay is Optax's."""

_SHAPING = paths(lambda facts: facts.shapes)
"""Paths whose values decide which code a step runs."""

MOST_WAYS = 256
"""Products of choices grow without bounds, and each is resolved to know its method."""

MOST_METHODS = 16
"""The most methods in one program: each costs about a second of compilation, met or not."""

Shape = tuple[int, int, int]


def family_of(config: Spec, classes: int = 0) -> Family:
    """The family of a config, with its settings, which are fields of the model or of training.

    But for the number of `classes`, which the data have, and for what a coefficient says.
    """
    entry = FAMILIES[config.model.family]
    settings: dict[str, Any] = {}
    for each in dataclasses.fields(entry):  # type: ignore[arg-type]
        coefficient = each.metadata.get("coefficient")
        if each.name == CLASSES:
            settings[each.name] = classes
        elif coefficient:
            settings[each.name] = _setting(config, coefficient) != 0
        else:
            settings[each.name] = _setting(config, each.name)
    return entry(**settings)


CLASSES = "classes"
"""The setting of a family that is none of the spec."""


def _settings(entry: type) -> list[str]:
    """The names of what a family or an architecture is described by."""
    assert dataclasses.is_dataclass(entry)
    return [each.name for each in dataclasses.fields(entry)]


def _setting(config: Spec, name: str) -> Any:
    return getattr(config.model if hasattr(config.model, name) else config.train, name)


def architecture_of(config: Spec, image_shape: Shape, classes: int = 0) -> Architecture:
    """The networks of a config, for images of this height, width and channels, of some classes.

    Raises `UserError` for networks of the user's own that cannot be used.
    """
    family, model = family_of(config, classes), config.model
    if is_plugin(model.network):
        return _own_architecture(config, family, image_shape, classes)
    kind = KINDS[model.network]
    static = {name: value for name, value in model if name not in _TRACED_OF_MODEL}

    def settings(network: str) -> dict[str, Any]:
        # A network has no setting where the spec has no field for it.
        named = {name: f"{family.role(network)}_{name}" for name in _settings(kind)}
        found = {name: static[field] for name, field in named.items() if field in static}
        if "normalisation" in found:
            found["normalisation"] = of_classes(found["normalisation"], classes)
        return found

    described = tuple((name, kind(**settings(name))) for name in family.networks())
    return Architecture(family, image_shape, described, config.train.precision)


def _own_architecture(config: Spec, base: Family, image_shape: Shape, classes: int) -> Architecture:
    reference = config.model.network
    settings = {name: getattr(base, name) for name in _settings(type(base)) if name != CLASSES}
    settings |= config.model.settings or {}
    model = plugin_model(reference, image_shape, classes, settings)
    try:
        family = own_family(base, model)
    except ValueError as error:
        raise UserError(f"model.network = {reference!r}: {error}") from error
    if unknown := [name for name, _ in config.coefficients if name not in model.coefficients]:
        accepted = ", ".join(model.coefficients) or "none, for it has no coefficients"
        raise UserError(f"coefficients.{unknown[0]}: is none of {reference}; accepted: {accepted}")
    described = tuple((name, model.networks[name]) for name in family.networks())
    return Architecture(family, image_shape, described)


def program_of(
    config: Spec,
    image_shape: Shape,
    samples: int,
    methods: tuple[Method, ...] = (),
    *,
    classes: int = 0,
) -> Program:
    """The static part of a config. Configs of equal programs share one compilation.

    `methods` are those that the program is to hold; by default the config's alone. `classes` is how
    many the labels of the images name, 0 without labels.
    """
    train, architecture = config.train, architecture_of(config, image_shape, classes)
    return Program(
        architecture=architecture,
        batch=train.batch,
        steps=train.steps,
        chunk_steps=train.steps // train.chunks,
        samples=samples,
        optimizer=train.optimizer,
        learning_rate_schedule=LearningRateSchedule(
            train.learning_rate_schedule, train.learning_rate_end, train.learning_rate_warmup
        ),
        ema=train.ema > 0,
        masked=bool(_of_networks(config, architecture.family, "units")),
        methods=methods or (method_of(config),),
    )


def method_of(config: Spec) -> Method:
    """The code that a config's steps run."""
    penalty, gradient_penalty, augment = config.penalty, config.gradient_penalty, config.augment
    shared = {
        "weights": f"{penalty.weights}|bias$" if penalty.biases else penalty.weights,
        "gradient_penalty": GRADIENT_PENALTIES.get(gradient_penalty.kind),
        "augmentation": () if augment.policy == "none" else parse_policy(augment.policy),
        "augment_fakes": augment.images == "both",
        # One method where nothing is augmented, or no slope penalised.
        "slope_at_seen": gradient_penalty.images == "augmented"
        and "none" not in (gradient_penalty.kind, augment.policy),
        "rescale_adam": gradient_penalty.rescale_adam and gradient_penalty.kind != "none",
        "dropout": bool(_of_networks(config, family_of(config), "dropout")),
    }
    if penalty.form == "none":
        return Method(**shared)
    entry = form_entry(penalty.form)
    layered = penalty.scope == "layer"
    if isinstance(entry, Constraint):
        return Method(constraint=constraint_per_layer(entry) if layered else entry, **shared)
    if penalty.form in PENALTIES:
        entry = penalty_entry(penalty.form, penalty.order)
    return Method(
        penalty=per_layer(entry, penalty.reduction) if layered else entry,
        coupling=penalty.coupling,
        schedule=penalty.schedule,
        signal=penalty.adaptive_signal,
        **shared,
    )


def methods_of(
    spec: Spec, chosen: str | None, image_shape: Shape = (2, 2, 1), classes: int = 0
) -> tuple[Method, ...]:
    """The methods that a study's program holds where a trial chose `chosen`.

    All that the spec can meet and that the same program can run, so that trials of different
    methods train side by side; the baseline's among them. None where they are more than
    `MOST_METHODS`, or the ways to shape a step more than `MOST_WAYS`: each config's program then
    holds its own alone.
    """
    found: dict[str | None, tuple[Program, list[Method]]] = {}
    for number, (method, config) in enumerate(_shaped_configs(spec)):
        if number == MOST_WAYS:
            return ()
        program = program_of(config, image_shape, 1, classes=classes)
        program = replace(program, methods=())
        found.setdefault(method, (program, []))[1].append(method_of(config))
    own = found[chosen][0]
    shared = [methods for program, methods in found.values() if program == own]
    together = tuple(dict.fromkeys(method for methods in shared for method in methods))
    return together if len(together) <= MOST_METHODS else ()


def _shaped_configs(spec: Spec) -> Iterator[tuple[str | None, Spec]]:
    """A config for each way to shape a step, beginning with the baseline's, and its method."""
    yield None, baseline(spec)

    def points(name: str, asked: BaseDistribution) -> list[Any]:
        path = name if name == METHOD else ".".join(name.split(".")[-2:])
        if path == "penalty.order" and isinstance(asked, FloatDistribution):
            # Orders 1 and 2 have formulas of their own.
            exact = [order for order in (1.0, 2.0) if asked.low <= order <= asked.high]
            # The middle alone may be one of these.
            return list(dict.fromkeys((asked.low, middle(asked), asked.high, *exact)))
        if isinstance(asked, CategoricalDistribution) and path in (METHOD, *_SHAPING):
            return list(asked.choices)
        return [middle(asked)]

    yield from configs_at(spec, points)


def hyperparameters_of(
    config: Spec, methods: tuple[Method, ...] = (), family: Family | None = None
) -> Hyperparameters:
    """The traced part of a config, as NumPy scalars, for a program that holds these methods.

    `family` is the program's; it may be left out where the networks are none of the user's own.
    """
    train, penalty, own = config.train, config.penalty, method_of(config)
    family = family or family_of(config)
    penalties = {name: penalty_on(config, family.role(name)) for name in family.networks()}
    for each in penalties.values():
        check_reached(own, each)
    numbers = {
        "schedule_start": penalty.schedule_start,
        "schedule_end": penalty.schedule_end,
        "schedule_begin": penalty.schedule_begin,
        "schedule_finish": penalty.schedule_finish,
        "adaptive_target": penalty.adaptive_target,
        "adaptive_speed": penalty.adaptive_speed / 1000,
        "gradient_penalty_strength": config.gradient_penalty.strength or 0.0,
        "augment_strength": config.augment.strength or 0.0,
        "ema_decay": train.ema,
        **settings_of_optimizer(config),
    }
    return hyperparameters(
        family,
        method=methods.index(own) if methods else 0,
        penalties=penalties,
        learning_rates={p: getattr(train, f"{p}_learning_rate") for p in family.players},
        dropout=_of_networks(config, family, "dropout"),
        units=_of_networks(config, family, "units"),
        coefficients=_coefficients(config, family),
        gradient_penalty_every=np.int32(config.gradient_penalty.every),
        **{name: np.float32(value) for name, value in numbers.items()},
    )


def _coefficients(config: Spec, family: Family) -> dict[str, float]:
    own = dict(config.coefficients)
    of_family = type(family_of(config)).coefficients
    return {
        name: _setting(config, name) if name in of_family else own.get(name, default)
        for name, default in family.coefficients.items()
    }


def _of_networks(config: Spec, family: Family, what: str) -> dict[str, Any]:
    """A setting of the model by network, of those that have it."""
    networks = family.networks()
    found = {name: getattr(config.model, f"{family.role(name)}_{what}") for name in networks}
    return {network: value for network, value in found.items() if value is not None}


def settings_of_optimizer(config: Spec) -> dict[str, float]:
    """What the optimisers of a config take beside their learning rates, whether they use it."""
    train = config.train
    return {
        "beta1": train.beta1,
        "beta2": train.beta2,
        "decay": train.decay,
        "momentum": _MOMENTUM if train.momentum is None else train.momentum,
        "weight_decay": _WEIGHT_DECAY if train.weight_decay is None else train.weight_decay,
    }


def penalty_on(config: Spec, network: str) -> NetworkPenalty:
    """The coefficients of a config on networks of a role; of no effect where it is no target."""
    penalty = config.penalty
    coefficients = {
        field.removeprefix(f"{network}_"): field_value(penalty, field)
        for field, networks in fields_of(config).items()
        if network in networks
    }
    return network_penalty(penalty.form, **coefficients) if coefficients else NetworkPenalty()


def strengths_of(config: Spec) -> dict[str, float]:
    """The strengths that a schedule acts on, by the names of their fields; {} without a penalty."""
    return {
        field: field_value(config.penalty, field)
        for field in fields_of(config)
        if not field.endswith(("order", "radius"))
    }
