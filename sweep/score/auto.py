"""The ranges of what is "auto", from a short run of the baseline."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution

from normsweep.engine.settings import hyperparameters_of, method_of, program_of
from normsweep.errors import UserError
from normsweep.models.balance import DECAY, GRADIENT_PENALTY, PENALTY, RADIUS, Term
from normsweep.models.method import Method, network_penalty
from normsweep.models.optimizers import optimizers_with
from normsweep.objectives.constraints import Constraint
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.spec.auto import AutoRange, Balance, auto_fields, owner, provisional, range_of
from normsweep.spec.baseline import baseline
from normsweep.spec.penalty_fields import fields_of, form_entry
from normsweep.spec.space import METHOD, configs_at, middle
from normsweep.spec.spec import Spec

SHARE = 4
"""Of so many of the baseline's chunks the run has one, and one at least."""

Watch = Callable[[int, int], None]
"""Called with the steps that are trained, and how many there are to be; before the first, too."""

_TELLING = (
    METHOD,
    "train.optimizer",
    "gradient_penalty.kind",
    "gradient_penalty.images",
    *(f"penalty.{name}" for name in ("form", "target", "order", "scope", "reduction", "coupling")),
)
"""What is asked for on which it depends which terms there are."""


def unwatched(done: int, total: int) -> None:
    """A watch that looks away."""
    del done, total


@dataclass(frozen=True)
class Sought:
    """A term of which the strength is sought, for the field at a path.

    On the networks of some roles, or on all that it acts on.
    """

    path: str
    name: str
    term: Term
    roles: tuple[str, ...] | None = None


@dataclass
class Base:
    """A config that is trained, for a method of the study; what is sought at it, in order."""

    config: Spec
    method: str | None
    sought: dict[Sought, None] = field(default_factory=dict)


def measured_ranges(spec: Spec, setup: Setup, watch: Watch = unwatched) -> dict[str, AutoRange]:
    """The range of each field of a spec that is "auto", by its path; {} where none is.

    A quarter of the baseline's chunks is trained on all folds, and at the end of each the balances
    of all terms are taken that the study may ask for. A method with another model, or with fixed
    regularisers of its own, has a baseline of its own here. Raises `UserError` where the run ends
    early, and where nothing that is "auto" is ever asked for.
    """
    asked = auto_fields(spec)
    if not asked:
        return {}
    trained = bases(spec)
    training = Training(provisional(spec), setup)
    each_chunk, chunks = spec.train.steps // spec.train.chunks, -(-spec.train.chunks // SHARE)
    found: dict[str, dict[tuple[int, Sought, str], list[np.ndarray]]]
    found = {path: {} for path in asked}
    done, total = 0, len(trained) * chunks * each_chunk
    watch(done, total)
    for number, base in enumerate(trained):
        run = _run(base, training)
        for _ in range(chunks):
            balances = _chunk(run, tuple(base.sought), training)
            for sought, by_network in zip(base.sought, balances, strict=True):
                for network in filter(by_network.__contains__, run.program.family.networks()):
                    role = run.program.family.role(network)
                    if sought.roles is None or role in sought.roles:
                        own = (number, sought, network)
                        found[sought.path].setdefault(own, []).append(by_network[network])
            done += each_chunk
            watch(done, total)
    return {
        path: range_of(
            path,
            [Balance(of.name, network, _mean(at)) for (_, of, network), at in balances.items()],
            chunks * each_chunk,
            spec.score.folds,
        )
        for path, balances in found.items()
    }


def _run(base: Base, training: Training) -> Run:
    config, setup = base.config, training.setup
    methods = training.methods(base.method)
    if method_of(config) not in methods:
        methods = ()
    program = program_of(config, setup.image_shape, setup.samples, methods, classes=setup.classes)
    return Run(config, program, hyperparameters_of(config, methods, program.family))


def _chunk(run: Run, sought: tuple[Sought, ...], training: Training) -> list[dict[str, Any]]:
    """The balances after one chunk more."""
    slots, goal = [run, *[None] * (training.slots - 1)], run.chunks + 1
    # One that has to begin anew, without the methods of others, is trained to where it was.
    while run.end is None and run.chunks < goal:
        for _ in training.advance(slots):
            pass
    if isinstance(run.end, Failed):
        raise UserError(
            f"{sought[0].path}: its range is to follow from the baseline, which has no score: "
            f"{run.end.reason}; accepted: a range, {{ low, high, log = true }}, or settings with "
            "which it trains"
        )
    return training.balances(run, 0, tuple(each.term for each in sought))


