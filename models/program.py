"""What is compiled: the static side of training, and the numbers that go with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from normsweep.models.architecture import Architecture
from normsweep.models.families.contract import Family
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.method import Method, NetworkPenalty
from normsweep.models.optimizers import CONSTANT_RATE, LearningRateSchedule

LEARNING_RATE = 2e-4
"""Of a player for which none is given."""


@dataclass(frozen=True)
class Program:
    """Everything static about training one member. Equal programs share one compilation.

    Of `steps` training steps, `chunk_steps` run in one call; each turn of a step draws `batch`
    images. `samples` images are generated for the score after each chunk. `ema` says whether
    averages of weights and statistics are kept (and used for samples), `masked` whether the numbers
    of units in use are traced. A member runs one of the `methods`.
    """

    architecture: Architecture
    batch: int
    steps: int
    chunk_steps: int
    samples: int
    optimizer: str = "adam"
    learning_rate_schedule: LearningRateSchedule = CONSTANT_RATE
    ema: bool = False
    masked: bool = False
    methods: tuple[Method, ...] = (Method(),)

    @property
    def family(self) -> Family:
        """The family of the networks."""
        return self.architecture.family


def hyperparameters(
    family: Family,
    *,
    method: int = 0,
    penalties: Mapping[str, NetworkPenalty] | None = None,
    learning_rates: Mapping[str, float] | None = None,
    dropout: Mapping[str, float] | None = None,
    units: Mapping[str, int] | None = None,
    coefficients: Mapping[str, float] | None = None,
    **others: ArrayLike,
) -> Hyperparameters:
    """The numbers of a member of a family, as NumPy scalars, with defaults for what is not given.

    By default nothing is penalised, dropped or out of use, and the coefficients are the family's.
    Raises `ValueError` for the name of a network, player or coefficient that the family has not.
    """
    names = family.networks()
    return Hyperparameters(
        method=np.int32(method),
        penalties=_complete("penalties", dict.fromkeys(names, NetworkPenalty()), penalties),
        learning_rates=_numbers(
            "learning_rates", dict.fromkeys(family.players, LEARNING_RATE), learning_rates
        ),
        dropout=_numbers("dropout", dict.fromkeys(names, 0.0), dropout),
        units={
            name: np.int32(count)
            for name, count in _complete("units", dict.fromkeys(names, 2**30), units).items()
        },
        coefficients=_numbers("coefficients", family.coefficients, coefficients),
        **others,
    )


def _complete(what: str, defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> Any:
    """The given entries, and the defaults of the others."""
    given = given or {}
    if unknown := given.keys() - defaults.keys():
        raise ValueError(
            f"{what}: unknown {', '.join(sorted(unknown))}; accepted: {', '.join(defaults)}"
        )
    return {**defaults, **given}


def _numbers(
    what: str, defaults: Mapping[str, float], given: Mapping[str, float] | None
) -> dict[str, ArrayLike]:
    complete = _complete(what, defaults, given)
    return {name: np.float32(number) for name, number in complete.items()}
