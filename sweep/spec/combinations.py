"""Settings of different sections that contradict each other."""

from typing import TYPE_CHECKING

from normsweep.spec.family import ALL, BOTH, DISCRIMINATOR, FAMILIES, networks_of
from normsweep.spec.penalty_fields import check
from normsweep.spec.plugins.load import is_plugin
from normsweep.spec.ranges import each, quoted
from normsweep.spec.tables import (
    ADVERSARIAL_LOSSES,
    CONSTRAINTS,
    FIGURES,
    FOLLOWING,
    NORMALISATIONS,
    OVERFITTING_SIGNALS,
)
from normsweep.spec.tables import FAMILIES as MODELS

if TYPE_CHECKING:
    from normsweep.spec.spec import Spec


def check_together(spec: "Spec") -> None:
    """Raises `ValueError` for a combination that would train something else than it says."""
    _check_targets(spec)
    _check_figures(spec)
    _check_own(spec)
    try:
        check(spec.penalty, spec.model.family)
    except ValueError as error:
        raise ValueError(f"penalty: {error}") from error
    _check_gradient_penalty(spec)
    _check_signal(spec)
    _check_constraint(spec)


def _check_targets(spec: "Spec") -> None:
    """A family has its own networks."""
    known = FAMILIES[spec.model.family].networks
    for target in each(spec.penalty.target):
        if target not in (*known, BOTH, ALL):
            raise ValueError(
                f'penalty.target = "{target}" is no network of model.family = '
                f'"{spec.model.family}"; accepted: {", ".join(known)}, {BOTH}, {ALL}'
            )


def _check_own(spec: "Spec") -> None:
    """Networks of ours have their own fields."""
    kinds = each(spec.model.network)
    if any(is_plugin(kind) for kind in kinds):
        return
    given = ["model.settings"] if spec.model.settings else []
    given += [f"coefficients.{name}" for name, _ in spec.coefficients]
    if given:
        raise ValueError(
            f"{given[0]} has no effect with model.network = {quoted(spec.model.network)}; it "
            "counts with networks of your own, path/to/file.py:name"
        )


def _check_figures(spec: "Spec") -> None:
    """A family measures its own figures."""
    for field in ("metric", "second"):
        name = getattr(spec.score, field)
        if name in FIGURES and name not in MODELS[spec.model.family].figures:
            able = [family for family, entry in MODELS.items() if name in entry.figures]
            raise ValueError(
                f'score.{field} = "{name}" is not measured with model.family = '
                f'"{spec.model.family}"; it is with {", ".join(able)}'
            )


def _check_gradient_penalty(spec: "Spec") -> None:
    """With batch statistics the gradient at an image is that of a whole batch (1704.00028, 4)."""
    judges = [name for name, entry in NORMALISATIONS.items() if entry.per_example]
    normalisation = f"model.{DISCRIMINATOR}_normalisation"
    kinds = each(spec.value(normalisation))
    unfit = [kind for kind in kinds if kind not in judges]
    if unfit and set(each(spec.gradient_penalty.kind)) - {"none"}:
        raise ValueError(
            f"gradient_penalty.kind = {quoted(spec.gradient_penalty.kind)} needs a "
            f"{DISCRIMINATOR} that judges each image by itself, which {normalisation} = "
            f'"{unfit[0]}" does not; accepted: {", ".join(judges)}'
        )


def _check_signal(spec: "Spec") -> None:
    """The sign of a logit says real or generated only where the loss puts the border at 0."""
    penalty = spec.penalty
    if not any(schedule in FOLLOWING for schedule in each(penalty.schedule)):
        return
    unfit = [loss for loss in each(spec.train.loss) if not ADVERSARIAL_LOSSES[loss].boundary]
    free = [name for name, entry in OVERFITTING_SIGNALS.items() if not entry.needs_boundary]
    signals = [signal for signal in each(penalty.adaptive_signal) if signal not in free]
    if unfit and signals:
        raise ValueError(
            f'penalty.adaptive_signal = "{signals[0]}" has no meaning with train.loss = '
            f'"{unfit[0]}", whose logits do not change sign between real and generated images; '
            f"accepted: {', '.join(free)}"
        )


def _check_constraint(spec: "Spec") -> None:
    """A network that rescales its kernels by itself undoes whatever a projection did to them."""
    constraints = [form for form in each(spec.penalty.form) if form in CONSTRAINTS]
    family = spec.model.family
    targets = {name for t in each(spec.penalty.target) for name in networks_of(t, family)}
    free = [name for name, entry in NORMALISATIONS.items() if not entry.rescales]
    for network in sorted(targets) if constraints else ():
        kinds = each(spec.value(f"model.{network}_normalisation"))
        if found := [kind for kind in kinds if kind not in free]:
            raise ValueError(
                f'penalty.form = "{constraints[0]}" has no effect with '
                f'model.{network}_normalisation = "{found[0]}", which rescales the weights; '
                f"accepted: {', '.join(free)}"
            )
