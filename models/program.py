"""What is compiled and what is traced: the static side of training, and its hyperparameters."""

from dataclasses import dataclass
from typing import NamedTuple

from jax.typing import ArrayLike

from models.gan import GAN
from models.penalty import NetworkPenalty


@dataclass(frozen=True)
class Program:
    """Everything static about training one member. Equal programs share one compilation.

    `chunk_steps` G steps run in one call; each takes `discriminator_steps` D steps of `batch`
    images before it. `samples` images are generated for the score after each chunk. `penalised`
    is a regular expression over parameter paths. `ema` says whether an average of the generator's
    weights is kept (and used for samples).
    """

    gan: GAN
    batch: int
    discriminator_steps: int
    loss: str
    ema: bool
    penalised: str
    chunk_steps: int
    samples: int


class Hyperparameters(NamedTuple):
    """All that may differ between members of one program: a pytree of traced scalars.

    `formula` is the int32 value of a `models.penalty.Formula`, for both networks; the others are
    float32.
    """

    formula: ArrayLike
    generator_penalty: NetworkPenalty
    discriminator_penalty: NetworkPenalty
    generator_learning_rate: ArrayLike
    discriminator_learning_rate: ArrayLike
    beta1: ArrayLike
    beta2: ArrayLike
    ema_decay: ArrayLike
