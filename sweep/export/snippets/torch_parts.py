"""The functions of which a PyTorch snippet is put together, each copied as it stands here.

They are those of `jax_parts`, on modules. PyTorch keeps the output units of a layer on the first
axis of its weight, not on the last.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch


def path_of(name: str, parameter: torch.nn.Parameter) -> str:
    """layers.0.weight as layers/0/kernel; the weight of a normalisation, a vector, as scale."""
    parts = name.split(".")
    if parts[-1] == "weight":
        parts[-1] = "kernel" if parameter.ndim > 1 else "scale"
    return "/".join(parts)


def selected(network: torch.nn.Module, pattern: str) -> list[torch.nn.Parameter]:
    """The parameters in whose path the pattern is found."""
    named = list(network.named_parameters())
    found = [entry for name, entry in named if re.search(pattern, path_of(name, entry))]
    if not found:
        paths = ", ".join(path_of(name, entry) for name, entry in named)
        raise ValueError(f"none of {paths} matches {pattern!r}: adapt WEIGHTS to them")
    return found


def groups(network: torch.nn.Module, pattern: str, decay: float) -> list[dict[str, Any]]:
    """Parameter groups of which the selected weights decay."""
    weights = selected(network, pattern)
    rest = [entry for entry in network.parameters() if all(entry is not w for w in weights)]
    decaying = {"params": weights, "weight_decay": decay}
    return [decaying, {"params": rest, "weight_decay": 0.0}] if rest else [decaying]


def magnitude_power(w: torch.Tensor, order: float) -> torch.Tensor:
    """|w|^order; the derivative is 0 where w is 0."""
    nonzero = w != 0
    powered = torch.where(nonzero, w, torch.ones_like(w)).abs() ** order
    return torch.where(nonzero, powered, torch.zeros_like(w))


def added(terms: Iterable[torch.Tensor]) -> torch.Tensor:
    """The sum of scalars."""
    return torch.stack(list(terms)).sum()


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


def unit_norms(w: torch.Tensor) -> torch.Tensor:
    """The norm of the weights into each output unit, the first axis; of a vector, each entry's."""
    squares = (w * w).sum(tuple(range(1, w.ndim)), keepdim=True) if w.ndim > 1 else w * w
    return magnitude_power(squares, 0.5)


def group(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σ‖w_unit‖₂ over output units."""
    return strength * added(unit_norms(w).sum() for w in weights)


def orthogonal(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σ‖WWᵀ ⊙ (1 − I)‖²_F over matrices with a row for each output unit."""
    matrices = [w.flatten(1) for w in weights if w.ndim > 1]
    products = [matrix @ matrix.T for matrix in matrices]
    return strength * added(((p - torch.diag(p.diagonal())) ** 2).sum() for p in products)


def spectral(weights: list[Any], strength: float) -> torch.Tensor:
    """strength · Σσ(W)² over matrices, σ the largest singular value."""
    matrices = [w.flatten(1) for w in weights if w.ndim > 1]
    return strength * added(torch.linalg.matrix_norm(matrix, 2) ** 2 for matrix in matrices)


def soft_threshold(w: torch.Tensor, threshold: Any) -> torch.Tensor:
    """sign(w) · max(|w| − threshold, 0)."""
    return w.sign() * (w.abs() - threshold).clamp(min=0.0)


def within(w: torch.Tensor, size: torch.Tensor, radius: float) -> torch.Tensor:
    """w · min(1, radius/size)."""
    return w * (radius / torch.where(size > 0, size, torch.ones_like(size))).clamp(max=1.0)


def shrink(w: torch.Tensor, size: torch.Tensor, threshold: float) -> torch.Tensor:
    """w · max(0, 1 − threshold/size)."""
    size = torch.where(size > 0, size, torch.ones_like(size))
    return w * (1 - threshold / size).clamp(min=0.0)


def elastic_step(weights: list[Any], rate: float, l1: float, l2: float) -> list[torch.Tensor]:
    """The proximal step of l1 · Σ|w| + l2 · Σw²."""
    return [soft_threshold(w, rate * l1) / (1 + 2 * rate * l2) for w in weights]


def norm_step(weights: list[Any], rate: float, strength: float) -> list[torch.Tensor]:
    """The proximal step of strength · ‖w‖₂, over all weights at once."""
    size = norm(weights, 1.0, 2.0)
    return [shrink(w, size, rate * strength) for w in weights]


def group_step(weights: list[Any], rate: float, strength: float) -> list[torch.Tensor]:
    """The proximal step of strength · Σ‖w_unit‖₂."""
    return [shrink(w, unit_norms(w), rate * strength) for w in weights]


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


def max_norm(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """w_unit · min(1, radius/‖w_unit‖₂) for each output unit."""
    return [within(w, unit_norms(w), radius) for w in weights]


def spectral_ball(weights: list[Any], radius: float) -> list[torch.Tensor]:
    """W · min(1, radius/σ(W)) for each matrix, σ the largest singular value."""

    def size(w: torch.Tensor) -> torch.Tensor:
        return torch.linalg.matrix_norm(w.flatten(1), 2)

    return [within(w, size(w), radius) if w.ndim > 1 else w for w in weights]


def ramp(step: int, steps: int, shape: str, settings: tuple[float, float, float, float]) -> float:
    """The factor on a strength: from start to end, between two shares of all steps."""
    start, end, begin, finish = settings
    progress = step / steps
    if shape == "step" or finish <= begin:
        way = 1.0 if progress >= begin else 0.0
    else:
        way = min(max((progress - begin) / (finish - begin), 0.0), 1.0)
        way = (1 - math.cos(math.pi * way)) / 2 if shape == "cosine" else way
    return start + (end - start) * way


def rate_factor(step: int, steps: int, warm: int, shape: str, end: float) -> float:
    """The factor on a learning rate: from 0 to 1 over `warm` steps, then to `end`."""
    if step < warm:
        return step / warm
    way = min((step - warm) / max(1, steps - warm), 1.0)
    if shape == "exponential":
        return float(max(end, 1e-6) ** way)
    if shape == "cosine":
        return end + (1 - end) * (1 + math.cos(math.pi * way)) / 2
    return 1 - (1 - end) * way if shape == "linear" else 1.0


def replace(weights: list[torch.nn.Parameter], change: Callable[[list[Any]], Any]) -> None:
    """Changes weights in place, all of them at once."""
    with torch.no_grad():
        for w, new in zip(weights, change([w.detach().clone() for w in weights]), strict=True):
            w.copy_(new)


def rms_prop(parameters: Any, lr: float, decay: float) -> torch.optim.Optimizer:
    """RMSprop as in Optax, which adds ε = 1e-8 below the root and not behind it."""

    class RMSprop(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            for each in self.param_groups:
                for w in (w for w in each["params"] if w.grad is not None):
                    gradient = w.grad + each.get("weight_decay", 0.0) * w
                    square = self.state[w].setdefault("square", torch.zeros_like(w))
                    square.mul_(decay).add_((1 - decay) * gradient**2)
                    w.sub_(each["lr"] * gradient / (square + 1e-8).sqrt())

    return RMSprop(parameters, {"lr": lr})
