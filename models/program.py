"""What is compiled and what is traced: the static side of training, and its hyperparameters."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from normsweep.models.families.gan import GAN
from normsweep.models.method import Method, NetworkPenalty
from normsweep.models.optimizers import CONSTANT_RATE, LearningRateSchedule


@dataclass(frozen=True)
class Program:
    """Everything static about training one member. Equal programs share one compilation.

    Of `steps` G steps, `chunk_steps` run in one call; each takes `discriminator_steps` D steps of
    `batch` images before it. `samples` images are generated for the score after each chunk. `ema`
    says whether an average of the generator's weights is kept (and used for samples), `masked`
    whether the number of units in use is traced. A member runs one of the `methods`.
    """

    gan: GAN
    batch: int
    steps: int
    chunk_steps: int
    samples: int
    discriminator_steps: int = 1
    loss: str = "non_saturating"
    optimizer: str = "adam"
    learning_rate_schedule: LearningRateSchedule = CONSTANT_RATE
    ema: bool = False
    masked: bool = False
    methods: tuple[Method, ...] = (Method(),)


class Hyperparameters(NamedTuple):
    """All that may differ between members of one program: a pytree of traced scalars.

    `method` is the index of the member's method; it, the numbers of units and
    `gradient_penalty_every` are int32, all others float32. Shares are of all training steps.
    """

    method: ArrayLike = np.int32(0)
    generator_penalty: NetworkPenalty = NetworkPenalty()
    discriminator_penalty: NetworkPenalty = NetworkPenalty()
    schedule_start: ArrayLike = np.float32(0)
    schedule_end: ArrayLike = np.float32(1)
    schedule_begin: ArrayLike = np.float32(0)
    schedule_finish: ArrayLike = np.float32(1)
    adaptive_target: ArrayLike = np.float32(0.6)
    adaptive_speed: ArrayLike = np.float32(0)
    gradient_penalty_strength: ArrayLike = np.float32(0)
    gradient_penalty_every: ArrayLike = np.int32(1)
    augment_strength: ArrayLike = np.float32(0)
    label_smoothing: ArrayLike = np.float32(0)
    generator_dropout: ArrayLike = np.float32(0)
    discriminator_dropout: ArrayLike = np.float32(0)
    generator_units: ArrayLike = np.int32(2**30)
    discriminator_units: ArrayLike = np.int32(2**30)
    generator_learning_rate: ArrayLike = np.float32(2e-4)
    discriminator_learning_rate: ArrayLike = np.float32(2e-4)
    beta1: ArrayLike = np.float32(0.5)
    beta2: ArrayLike = np.float32(0.999)
    momentum: ArrayLike = np.float32(0)
    weight_decay: ArrayLike = np.float32(0)
    ema_decay: ArrayLike = np.float32(0)
