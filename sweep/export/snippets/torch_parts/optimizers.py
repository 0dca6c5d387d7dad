"""Optimisers that PyTorch has otherwise or not at all, and groups of which some weights decay."""

from typing import Any

import torch

from normsweep.export.snippets.torch_parts.weights import selected


def groups(network: torch.nn.Module, pattern: str, decay: float) -> list[dict[str, Any]]:
    """Parameter groups of which the selected weights decay."""
    weights = selected(network, pattern)
    rest = [entry for entry in network.parameters() if all(entry is not w for w in weights)]
    decaying = {"params": weights, "weight_decay": decay}
    return [decaying, {"params": rest, "weight_decay": 0.0}] if rest else [decaying]


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
