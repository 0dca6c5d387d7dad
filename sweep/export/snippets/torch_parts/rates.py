"""The schedules of learning rates, by their names in a spec and `_rate`, and the factor itself."""

import math
from collections.abc import Callable


def constant_rate(share: float, end: float) -> float:
    """1 throughout."""
    return 1.0


def linear_rate(share: float, end: float) -> float:
    """1 to end on a straight line."""
    return 1 - (1 - end) * share


def cosine_rate(share: float, end: float) -> float:
    """1 to end on half a period of a cosine."""
    return end + (1 - end) * (1 + math.cos(math.pi * share)) / 2


def exponential_rate(share: float, end: float) -> float:
    """1 to end by an equal factor in each step."""
    return float(end**share)


def rate_factor(
    step: int, steps: int, warm: int, rate: Callable[[float, float], float], end: float
) -> float:
    """The factor on a learning rate: from 0 to 1 over `warm` steps, then to `end`."""
    if step < warm:
        return step / warm
    return rate(min((step - warm) / max(1, steps - warm), 1.0), end)
