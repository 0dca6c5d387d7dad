"""A constraint on each layer by itself, instead of all leaves jointly."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.constraints.constraint import Constraint
from normsweep.objectives.penalties.units import largest_over_leaves


@cache
def constraint_per_layer(entry: Constraint) -> Constraint:
    """Returns the constraint that keeps each leaf within a ball of its own, all of one radius.

    The size is the largest of the leaves' sizes. Equal arguments give the same object, so that it
    may be a static argument of a compiled program.
    """

    def over_leaves(
        run: Callable[..., Any], function: Callable[..., Any], params: PyTree, state: PyTree
    ) -> Any:
        if entry.initial_state is None:
            return run(function, params)
        return run(lambda w, v: function(w, state=v), params, state)

    def project(params: PyTree, radius: Scalar, *, state: PyTree = None) -> PyTree:
        def inside(w: jax.Array, **arguments: Any) -> jax.Array:
            projected: jax.Array = entry.project(w, radius, **arguments)
            return projected

        return over_leaves(jax.tree.map, inside, params, state)

    def size(params: PyTree, *, state: PyTree = None) -> jax.Array:
        largest: jax.Array = over_leaves(largest_over_leaves, entry.size, params, state)
        return largest

    summary = f"each layer by itself: {entry.summary}"
    return entry._replace(project=project, size=size, summary=summary)
