"""What several formulas need: powers, sums, units, matrices and thresholds."""

from collections.abc import Iterable
from typing import Any

import torch


def magnitude_power(w: torch.Tensor, order: float) -> torch.Tensor:
    """|w|^order; the derivative is 0 where w is 0."""
    nonzero = w != 0
    powered = torch.where(nonzero, w, torch.ones_like(w)).abs() ** order
    return torch.where(nonzero, powered, torch.zeros_like(w))


def added(terms: Iterable[torch.Tensor]) -> torch.Tensor:
    """The sum of scalars."""
    return torch.stack(list(terms)).sum()


def unit_norms(w: torch.Tensor) -> torch.Tensor:
    """The norm of the weights into each output unit, the first axis; of a vector, each entry's."""
    squares = (w * w).sum(tuple(range(1, w.ndim)), keepdim=True) if w.ndim > 1 else w * w
    return magnitude_power(squares, 0.5)


def as_matrix(w: torch.Tensor) -> torch.Tensor:
    """[output units, incoming weights]."""
    return w.flatten(1)


def matrices_of(weights: list[Any]) -> list[torch.Tensor]:
    """The weights of two axes or more, each as [output units, incoming weights]."""
    return [as_matrix(w) for w in weights if w.ndim > 1]


def largest_singular_value(matrix: torch.Tensor) -> torch.Tensor:
    """σ of a matrix, by an SVD."""
    return torch.linalg.matrix_norm(matrix, 2)


def soft_threshold(w: torch.Tensor, threshold: Any) -> torch.Tensor:
    """sign(w) · max(|w| − threshold, 0)."""
    return w.sign() * (w.abs() - threshold).clamp(min=0.0)


def shrink(w: torch.Tensor, size: torch.Tensor, threshold: float) -> torch.Tensor:
    """w · max(0, 1 − threshold/size)."""
    size = torch.where(size > 0, size, torch.ones_like(size))
    return w * (1 - threshold / size).clamp(min=0.0)


def within(w: torch.Tensor, size: torch.Tensor, radius: float) -> torch.Tensor:
    """w · min(1, radius/size)."""
    return w * (radius / torch.where(size > 0, size, torch.ones_like(size))).clamp(max=1.0)
