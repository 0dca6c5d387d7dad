"""What a training step does beside the family's own losses, and the numbers it does it with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from normsweep.objectives.constraints import Constraint
from normsweep.objectives.gradient_penalties import GradientPenalty
from normsweep.objectives.penalties import PENALTIES, Penalty, lp_power_gradient
from normsweep.objectives.schedules import STRENGTH_SCHEDULES
from normsweep.objectives.selection import KERNELS

COUPLINGS = {
    "loss": "the gradient enters the optimiser with the loss's (Goodfellow et al. 2016, ch. 7)",
    "decoupled": "w − learning rate · gradient, past the optimiser, as in AdamW (arXiv:1711.05101)",
    "proximal": "the proximal operator after each step: exact zeros (Parikh and Boyd 2014)",
}
"""How a penalty acts on the weights, by name."""

ADAPTIVE = "adaptive"
SCHEDULES: tuple[str, ...] = (*STRENGTH_SCHEDULES, ADAPTIVE)
"""How a strength changes over the training."""

LINEAR = PENALTIES["elastic"]
"""l1·sign(w) + 2·l2·w: no penalty, the elastic net, and the power form of order 1 or 2. It is
nearly free, which the general power is not."""

# One object: entries are compared by identity, as part of a program.
_POWER = PENALTIES["power"]._replace(gradient=partial(lp_power_gradient, general=True))


@dataclass(frozen=True)
class Method:
    """One way to regularise: the code that a step runs, without its numbers. Static.

    `penalty` and `constraint` act on the weights whose path matches the regular expression
    `weights`. `schedule` is a name in `SCHEDULES`, `signal` one in `OVERFITTING_SIGNALS`.
    `augmentation` names policies in turn, applied to real images and, if `augment_fakes`, to
    generated ones. The slope that `gradient_penalty` is of is that in the images before the
    augmentation, or with `slope_at_seen` behind it. `rescale_adam` makes up for the steps without
    it in the optimiser of the player that has it, see `player.between_lazy_penalties`.
    """

    penalty: Penalty = LINEAR
    coupling: str = "loss"
    constraint: Constraint | None = None
    weights: str = KERNELS
    schedule: str = "constant"
    signal: str = "real_sign"
    gradient_penalty: GradientPenalty | None = None
    slope_at_seen: bool = False
    rescale_adam: bool = False
    augmentation: tuple[str, ...] = ()
    augment_fakes: bool = True
    dropout: bool = False


class NetworkPenalty(NamedTuple):
    """The coefficients of penalty and constraint on one network, as traced float32 scalars."""

    strength: ArrayLike = np.float32(0)
    order: ArrayLike = np.float32(2)
    l1: ArrayLike = np.float32(0)
    l2: ArrayLike = np.float32(0)
    radius: ArrayLike = np.float32(np.inf)

    def scaled(self, factor: ArrayLike) -> "NetworkPenalty":
        """These with every strength times a factor; order and radius stay."""
        return self._replace(
            strength=self.strength * factor, l1=self.l1 * factor, l2=self.l2 * factor
        )


class Reached(NamedTuple):
    """How a form is computed: the entry, and what each coefficient of the form is called there.

    A coefficient that is not among the names is part of the entry's formula.
    """

    entry: Penalty
    names: Mapping[str, str]


def penalty_entry(form: str, order: float | None) -> Penalty:
    """The cheapest entry that is exact for a form of `PENALTIES`, or "none", and its order."""
    return cheapest(form, order).entry


def cheapest(form: str, order: float | None) -> Reached:
    """The cheapest exact entry for a form of `PENALTIES`, or "none", and where its numbers go."""
    if form == "none":
        return Reached(LINEAR, {})
    if order == 1 and form in ("power", "norm"):
        return Reached(LINEAR, {"strength": "l1"})
    if order == 2 and form == "power":
        return Reached(LINEAR, {"strength": "l2"})
    entry = _POWER if form == "power" else PENALTIES[form]
    return Reached(entry, {name: name for name in entry.coefficients})


def network_penalty(form: str, **coefficients: float) -> NetworkPenalty:
    """The coefficients of a form, named as the form names them, for its `penalty_entry`.

    Those of a form that is not in `PENALTIES`, such as a constraint, keep their names.
    """
    names: Mapping[str, str] = {name: name for name in coefficients}
    if form in PENALTIES:
        if unknown := coefficients.keys() - set(PENALTIES[form].coefficients):
            raise ValueError(
                f"{form} has no {', '.join(sorted(unknown))}; "
                f"accepted: {', '.join(PENALTIES[form].coefficients)}"
            )
        names = cheapest(form, coefficients.get("order")).names
    reaching = {names[name]: value for name, value in coefficients.items() if name in names}
    return NetworkPenalty(**{name: np.float32(value) for name, value in reaching.items()})


def check_reached(method: Method, penalty: NetworkPenalty) -> None:
    """Raises `ValueError` for a coefficient that no code of the method reads.

    It would be a strength that is silently 0, or a constraint that is none.
    """
    entries = [entry for entry in (method.penalty, method.constraint) if entry is not None]
    read = [name for entry in entries for name in entry.coefficients]
    without_effect = NetworkPenalty()
    for name, value in penalty._asdict().items():
        if name not in read and value != getattr(without_effect, name):
            raise ValueError(f"{name} = {value} is read by nothing; read are {', '.join(read)}")
