"""Norm penalties on trees of weights: a value and an analytic gradient each, in one table.

A penalty takes the tree and its coefficients by name, `penalty.value(params, strength=…, order=…)`;
coefficients are Python numbers or traced scalars. Adding a penalty is a file with two functions
and one line in `PENALTIES`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax

from objectives.aliases import PyTree
from objectives.penalties.elastic import elastic_net, elastic_net_gradient
from objectives.penalties.norm import lp_norm, lp_norm_gradient
from objectives.penalties.power import lp_power, lp_power_gradient

__all__ = [
    "PENALTIES",
    "Penalty",
    "elastic_net",
    "elastic_net_gradient",
    "lp_norm",
    "lp_norm_gradient",
    "lp_power",
    "lp_power_gradient",
    "penalty",
]


class Penalty(NamedTuple):
    """One penalty: `value(params, **coefficients)` and its `gradient` with the same arguments.

    The value is a scalar. The gradient is a tree like `params`, equal to `jax.grad` of the value,
    and 0 wherever a weight is 0. `coefficients` are the names that both accept, all required.
    """

    value: Callable[..., jax.Array]
    gradient: Callable[..., PyTree]
    coefficients: tuple[str, ...]
    summary: str
    source: str


PENALTIES: Mapping[str, Penalty] = MappingProxyType(
    {
        "power": Penalty(
            lp_power,
            lp_power_gradient,
            ("strength", "order"),
            "strength · Σ|w|^order",
            "Frank and Friedman, Technometrics 35(2), 1993",
        ),
        "norm": Penalty(
            lp_norm,
            lp_norm_gradient,
            ("strength", "order"),
            "strength · (Σ|w|^order)^(1/order)",
            "Golub and Van Loan, Matrix Computations, 2013, sec. 2.2.1",
        ),
        "elastic": Penalty(
            elastic_net,
            elastic_net_gradient,
            ("l1", "l2"),
            "l1 · Σ|w| + l2 · Σw²",
            "Zou and Hastie, J. R. Stat. Soc. B 67(2), 2005, eq. 3",
        ),
    }
)
"""Every penalty by its name."""


def penalty(form: str) -> Penalty:
    """Returns the penalty called `form`; raises `ValueError` with the accepted names."""
    if form not in PENALTIES:
        raise ValueError(f"unknown penalty form {form!r}; accepted: {', '.join(PENALTIES)}")
    return PENALTIES[form]
