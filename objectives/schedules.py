"""Strength over time: a factor on a penalty's strength that moves from one value to another.

Time is the share of the training that is done, in [0, 1]. A warm-up goes from 0 to 1, a decay from
1 to 0. Everything but the shape may be traced.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.objectives.aliases import Scalar


class StrengthSchedule(NamedTuple):
    """The way from start to end: `shape` maps [0, 1], from `begin` to `finish`, into [0, 1].

    It never falls, and ends at 1. None is no way at all: the factor is 1 throughout. `settings` are
    the arguments of `strength_factor` beside the progress on which the factor depends.
    """

    shape: Callable[[jax.Array], jax.Array] | None
    settings: tuple[str, ...]
    summary: str
    source: str


def linear(x: jax.Array) -> jax.Array:
    """Returns x."""
    return x


def cosine(x: jax.Array) -> jax.Array:
    """Returns ½·(1 − cos(π·x))."""
    return (1 - jnp.cos(np.float32(np.pi) * x)) / 2


def step(x: jax.Array) -> jax.Array:
    """Returns 1: all of the way is made at `begin`."""
    return jnp.ones_like(x)


_RAMP = ("start", "end", "begin", "finish")

STRENGTH_SCHEDULES: Mapping[str, StrengthSchedule] = MappingProxyType(
    {
        "constant": StrengthSchedule(None, (), "1 throughout", "no schedule"),
        "linear": StrengthSchedule(
            linear, _RAMP, "a straight line from start to end", "optax.linear_schedule"
        ),
        "cosine": StrengthSchedule(
            cosine,
            _RAMP,
            "half a period of a cosine from start to end",
            "Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5",
        ),
        "step": StrengthSchedule(
            step,
            ("start", "end", "begin"),
            "a jump from start to end at begin",
            "optax.piecewise_constant_schedule",
        ),
    }
)
"""Every strength schedule by its name."""


def strength_schedule(name: str) -> StrengthSchedule:
    """Returns the schedule called `name`; raises `ValueError` with the accepted names."""
    if name not in STRENGTH_SCHEDULES:
        accepted = ", ".join(STRENGTH_SCHEDULES)
        raise ValueError(f"unknown strength schedule {name!r}; accepted: {accepted}")
    return STRENGTH_SCHEDULES[name]


def strength_factor(
    entry: StrengthSchedule,
    progress: Scalar,
    start: Scalar,
    end: Scalar,
    begin: Scalar = 0.0,
    finish: Scalar = 1.0,
) -> jax.Array:
    """Returns start + (end − start)·shape(x), x = (progress − begin)/(finish − begin) in [0, 1].

    Before `begin` it is exactly `start`, from `finish` on exactly `end`, and never outside the two.
    Where `finish` is not above `begin`, and for `step` always, it jumps to `end` at `begin`. For
    `constant` it is 1, whatever the other arguments. All are Python numbers or scalars that may be
    traced; the result is a float32 scalar.
    """
    if entry.shape is None:
        return jnp.ones((), np.float32)
    scalars = (progress, start, end, begin, finish)
    now, first, last, opening, closing = (jnp.asarray(scalar, np.float32) for scalar in scalars)
    span = closing - opening
    ramp = (now - opening) / jnp.where(span > 0, span, np.float32(1))
    way = entry.shape(jnp.where(span > 0, jnp.clip(ramp, 0, 1), np.float32(1)))
    way = jnp.where(now < opening, np.float32(0), way)
    factor = first + (last - first) * way
    # Rounding would miss the end, or pass it.
    bounded = jnp.clip(factor, jnp.minimum(first, last), jnp.maximum(first, last))
    return jnp.where(way == 1, last, bounded)
