"""The numbers of a member: all that may differ between members of one program."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from normsweep.models.method import NetworkPenalty


class Hyperparameters(NamedTuple):
    """All that may differ between members of one program: a pytree of traced scalars.

    `method` is the index of the member's method; it, the numbers of units and
    `gradient_penalty_every` are int32, all others float32. Shares are of all training steps.
    `penalties`, `dropout` and `units` are by network, `learning_rates` by player, `coefficients`
    are the family's own, by name: each holds all names that the family has, see
    `program.hyperparameters`.
    """

    method: ArrayLike
    penalties: dict[str, NetworkPenalty]
    learning_rates: dict[str, ArrayLike]
    dropout: dict[str, ArrayLike]
    units: dict[str, ArrayLike]
    coefficients: dict[str, ArrayLike]
    schedule_start: ArrayLike = np.float32(0)
    schedule_end: ArrayLike = np.float32(1)
    schedule_begin: ArrayLike = np.float32(0)
    schedule_finish: ArrayLike = np.float32(1)
    adaptive_target: ArrayLike = np.float32(0.6)
    adaptive_speed: ArrayLike = np.float32(0)
    gradient_penalty_strength: ArrayLike = np.float32(0)
    gradient_penalty_every: ArrayLike = np.int32(1)
    augment_strength: ArrayLike = np.float32(0)
    beta1: ArrayLike = np.float32(0.5)
    beta2: ArrayLike = np.float32(0.999)
    decay: ArrayLike = np.float32(0.9)
    momentum: ArrayLike = np.float32(0)
    weight_decay: ArrayLike = np.float32(0)
    ema_decay: ArrayLike = np.float32(0)
