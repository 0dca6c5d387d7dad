"""Penalties on trees of weights: a value and an analytic gradient each, in one table.

A penalty takes the tree and its coefficients by name, `penalty.value(params, strength=…, order=…)`;
coefficients are Python numbers or traced scalars. Adding a penalty is a file with two functions
and one line in `PENALTIES`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.penalties.elastic import elastic_net, elastic_net_gradient
from normsweep.objectives.penalties.group import group_norm, group_norm_gradient
from normsweep.objectives.penalties.norm import lp_norm, lp_norm_gradient
from normsweep.objectives.penalties.orthogonal import orthogonal, orthogonal_gradient
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.power import lp_power, lp_power_gradient
from normsweep.objectives.penalties.power_iteration import advance_vectors, initial_vectors
from normsweep.objectives.penalties.proximal import (
    elastic_net_proximal,
    group_norm_proximal,
    lp_norm_proximal,
    lp_power_proximal,
)
from normsweep.objectives.penalties.scope import REDUCTIONS, per_layer
from normsweep.objectives.penalties.spectral import spectral, spectral_gradient

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
        "power": Penalty(
            lp_power,
            lp_power_gradient,
            ("strength", "order"),
            "strength · Σ|w|^order",
            "Frank and Friedman, Technometrics 35(2), 1993",
            lp_power_proximal,
        ),
        "norm": Penalty(
            lp_norm,
            lp_norm_gradient,
            ("strength", "order"),
            "strength · (Σ|w|^order)^(1/order)",
            "Golub and Van Loan, Matrix Computations, 2013, sec. 2.2.1",
            lp_norm_proximal,
        ),
        "elastic": Penalty(
            elastic_net,
            elastic_net_gradient,
            ("l1", "l2"),
            "l1 · Σ|w| + l2 · Σw²",
            "Zou and Hastie, J. R. Stat. Soc. B 67(2), 2005, eq. 3",
            elastic_net_proximal,
        ),
        "group": Penalty(
            group_norm,
            group_norm_gradient,
            ("strength",),
            "strength · Σ‖w_unit‖₂ over output units",
            "Yuan and Lin, J. R. Stat. Soc. B 68(1), 2006",
            group_norm_proximal,
        ),
        "orthogonal": Penalty(
            orthogonal,
            orthogonal_gradient,
            ("strength",),
            "strength · Σ‖WᵀW ⊙ (1 − I)‖²_F over layers",
            "Brock, Donahue and Simonyan, arXiv:1809.11096, eq. 3",
            matrices=True,
        ),
        "spectral": Penalty(
            spectral,
            spectral_gradient,
            ("strength",),
            "strength · Σσ(W)² over layers, σ the largest singular value",
            "Yoshida and Miyato, arXiv:1705.10941",
            initial_state=initial_vectors,
            advance=advance_vectors,
            matrices=True,
        ),
    }
)
"""Every penalty by its name."""


def penalty(form: str) -> Penalty:
    """Returns the penalty called `form`; raises `ValueError` with the accepted names."""
    if form not in PENALTIES:
        raise ValueError(f"unknown penalty form {form!r}; accepted: {', '.join(PENALTIES)}")
    return PENALTIES[form]
