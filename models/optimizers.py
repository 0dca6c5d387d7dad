"""The optimisers of the two players, and the schedules of their learning rates, from Optax."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

from normsweep.objectives.aliases import PyTree

Mask = Callable[[PyTree], PyTree]


class OptimizerSettings(NamedTuple):
    """What optimisers are made from: scalars that may be traced."""

    learning_rate: ArrayLike
    beta1: ArrayLike
    beta2: ArrayLike
    decay: ArrayLike
    momentum: ArrayLike
    weight_decay: ArrayLike


class Optimizer(NamedTuple):
    """One optimiser: `build(settings, decayed)`, and the settings beside the learning rate it uses.

    `decayed` makes the mask of the weights that decay.
    """

    build: Callable[[OptimizerSettings, Mask], optax.GradientTransformation]
    settings: tuple[str, ...]
    summary: str
    source: str


def _adam(settings: OptimizerSettings, decayed: Mask) -> optax.GradientTransformation:
    del decayed
    return optax.adam(settings.learning_rate, b1=settings.beta1, b2=settings.beta2)


def _adamw(settings: OptimizerSettings, decayed: Mask) -> optax.GradientTransformation:
    return optax.adamw(
        settings.learning_rate,
        b1=settings.beta1,
        b2=settings.beta2,
        weight_decay=settings.weight_decay,
        mask=decayed,
    )


def _sgd(settings: OptimizerSettings, decayed: Mask) -> optax.GradientTransformation:
    del decayed
    return optax.sgd(settings.learning_rate, momentum=settings.momentum)


def _rmsprop(settings: OptimizerSettings, decayed: Mask) -> optax.GradientTransformation:
    del decayed
    return optax.rmsprop(settings.learning_rate, decay=settings.decay)


def _optimistic_adam(settings: OptimizerSettings, decayed: Mask) -> optax.GradientTransformation:
    del decayed
    # Nesterov's momentum, on by default in Optax, is not in the paper's algorithm 1.
    return optax.optimistic_adam_v2(
        settings.learning_rate, b1=settings.beta1, b2=settings.beta2, nesterov=False
    )


OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(
    {
        "adam": Optimizer(
            _adam,
            ("beta1", "beta2"),
            "moments of the gradient, bias-corrected",
            "Kingma and Ba 2015, arXiv:1412.6980",
        ),
        "adamw": Optimizer(
            _adamw,
            ("beta1", "beta2", "weight_decay"),
            "Adam with decoupled weight decay: w − rate · weight_decay · w",
            "Loshchilov and Hutter 2019, arXiv:1711.05101",
        ),
        "sgd": Optimizer(
            _sgd,
            ("momentum",),
            "gradient descent with momentum",
            "Sutskever et al., ICML 2013",
        ),
        "rmsprop": Optimizer(
            _rmsprop,
            ("decay",),
            "gradient over the root of its mean square, which begins at 0",
            "Tieleman and Hinton, Coursera lecture 6.5, 2012",
        ),
        "optimistic_adam": Optimizer(
            _optimistic_adam,
            ("beta1", "beta2"),
            "Adam that steps back by its last update, against cycling",
            "Daskalakis et al. 2018, arXiv:1711.00141",
        ),
    }
)
"""Optimisers by name."""


def optimizers_with(setting: str) -> tuple[str, ...]:
    """The names of the optimisers that use a setting."""
    return tuple(name for name, entry in OPTIMIZERS.items() if setting in entry.settings)


def _constant(steps: int, end: float) -> optax.Schedule:
    """1 throughout (optax.constant_schedule)."""
    del steps, end
    return optax.constant_schedule(1.0)


def _linear(steps: int, end: float) -> optax.Schedule:
    """1 to end on a straight line (optax.linear_schedule)."""
    return optax.linear_schedule(1.0, end, steps)


def _cosine(steps: int, end: float) -> optax.Schedule:
    """1 to end on half a period of a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return optax.cosine_decay_schedule(1.0, steps, alpha=end)


_LEAST_END = 2 * float(np.finfo(np.float32).tiny)


def _exponential(steps: int, end: float) -> optax.Schedule:
    """1 to end, which is above 0, by an equal factor each step (optax.exponential_decay)."""
    # For an end of 0 Optax gives a constant schedule.
    if end < _LEAST_END:
        raise ValueError(
            f"got {end}, to which no equal factors lead; accepted: a number ≥ {_LEAST_END:.2g}"
        )
    return optax.exponential_decay(1.0, steps, end, end_value=end)


LEARNING_RATE_SCHEDULES: Mapping[str, Callable[[int, float], optax.Schedule]] = MappingProxyType(
    {"constant": _constant, "linear": _linear, "cosine": _cosine, "exponential": _exponential}
)
"""Schedules by name; each takes the steps it lasts and the factor at its end, which it comes to, or
raises `ValueError`. Docstrings end with the source in brackets."""


class LearningRateSchedule(NamedTuple):
    """How both learning rates change: static. A linear warm-up over a share of all steps first."""

    name: str = "constant"
    end: float = 0.0
    warmup: float = 0.0

    def factor(self, step: jax.Array, steps: int) -> ArrayLike:
        """The factor on the learning rates at a step out of `steps`; 1 where nothing changes."""
        if self.name == "constant" and self.warmup == 0:
            return 1.0
        warm = round(self.warmup * steps)
        schedule = LEARNING_RATE_SCHEDULES[self.name](max(1, steps - warm), self.end)
        if warm:
            schedule = optax.join_schedules(
                [optax.linear_schedule(0.0, 1.0, warm), schedule], [warm]
            )
        # Optax mixes the integer step with floats, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            return jnp.asarray(schedule(step), jnp.float32)


CONSTANT_RATE = LearningRateSchedule()
