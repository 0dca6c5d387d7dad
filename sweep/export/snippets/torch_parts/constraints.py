"""The projections onto the sets of the constraints, by their names in a spec."""

from typing import Any

import torch

from normsweep.export.snippets.torch_parts.algebra import (
    as_matrix,
    largest_singular_value,
    soft_threshold,
    unit_norms,
    within,
)
from normsweep.export.snippets.torch_parts.penalties import norm


def l1_ball(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """The nearest weights with Σ|w| ≤ radius (Duchi et al., ICML 2008)."""
    sizes = torch.cat([w.abs().flatten() for w in weights]).sort(descending=True).values
    counts = torch.arange(1, len(sizes) + 1, dtype=sizes.dtype, device=sizes.device)
    threshold = ((sizes.cumsum(0) - radius) / counts).max().clamp(min=0.0)
    return [soft_threshold(w, threshold) for w in weights]


def l2_ball(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """w · min(1, radius/‖w‖₂), over all weights at once."""
    return [within(w, norm(weights, 1.0, 2.0), radius) for w in weights]


def linf_ball(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """Every weight clipped to [−radius, radius]."""
    return [w.clamp(-radius, radius) for w in weights]


def clip(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """The set of linf_ball, under its name in WGAN (arXiv:1701.07875)."""
    return linf_ball(weights, radius)


def max_norm(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """w_unit · min(1, radius/‖w_unit‖₂) for each output unit."""
    return [within(w, unit_norms(w), radius) for w in weights]


def spectral_ball(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """W · min(1, radius/σ(W)) for each matrix, σ the largest singular value."""

    def scaled(w: torch.Tensor) -> torch.Tensor:
        return within(w, largest_singular_value(as_matrix(w)), radius)

    return [scaled(w) if w.ndim > 1 else w for w in weights]