def _mean(at: list[np.ndarray]) -> float:
    """The geometric mean over chunks and folds, of what has one; NaN where nothing has."""
    every = np.concatenate(at).astype(np.float64)
    usable = every[np.isfinite(every) & (every > 0)]
    return float(np.exp(np.mean(np.log(usable)))) if len(usable) else math.nan


def bases(spec: Spec) -> list[Base]:
    """The configs that are trained for a spec, with what is sought at each."""
    known, asked = provisional(spec), auto_fields(spec)
    found: list[Base] = []
    for method, config in _ways(known):
        sought = list(_sought(spec, known, method, config, asked))
        if not sought:
            continue
        own = baseline(known.alternative(method))
        base = next((each for each in found if each.config == own), None)
        if base is None:
            shared = own == baseline(known)
            found.append(base := Base(own, None if shared else method))
        base.sought |= dict.fromkeys(sought)
    return found


def _ways(known: Spec) -> Iterator[tuple[str | None, Spec]]:
    """A config of each way in which trials may differ in their terms, and its method."""

    def points(name: str, asked: BaseDistribution) -> list[Any]:
        path = name if name == METHOD else ".".join(name.split(".")[-2:])
        if path not in _TELLING:
            return [middle(asked)]
        if isinstance(asked, CategoricalDistribution):
            return list(asked.choices)
        return [asked.low, asked.high]  # type: ignore[attr-defined]

    return configs_at(known, points)


def _sought(
    spec: Spec, known: Spec, method: str | None, config: Spec, asked: tuple[str, ...]
) -> Iterator[Sought]:
    """The terms of a config of which the strength is "auto" in the spec."""
    full, alternative = method_of(config), known.alternative(method)
    penalty = config.penalty
    for name, roles in fields_of(config).items():
        given = name if getattr(alternative.penalty, name) is not None else _shared(name)
        path = owner(spec, method, f"penalty.{given}")
        if path not in asked:
            continue
        entry = form_entry(penalty.form)
        if isinstance(entry, Constraint):
            term = Term(RADIUS, Method(constraint=full.constraint, weights=full.weights))
        else:
            own = Method(full.penalty, full.coupling, weights=full.weights)
            numbers = {each: 0.0 for each in entry.coefficients} | {_shared(name): 1.0}
            if penalty.order is not None and "order" in numbers:
                numbers["order"] = penalty.order
            term = Term(PENALTY, own, network_penalty(penalty.form, **numbers))
        yield Sought(path, _named(config, _shared(name)), term, roles)
    kind = config.gradient_penalty.kind
    path = owner(spec, method, "gradient_penalty.strength")
    if kind != "none" and path in asked:
        # As the baseline has it: what the search adds beside is not there.
        own = method_of(baseline(alternative))
        term = Term(
            GRADIENT_PENALTY,
            replace(
                own,
                gradient_penalty=GRADIENT_PENALTIES[kind],
                slope_at_seen=full.slope_at_seen and bool(own.augmentation),
            ),
        )
        yield Sought(path, kind, term)
    path = owner(spec, method, "train.weight_decay")
    if config.train.optimizer in optimizers_with("weight_decay") and path in asked:
        yield Sought(path, config.train.optimizer, Term(DECAY, Method(weights=full.weights)))


def _shared(name: str) -> str:
    """A coefficient without the network that it is of."""
    return name.split("_", 1)[-1]


def _named(config: Spec, coefficient: str) -> str:
    penalty = config.penalty
    parts = [penalty.form if coefficient in ("strength", "radius") else coefficient]
    parts += [] if penalty.order is None else [f"order {penalty.order:g}"]
    if penalty.scope == "layer":
        constrains = isinstance(form_entry(penalty.form), Constraint)
        parts.append("by layer" if constrains else f"{penalty.reduction} of layers")
    parts += [] if penalty.coupling == "loss" else [penalty.coupling]
    return ", ".join(parts)
