"""The proximal steps of the penalties, by the name of the penalty and `_step`."""

from typing import Any

import torch

from normsweep.export.snippets.torch_parts.algebra import shrink, soft_threshold, unit_norms
from normsweep.export.snippets.torch_parts.penalties import norm


def power_step(
    weights: list[Any], rate: float, strength: float, order: float
) -> list[torch.Tensor]:
    """The proximal step of strength · Σ|w|^order, for the orders 1 and 2."""
    l1, l2 = (strength, 0.0) if order == 1 else (0.0, strength)
    return elastic_step(weights, rate, l1, l2)


def elastic_step(weights: list[Any], rate: float, l1: float, l2: float) -> list[torch.Tensor]:
    """The proximal step of l1 · Σ|w| + l2 · Σw²."""
    return [soft_threshold(w, rate * l1) / (1 + 2 * rate * l2) for w in weights]


def norm_step(weights: list[Any], rate: float, strength: float, order: float) -> list[torch.Tensor]:
    """The proximal step of strength · ‖w‖_order over all weights at once, for orders 1 and 2."""
    if order == 1:
        return elastic_step(weights, rate, strength, 0.0)
    size = norm(weights, 1.0, 2.0)
    return [shrink(w, size, rate * strength) for w in weights]


def group_step(weights: list[Any], rate: float, strength: float) -> list[torch.Tensor]:
    """The proximal step of strength · Σ‖w_unit‖₂."""
    return [shrink(w, unit_norms(w), rate * strength) for w in weights]
