"""What a training step does beside the GAN's own losses, and the numbers that it does it with."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from normsweep.objectives.constraints import Constraint
from normsweep.objectives.gradient_penalties import GradientPenalty
from normsweep.objectives.penalties import PENALTIES, Penalty, lp_power_gradient
from normsweep.objectives.schedules import STRENGTH_SCHEDULES

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
    generated ones.
    """

    penalty: Penalty = LINEAR
    coupling: str = "loss"
    constraint: Constraint | None = None
    weights: str = "kernel$"
    schedule: str = "constant"
    signal: str = "real_sign"
    gradient_penalty: GradientPenalty | None = None
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


def penalty_entry(form: str, order: float | None) -> Penalty:
    """The cheapest entry that is exact for a form of `PENALTIES`, or "none", and its order."""
    if form in ("none", "elastic") or (order == 1 and form in ("power", "norm")):
        return LINEAR
    if form == "power":
        return LINEAR if order == 2 else _POWER
    return PENALTIES[form]


def network_penalty(form: str, **coefficients: float) -> NetworkPenalty:
    """The coefficients of a form, named as the form names them, for its `penalty_entry`."""
    order = coefficients.get("order")
    if form in ("power", "norm") and penalty_entry(form, order) is LINEAR:
        name = "l1" if order == 1 else "l2"
        coefficients = {name: coefficients["strength"]}
    return NetworkPenalty(**{name: np.float32(value) for name, value in coefficients.items()})
