"""The schedules of the strength, by their names in a spec and `_way`, and the factor itself."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def linear_way(share: Any) -> Any:
    """A straight line."""
    return share


def cosine_way(share: Any) -> Any:
    """Half a period of a cosine."""
    return (1 - jnp.cos(jnp.pi * share)) / 2


def step_way(share: Any) -> Any:
    """All of the way at once."""
    return jnp.ones_like(share)


def ramp(
    step: Any,
    steps: int,
    way: Callable[[Any], Any],
    settings: tuple[float, float, float, float],
) -> Any:
    """The factor on a strength: from start to end, between two shares of all steps."""
    start, end, begin, finish = settings
    progress = step / steps
    span = finish - begin
    share = jnp.clip((progress - begin) / span, 0.0, 1.0) if span > 0 else jnp.ones(())
    return start + (end - start) * jnp.where(progress < begin, 0.0, way(share))
