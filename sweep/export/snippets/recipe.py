"""What a config asks of training code: the regulariser on each network, and the optimisers."""

from dataclasses import dataclass, fields
from typing import Any, cast

from normsweep.engine.settings import method_of, settings_of_optimizer
from normsweep.errors import UserError
from normsweep.export.snippets.source import exportable
from normsweep.models.families import FAMILIES as MODELS
from normsweep.models.method import ADAPTIVE
from normsweep.objectives.constraints import CONSTRAINTS
from normsweep.spec.family import DISCRIMINATOR, FAMILIES, GAN
from normsweep.spec.fields import default, most
from normsweep.spec.penalty_fields import field_value, fields_of
from normsweep.spec.plugins import is_plugin
from normsweep.spec.spec import Spec

_KNOWN = {
    "coupling": ("loss", "decoupled", "proximal"),
    "scope": ("network", "layer"),
    "reduction": ("sum", "mean"),
}
"""The values of fields of the penalty that recipes know."""


@dataclass(frozen=True)
class Term:
    """The penalty or the constraint on one network, by its form, with its coefficients by name."""

    form: str
    coefficients: dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """A config for training code; `model` says of what.

    `terms`, `rates` and `updates`, the updates in each step of the training, are by network,
    `terms` only of those that have one. `coupling` is "loss", "decoupled", "proximal" or
    "constraint". `schedule` is that of the strength, with its start, end, begin and finish; None
    where it is constant.
    """

    model: str
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
    updates: dict[str, int]
    rate_schedule: str
    rate_end: float
    warm: int

    @property
    def scheduled_rates(self) -> bool:
        """Whether the learning rates change."""
        return self.rate_schedule != "constant" or self.warm > 0

    @property
    def counted(self) -> str:
        """The network whose updates are the steps of the training."""
        return next(network for network, updates in self.updates.items() if updates == 1)


def recipe_of(config: Spec, form: str) -> Recipe:
    """The recipe of a config for the format called `form`.

    Raises `UserError` for a penalty that is a user's own code, and for a coupling, a scope or a
    reduction that no recipe knows.
    """
    penalty, train = config.penalty, config.train
    if is_plugin(penalty.form):
        raise UserError(
            f'penalty.form = "{penalty.form}" is code of your own, which no snippet can hold; '
            "accepted: --format toml, json or yaml"
        )
    for field, known in _KNOWN.items():
        exportable(f"penalty.{field}", getattr(penalty, field), known, form)
    constant = penalty.schedule in ("constant", ADAPTIVE)
    ramp = (
        penalty.schedule_start,
        penalty.schedule_end,
        penalty.schedule_begin,
        penalty.schedule_finish,
    )
    return Recipe(
        model="of a GAN" if config.model.family == GAN else f'of a model "{config.model.family}"',
        terms=_terms(config),
        rates=_rates(config),
        optimizer=train.optimizer,
        settings=settings_of_optimizer(config),
        weights=method_of(config).weights,
        coupling="constraint" if penalty.form in CONSTRAINTS else penalty.coupling,
        layered=penalty.scope == "layer",
        averaged=penalty.scope == "layer" and penalty.reduction == "mean",
        schedule=None if constant else (penalty.schedule, ramp),
        steps=train.steps,
        updates=_updates(config),
        rate_schedule=train.learning_rate_schedule,
        rate_end=train.learning_rate_end,
        warm=round(train.learning_rate_warmup * train.steps),
    )


def _networks(config: Spec) -> tuple[str, ...]:
    return FAMILIES[config.model.family].networks


def _rates(config: Spec) -> dict[str, float]:
    """The learning rate of each network: that of the player who trains it."""
    family = MODELS[config.model.family]
    return {
        family.role(network): getattr(config.train, f"{player}_learning_rate")
        for player, networks in family.players.items()
        for network in networks
    }


def _terms(config: Spec) -> dict[str, Term]:
    penalty = config.penalty
    found: dict[str, dict[str, float]] = {}
    for network in _networks(config):
        for field, networks in fields_of(config).items():
            if network in networks:
                name = field.removeprefix(f"{network}_")
                found.setdefault(network, {})[name] = field_value(penalty, field)
    return {network: Term(penalty.form, given) for network, given in found.items()}


def _updates(config: Spec) -> dict[str, int]:
    """The updates of each network in a step; the spec says so of those that may have several."""
    return {name: getattr(config.train, f"{name}_steps", 1) for name in _networks(config)}


def left_out(config: Spec, recipe: Recipe) -> list[str]:
    """What a config trains with that no snippet holds, as sentences."""
    model, train, penalty = config.model, config.train, config.penalty
    found = []
    if (kind := config.gradient_penalty.kind) != "none":
        gradient = config.gradient_penalty
        found.append(
            f"gradient penalty {kind}, strength {gradient.strength!r}, every {gradient.every} steps"
        )
        if gradient.rescale_adam:
            found.append(
                f"with it, c = {gradient.every}/{gradient.every + 1} in the optimiser of the "
                f"{DISCRIMINATOR}: its learning rate times c, its betas to the power c"
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
    for network in recipe.rates:
        hidden, layers, units = (
            getattr(model, f"{network}_{name}") for name in ("hidden", "layers", "units")
        )
        if layers is not None and layers < len(hidden):
            found.append(f"only the first {layers} of {len(hidden)} hidden layers of the {network}")
        widest = max(hidden[:layers], default=0)
        if model.network != default("model.network"):
            widest = most(model, f"{network}_units") or units
        if units is not None and units < widest:
            found.append(f"at most {units} units a hidden layer of the {network}")
        if (kind := getattr(model, f"{network}_normalisation")) != "none":
            found.append(f"{kind} normalisation of the {network}")
        if (rate := getattr(model, f"{network}_dropout")) is not None:
            found.append(f"dropout of the {network}, rate {rate!r}")
    family = MODELS[model.family]
    for role in recipe.rates:
        several = [network for network in family.networks() if family.role(network) == role]
        if len(several) > 1:
            found.append(
                f"the others of {', '.join(several)}: each with the penalty of the {role} by "
                "itself, all with its optimiser"
            )
    if train.precision != "float32":
        found.append(f"networks that compute in {train.precision}")
    if model.family == "conditional":
        for network in recipe.rates:
            how = getattr(model, f"{network}_condition")
            found.append(f"labels in the {network} by {how}")
        if train.auxiliary_weight:
            found.append(f"the auxiliary classifier, weight {train.auxiliary_weight!r}")
    if train.label_smoothing:
        found.append(f"label smoothing {train.label_smoothing!r}")
    if train.ema:
        found.append(f"the average of the {recipe.counted}'s weights, decay {train.ema!r}")
    return found


def _descended(config: Spec) -> dict[str, Any]:
    """Which losses, and with which numbers where these are the family's own."""
    name = config.model.family
    if name == GAN:
        return {"loss": config.train.loss}
    family = MODELS[name]
    settings = [*(each.name for each in fields(cast(Any, family))), *family.coefficients]
    told = {each: getattr(config.train, each) for each in settings if hasattr(config.train, each)}
    return {"family": name} | {each.replace("_", " "): value for each, value in told.items()}


def found_with(config: Spec, recipe: Recipe) -> str:
    """What the numbers were found with, and may depend on."""
    network = config.model.network
    facts: dict[str, Any] = {
        **_descended(config),
        "batch": config.train.batch,
        **({} if network == default("model.network") else {"network": network}),
        f"{recipe.counted} steps": recipe.steps,
    } | {
        f"{network} steps for each": updates
        for network, updates in recipe.updates.items()
        if network != recipe.counted
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items())
