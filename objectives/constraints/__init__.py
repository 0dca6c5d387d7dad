"""Constraints on trees of weights: a set with a radius and the projection onto it, in one table.

`constraint.project(params, radius)` is run after the optimiser's step, on the new weights; the
radius is a Python number or a traced scalar. Adding a constraint is a file with two functions and
one line in `CONSTRAINTS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.constraints.balls import (
    l2_size,
    linf_size,
    max_norm_size,
    project_l2_ball,
    project_linf_ball,
    project_max_norm,
)
from normsweep.objectives.constraints.constraint import Constraint
from normsweep.objectives.constraints.l1 import l1_size, project_l1_ball
from normsweep.objectives.constraints.scope import constraint_per_layer
from normsweep.objectives.constraints.spectral import project_spectral_ball, spectral_size
from normsweep.objectives.penalties.power_iteration import advance_vectors, initial_vectors

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
        "l1_ball": Constraint(
            project_l1_ball,
            l1_size,
            "Σ|w| ≤ radius",
            "Duchi et al., ICML 2008",
        ),
        "l2_ball": Constraint(
            project_l2_ball,
            l2_size,
            "‖w‖₂ ≤ radius",
            "Parikh and Boyd, Proximal Algorithms, 2014, sec. 6.5.1",
        ),
        "linf_ball": Constraint(
            project_linf_ball,
            linf_size,
            "max |w| ≤ radius",
            "Parikh and Boyd, Proximal Algorithms, 2014, sec. 6.2.1",
        ),
        "clip": Constraint(
            project_linf_ball,
            linf_size,
            "|w| ≤ radius for every weight, the set of linf_ball under its name in WGAN",
            "Arjovsky, Chintala and Bottou, arXiv:1701.07875, algorithm 1",
        ),
        "max_norm": Constraint(
            project_max_norm,
            max_norm_size,
            "‖w_unit‖₂ ≤ radius for every output unit",
            "Srivastava et al., J. Mach. Learn. Res. 15, 2014, sec. 5.1",
        ),
        "spectral_ball": Constraint(
            project_spectral_ball,
            spectral_size,
            "σ(W) ≤ radius for every layer, σ the largest singular value",
            "Gouk et al., arXiv:1804.04368",
            initial_state=initial_vectors,
            advance=advance_vectors,
            matrices=True,
        ),
    }
)
"""Every constraint by its name."""


def constraint(name: str) -> Constraint:
    """Returns the constraint called `name`; raises `ValueError` with the accepted names."""
    if name not in CONSTRAINTS:
        raise ValueError(f"unknown constraint {name!r}; accepted: {', '.join(CONSTRAINTS)}")
    return CONSTRAINTS[name]
