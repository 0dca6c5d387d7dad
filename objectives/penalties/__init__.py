"""Penalties on trees of weights: a value and an analytic gradient each, in one table.

A penalty takes the tree and its coefficients by name, `penalty.value(params, strength=…, order=…)`;
coefficients are Python numbers or traced scalars. Adding a penalty is a file with two functions
and its entry, and one line in `PENALTIES`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.penalties.elastic import (
    ELASTIC,
    elastic_net,
    elastic_net_gradient,
    elastic_net_proximal,
)
from normsweep.objectives.penalties.group import (
    GROUP,
    group_norm,
    group_norm_gradient,
    group_norm_proximal,
)
from normsweep.objectives.penalties.norm import NORM, lp_norm, lp_norm_gradient, lp_norm_proximal
from normsweep.objectives.penalties.orthogonal import ORTHOGONAL, orthogonal, orthogonal_gradient
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.power import (
    POWER,
    lp_power,
    lp_power_gradient,
    lp_power_proximal,
)
from normsweep.objectives.penalties.scope import REDUCTIONS, per_layer
from normsweep.objectives.penalties.spectral import SPECTRAL, spectral, spectral_gradient

__all__ = [
    "PENALTIES",
    "REDUCTIONS",
    "Penalty",
    "elastic_net",
    "elastic_net_gradient",
    "elastic_net_proximal",
    "group_norm",
    "group_norm_gradient",
    "group_norm_proximal",
    "lp_norm",
    "lp_norm_gradient",
    "lp_norm_proximal",
    "lp_power",
    "lp_power_gradient",
    "lp_power_proximal",
    "orthogonal",
    "orthogonal_gradient",
    "penalty",
    "per_layer",
    "spectral",
    "spectral_gradient",
]

PENALTIES: Mapping[str, Penalty] = MappingProxyType(
    {
        "power": POWER,
        "norm": NORM,
        "elastic": ELASTIC,
        "group": GROUP,
        "orthogonal": ORTHOGONAL,
        "spectral": SPECTRAL,
    }
)
"""Every penalty by its name."""


def penalty(form: str) -> Penalty:
    """Returns the penalty called `form`; raises `ValueError` with the accepted names."""
    if form not in PENALTIES:
        raise ValueError(f"unknown penalty form {form!r}; accepted: {', '.join(PENALTIES)}")
    return PENALTIES[form]
