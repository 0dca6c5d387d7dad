"""The schedules of the strength, by their names in a spec and `_way`, and the factor itself."""

import math
from collections.abc import Callable


def linear_way(share: float) -> float:
    """A straight line."""
    return share


def cosine_way(share: float) -> float:
    """Half a period of a cosine."""
    return (1 - math.cos(math.pi * share)) / 2


def step_way(share: float) -> float:
    """All of the way at once."""
    return 1.0


def ramp(
    step: int,
    steps: int,
    way: Callable[[float], float],
    settings: tuple[float, float, float, float],
) -> float:
    """The factor on a strength: from start to end, between two shares of all steps."""
    start, end, begin, finish = settings
    progress = step / steps
    if progress < begin:
        return start
    span = finish - begin
    share = min((progress - begin) / span, 1.0) if span > 0 else 1.0
    return start + (end - start) * way(share)
