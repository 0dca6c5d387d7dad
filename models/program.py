"""What is compiled and what is traced: the static side of training, and its hyperparameters."""

from dataclasses import dataclass
from typing import NamedTuple

from jax.typing import ArrayLike

from models.gan import GAN


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


class NetworkPenalty(NamedTuple):
    """The penalty on one network, as traced float32 scalars.

    `form` is the int32 index of the penalty in `models.penalty.FORMS`; 0 is no penalty at all.
    Coefficients that the form does not have are ignored.
    """

    form: ArrayLike
    strength: ArrayLike
    order: ArrayLike
    l1: ArrayLike
    l2: ArrayLike


class Hyperparameters(NamedTuple):
    """All that may differ between members of one program: a pytree of traced scalars."""

    generator_penalty: NetworkPenalty
    discriminator_penalty: NetworkPenalty
    generator_learning_rate: ArrayLike
    discriminator_learning_rate: ArrayLike
    beta1: ArrayLike
    beta2: ArrayLike
    ema_decay: ArrayLike
