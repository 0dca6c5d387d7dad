"""Settings of different sections that contradict each other."""

from dataclasses import fields
from typing import TYPE_CHECKING

from normsweep.spec.bounds import metrics_asked
from normsweep.spec.family import (
    ALL,
    BOTH,
    DECODER,
    DISCRIMINATOR,
    FAMILIES,
    GENERATOR,
    families_with,
    networks_of,
)
from normsweep.spec.fields import FACTS, family_fields
from normsweep.spec.penalty_fields import check
from normsweep.spec.plugins.load import is_plugin
from normsweep.spec.ranges import each, quoted
from normsweep.spec.tables import (
    ADVERSARIAL_LOSSES,
    ARCHITECTURES,
    CONSTRAINTS,
    DISTANCES,
    FIGURES,
    FOLLOWING,
    IMAGE_OUTPUTS,
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
    _check_labelled(spec)
    _check_own(spec)
    try:
        check(spec.penalty, spec.model.family)
    except ValueError as error:
        raise ValueError(f"penalty: {error}") from error
    _check_gradient_penalty(spec)
    _check_positions(spec)
    _check_signal(spec)
    _check_likelihood(spec)
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
        _check_settings(spec)
        return
    given = ["model.settings"] if spec.model.settings else []
    given += [f"coefficients.{name}" for name, _ in spec.coefficients]
    if given:
        raise ValueError(
            f"{given[0]} has no effect with model.network = {quoted(spec.model.network)}; it "
            "counts with networks of your own, path/to/file.py:name"
        )


def _check_settings(spec: "Spec") -> None:
    """What a network of the user's own is told of its family must be what the family does."""
    if not spec.model.settings:
        return
    family = spec.model.family
    for setting in fields(MODELS[family]):
        if setting.name in spec.model.settings:
            name = setting.metadata.get("coefficient", setting.name)
            section = "model" if f"model.{name}" in FACTS else "train"
            raise ValueError(
                f"model.settings: {setting.name} = {spec.model.settings[setting.name]!r} is no "
                f'setting of your own but of model.family = "{family}"; set {section}.{name}'
            )


def _check_figures(spec: "Spec") -> None:
    """A family measures its own figures."""
    for field, name in metrics_asked(spec):
        if name in FIGURES and name not in MODELS[spec.model.family].figures:
            able = [family for family, entry in MODELS.items() if name in entry.figures]
            raise ValueError(
                f'score.{field} = "{name}" is not measured with model.family = '
                f'"{spec.model.family}"; it is with {", ".join(able)}'
            )


def _check_labelled(spec: "Spec") -> None:
    """What needs the label of an image needs a family that has labels."""
    family, condition = spec.model.family, f"model.{GENERATOR}_condition"
    for field, name in metrics_asked(spec):
        if name in DISTANCES and family not in (able := families_measured_by(name)):
            raise ValueError(
                f'score.{field} = "{name}" needs samples of a class that is asked for, and '
                f'model.family = "{family}" asks for none such; it is measured with '
                f"{', '.join(able)}"
            )
    giving = [name for name, entry in MODELS.items() if entry.by_class]
    labelled = [name for name, entry in NORMALISATIONS.items() if entry.labelled]
    for network in FAMILIES[family].networks:
        field = f"model.{network}_normalisation"
        kinds = each(spec.value(field))
        if family not in giving and (found := [kind for kind in kinds if kind in labelled]):
            free = [name for name in NORMALISATIONS if name not in labelled]
            raise ValueError(
                f'{field} = "{found[0]}" needs labels, which model.family = "{family}" gives no '
                f"network; accepted: {', '.join(free)}, or model.family = {', '.join(giving)}"
            )
        ours = [kind for kind in each(spec.model.network) if not is_plugin(kind)]
        if family == "conditional" and network == GENERATOR and ours:
            unfit = [kind for kind in kinds if kind not in labelled]
            if unfit and "batch_norm" in each(spec.value(condition)):
                raise ValueError(
                    f'{condition} = "batch_norm" tells the {GENERATOR} no label with '
                    f'{field} = "{unfit[0]}"; accepted: {", ".join(labelled)}'
                )


def families_measured_by(distance: str) -> tuple[str, ...]:
    """The families whose samples have the labels that a distance needs."""
    entry = DISTANCES[distance]
    return tuple(
        name
        for name, family in MODELS.items()
        if not entry.labelled or (family.needs_labels and entry.sets in (0, family.sets))
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


def _check_positions(spec: "Spec") -> None:
    """A normalisation over the positions of images, in networks of which all layers have some."""
    unfit = [
        kind
        for kind in each(spec.model.network)
        if kind in ARCHITECTURES and not ARCHITECTURES[kind].positions
    ]
    free = [name for name, entry in NORMALISATIONS.items() if not entry.positions]
    for path in (name for name in FACTS if name.endswith("_normalisation")):
        found = [kind for kind in each(spec.value(path)) if kind not in free]
        if unfit and found:
            raise ValueError(
                f'{path} = "{found[0]}" is over the positions of images, which not all layers have '
                f'with model.network = "{unfit[0]}"; accepted: {", ".join(free)}'
            )


def _check_signal(spec: "Spec") -> None:
    """The sign of a logit says real or generated only where the loss puts the border at 0."""
    penalty = spec.penalty
    if not any(schedule in FOLLOWING for schedule in each(penalty.schedule)):
        return
    judging = families_with(DISCRIMINATOR)
    if spec.model.family not in judging:
        raise ValueError(
            f"penalty.schedule = {quoted(penalty.schedule)} follows a {DISCRIMINATOR}, which "
            f'model.family = "{spec.model.family}" does not have; it counts with '
            f"{', '.join(judging)}"
        )
    unfit = [loss for loss in each(spec.train.loss) if not ADVERSARIAL_LOSSES[loss].boundary]
    free = [name for name, entry in OVERFITTING_SIGNALS.items() if not entry.needs_boundary]
    signals = [signal for signal in each(penalty.adaptive_signal) if signal not in free]
    if unfit and signals:
        raise ValueError(
            f'penalty.adaptive_signal = "{signals[0]}" has no meaning with train.loss = '
            f'"{unfit[0]}", whose logits do not change sign between real and generated images; '
            f"accepted: {', '.join(free)}"
        )


def _check_likelihood(spec: "Spec") -> None:
    """Beyond white, a probability would be above 1: the pixel is cut off and learns no more."""
    output = f"model.{DECODER}_output"
    taken = "train.likelihood" not in family_fields(but=spec.model.family)
    if taken and spec.train.likelihood == "bernoulli" and "linear" in each(spec.value(output)):
        raise ValueError(
            f'{output} = "linear" is no probability, which train.likelihood = "bernoulli" needs; '
            f"accepted: {', '.join(name for name in IMAGE_OUTPUTS if name != 'linear')}, "
            "or another likelihood"
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
