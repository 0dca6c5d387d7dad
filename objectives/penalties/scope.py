"""What a penalty runs over: all leaves jointly, as it is defined, or each layer by itself."""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import jax

from normsweep.objectives.aliases import PyTree, Scalar
from normsweep.objectives.penalties.penalty import Penalty
from normsweep.objectives.penalties.tree import zero_like

REDUCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "sum": "the penalties of the layers are added",
        "mean": "their sum over the number of layers",
    }
)
"""How the penalties of the layers make one."""


def per_layer(entry: Penalty, reduction: str = "sum") -> Penalty:
    """Returns the penalty that takes `entry` of each leaf by itself, and adds or averages them.

    With the reduction `mean` each leaf's strengths are divided by the number of leaves that count:
    where `entry` is one of matrices, of those. Value,
    gradient, proximal operator and state follow; the coefficients are those of `entry`. Equal
    arguments give the same object, so that it may be a static argument of a compiled program.
    Raises `ValueError` for an unknown reduction.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r}; accepted: {', '.join(REDUCTIONS)}")
    return _per_layer(entry, reduction)


@cache
def _per_layer(entry: Penalty, reduction: str) -> Penalty:
    def each_leaf(function: Callable[..., Any], params: PyTree, **arguments: Any) -> PyTree:
        leaves = [w for w in jax.tree.leaves(params) if w.ndim > 1 or not entry.matrices]
        count = max(len(leaves), 1) if reduction == "mean" else 1
        state = arguments.pop("state", None)
        for name in entry.coefficients:
            if name != "order":
                arguments[name] = arguments[name] / count
        if entry.initial_state is None:
            return jax.tree.map(lambda w: function(w, **arguments), params)
        return jax.tree.map(lambda w, v: function(w, state=v, **arguments), params, state)

    def value(params: PyTree, **arguments: Any) -> jax.Array:
        zero = zero_like(params)
        values = jax.tree.leaves(each_leaf(entry.value, params, **arguments))
        return sum((each.astype(zero.dtype) for each in values), start=zero)

    def gradient(params: PyTree, **arguments: Any) -> PyTree:
        return each_leaf(entry.gradient, params, **arguments)

    def proximal(params: PyTree, step: Scalar, **arguments: Any) -> PyTree:
        assert entry.proximal is not None
        return each_leaf(entry.proximal, params, step=step, **arguments)

    return entry._replace(
        value=value,
        gradient=gradient,
        summary=f"{reduction} over the layers of {entry.summary}",
        proximal=None if entry.proximal is None else proximal,
    )
