"""What a config asks of training code: the regulariser on each network, and the optimisers."""

from dataclasses import dataclass
from typing import Any

from normsweep.engine.settings import method_of, settings_of_optimizer
from normsweep.errors import UserError
from normsweep.models.method import ADAPTIVE
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.spec.family import NETWORKS
from normsweep.spec.penalty_fields import coefficient_fields, field_value
from normsweep.spec.plugins import is_plugin
from normsweep.spec.spec import Spec


@dataclass(frozen=True)
class Term:
    """The penalty or the constraint on one network, by its form, with its coefficients by name."""

    form: str
    coefficients: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """A config for training code.

    `terms` and `rates` are by network, `terms` only of those that have one. `coupling` is "loss",
    "decoupled", "proximal" or "constraint". `schedule` is that of the strength, with its start,
    end, begin and finish; None where it is constant.
    """

    terms: dict[str, Term]
    rates: dict[str, float]
    optimizer: str
    settings: dict[str, float]
    weights: str
    coupling: str
    layered: bool
    averaged: bool
    schedule: tuple[str, tuple[float, float, float, float]] | None
    steps: int
    discriminator_steps: int
    rate_schedule: str
    rate_end: float
    warm: int

    @property
    def scheduled_rates(self) -> bool:
        """Whether the learning rates change."""
        return self.rate_schedule != "constant" or self.warm > 0


def recipe_of(config: Spec) -> Recipe:
    """The recipe of a config; raises `UserError` for a penalty that is a user's own code."""
    penalty, train = config.penalty, config.train
    if is_plugin(penalty.form):
        raise UserError(
            f'penalty.form = "{penalty.form}" is code of your own, which no snippet can hold; '
            "accepted: --format toml, json or yaml"
        )
    constant = penalty.schedule in ("constant", ADAPTIVE)
    ramp = (
        penalty.schedule_start,
        penalty.schedule_end,
        penalty.schedule_begin,
        penalty.schedule_finish,
    )
    return Recipe(
        terms=_terms(config),
        rates={name: getattr(train, f"{name}_learning_rate") for name in NETWORKS},
        optimizer=train.optimizer,
        settings=settings_of_optimizer(config),
        weights=method_of(config).weights,
        coupling="constraint" if penalty.form in CONSTRAINTS else penalty.coupling,
        layered=penalty.scope == "layer",
        averaged=penalty.scope == "layer" and penalty.reduction == "mean",
        schedule=None if constant else (penalty.schedule, ramp),
        steps=train.steps,
        discriminator_steps=train.discriminator_steps,
        rate_schedule=train.learning_rate_schedule,
        rate_end=train.learning_rate_end,
        warm=round(train.learning_rate_warmup * train.steps),
    )


def _terms(config: Spec) -> dict[str, Term]:
    penalty = config.penalty
    fields = coefficient_fields(penalty.form, penalty.target, penalty.separate_strengths)
    found: dict[str, dict[str, float]] = {}
    for network in NETWORKS:
        for field, networks in fields.items():
            if network in networks:
                name = field.removeprefix(f"{network}_")
                found.setdefault(network, {})[name] = field_value(penalty, field)
    return {network: Term(penalty.form, given) for network, given in found.items()}


def proximal_of(term: Term) -> tuple[str, dict[str, float]]:
    """The part that makes the proximal step of a form, and its coefficients."""
    given = dict(term.coefficients)
    order = given.pop("order", None)
    if term.form == "power" or (term.form == "norm" and order == 1):
        l1, l2 = (given["strength"], 0.0) if order == 1 else (0.0, given["strength"])
        return "elastic_step", {"l1": l1, "l2": l2}
    return f"{term.form}_step", given


def left_out(config: Spec) -> list[str]:
    """What a config trains with that no snippet holds, as sentences."""
    model, train, penalty = config.model, config.train, config.penalty
    found = []
    if (kind := config.gradient_penalty.kind) != "none":
        gradient = config.gradient_penalty
        found.append(
            f"gradient penalty {kind}, strength {gradient.strength!r}, every {gradient.every} steps"
        )
    if config.augment.policy != "none":
        augment = config.augment
        found.append(
            f"augmentation {augment.policy}, strength {augment.strength!r}, "
            f"of {augment.images} images"
        )
    if penalty.form != "none" and penalty.schedule == ADAPTIVE:
        found.append(
            "the adaptive factor on the strength "
            f"(signal {penalty.adaptive_signal}, target {penalty.adaptive_target!r}, "
            f"speed {penalty.adaptive_speed!r}): here the strength stays what it was at the start"
        )
    for network in NETWORKS:
        hidden, layers, units = (
            getattr(model, f"{network}_{name}") for name in ("hidden", "layers", "units")
        )
        if layers is not None and layers < len(hidden):
            found.append(f"only the first {layers} of {len(hidden)} hidden layers of the {network}")
        if units is not None and units < max(hidden[:layers], default=0):
            found.append(f"at most {units} units a hidden layer of the {network}")
        if (kind := getattr(model, f"{network}_normalisation")) != "none":
            found.append(f"{kind} normalisation of the {network}")
        if (rate := getattr(model, f"{network}_dropout")) is not None:
            found.append(f"dropout of the {network}, rate {rate!r}")
    if train.label_smoothing:
        found.append(f"label smoothing {train.label_smoothing!r}")
    if train.ema:
        found.append(f"the average of the generator's weights, decay {train.ema!r}")
    return found


def found_with(config: Spec) -> str:
    """What the numbers were found with, and may depend on."""
    train = config.train
    facts: dict[str, Any] = {
        "loss": train.loss,
        "batch": train.batch,
        "generator steps": train.steps,
        "discriminator steps for each": train.discriminator_steps,
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())
