"""Settings of different sections that contradict each other."""

from typing import TYPE_CHECKING

from objectives.constraints import CONSTRAINTS
from sweep.spec.penalty_fields import penalised_networks
from sweep.spec.ranges import each, quoted

if TYPE_CHECKING:
    from sweep.spec.spec import Spec

_WITHOUT_BOUNDARY = ("least_squares", "wasserstein")
_RESCALING = ("weight", "spectral")


def check_together(spec: "Spec") -> None:
    """Raises `ValueError` for a combination that would train something else than it says."""
    _check_gradient_penalty(spec)
    _check_signal(spec)
    _check_constraint(spec)


def _check_gradient_penalty(spec: "Spec") -> None:
    """With batch statistics the gradient at an image is that of a whole batch (1704.00028, 4)."""
    if "batch" not in each(spec.model.discriminator_normalisation):
        return
    if set(each(spec.gradient_penalty.kind)) - {"none"}:
        raise ValueError(
            f"gradient_penalty.kind = {quoted(spec.gradient_penalty.kind)} needs a discriminator "
            'that judges each image by itself, which model.discriminator_normalisation = "batch" '
            "does not; accepted: none, layer, weight, spectral"
        )


def _check_signal(spec: "Spec") -> None:
    """The sign of a logit says real or generated only where the loss puts the border at 0."""
    penalty = spec.penalty
    unfit = [loss for loss in each(spec.train.loss) if loss in _WITHOUT_BOUNDARY]
    adaptive = "adaptive" in each(penalty.schedule)
    if unfit and adaptive and "real_sign" in each(penalty.adaptive_signal):
        raise ValueError(
            f'penalty.adaptive_signal = "real_sign" has no meaning with train.loss = "{unfit[0]}", '
            "whose logits do not change sign between real and generated images; "
            'accepted: "held_out"'
        )


def _check_constraint(spec: "Spec") -> None:
    """A network that rescales its kernels by itself undoes whatever a projection did to them."""
    constraints = [form for form in each(spec.penalty.form) if form in CONSTRAINTS]
    targets = {name for target in each(spec.penalty.target) for name in penalised_networks(target)}
    for network in sorted(targets) if constraints else ():
        kinds = each(getattr(spec.model, f"{network}_normalisation"))
        if found := [kind for kind in kinds if kind in _RESCALING]:
            raise ValueError(
                f'penalty.form = "{constraints[0]}" has no effect with '
                f'model.{network}_normalisation = "{found[0]}", which rescales the weights; '
                "accepted: none, batch, layer"
            )
