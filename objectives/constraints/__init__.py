"""Constraints on trees of weights: a set with a radius and the projection onto it, in one table.

`constraint.project(params, radius)` is run after the optimiser's step, on the new weights; the
radius is a Python number or a traced scalar. Adding a constraint is a file with two functions
and its entry, and one line in `CONSTRAINTS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.constraints.balls import (
    CLIP,
    L2_BALL,
    LINF_BALL,
    MAX_NORM,
    project_l2_ball,
    project_linf_ball,
    project_max_norm,
)
from normsweep.objectives.constraints.constraint import Constraint
from normsweep.objectives.constraints.l1 import L1_BALL, project_l1_ball
from normsweep.objectives.constraints.scope import constraint_per_layer
from normsweep.objectives.constraints.spectral import SPECTRAL_BALL, project_spectral_ball

__all__ = [
    "CONSTRAINTS",
    "Constraint",
    "constraint",
    "constraint_per_layer",
    "project_l1_ball",
    "project_l2_ball",
    "project_linf_ball",
    "project_max_norm",
    "project_spectral_ball",
]

CONSTRAINTS: Mapping[str, Constraint] = MappingProxyType(
    {
        "l1_ball": L1_BALL,
        "l2_ball": L2_BALL,
        "linf_ball": LINF_BALL,
        "clip": CLIP,
        "max_norm": MAX_NORM,
        "spectral_ball": SPECTRAL_BALL,
    }
)
"""Every constraint by its name."""


def constraint(name: str) -> Constraint:
    """Returns the constraint called `name`; raises `ValueError` with the accepted names."""
    if name not in CONSTRAINTS:
        raise ValueError(f"unknown constraint {name!r}; accepted: {', '.join(CONSTRAINTS)}")
    return CONSTRAINTS[name]
