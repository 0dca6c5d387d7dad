"""The weights that are meant, found among the parameters of a module by their path."""

import re
from collections.abc import Callable
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


def replace(weights: list[torch.nn.Parameter], change: Callable[[list[Any]], Any]) -> None:
    """Changes weights in place, all of them at once."""
    with torch.no_grad():
        for w, new in zip(weights, change([w.detach().clone() for w in weights]), strict=True):
            w.copy_(new)
