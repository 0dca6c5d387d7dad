"""The penalties, by their names in a spec."""

from typing import Any

import torch

from normsweep.export.snippets.torch_parts.algebra import (
    added,
    largest_singular_value,
    magnitude_power,
    matrices_of,
    unit_norms,
)


def power(weights: list[Any], strength: float, order: float) -> torch.Tensor:
    """strength · Σ|w|^order."""
    return strength * added(magnitude_power(w, order).sum() for w in weights)


def elastic(weights: list[Any], l1: float, l2: float) -> torch.Tensor:
    """l1 · Σ|w| + l2 · Σw²."""
    return power(weights, l1, 1.0) + power(weights, l2, 2.0)


def norm(weights: list[Any], strength: float, order: float) -> torch.Tensor:
    """strength · (Σ|w|^order)^(1/order), over all weights at once."""
    # Scaled by the largest, so that no power leaves the range of float32.
    largest = torch.stack([w.detach().abs().max() for w in weights]).max()
    largest = torch.where(largest > 0, largest, torch.ones_like(largest))
    total = power([w / largest for w in weights], 1.0, order)
    return strength * largest * magnitude_power(total, 1 / order)


def group(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σ‖w_unit‖₂ over output units."""
    return strength * added(unit_norms(w).sum() for w in weights)


def orthogonal(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σ‖WWᵀ ⊙ (1 − I)‖²_F over matrices with a row for each output unit."""
    products = [matrix @ matrix.T for matrix in matrices_of(weights)]
    return strength * added(((p - torch.diag(p.diagonal())) ** 2).sum() for p in products)


def spectral(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σσ(W)² over matrices, σ the largest singular value."""
    return strength * added(largest_singular_value(m) ** 2 for m in matrices_of(weights))
