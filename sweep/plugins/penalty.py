"""A user's own penalty."""

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from objectives.penalties import Penalty
from sweep.errors import UserError
from sweep.plugins.load import load_plugin, plugin_path, told

FIELD = "penalty.form"
COEFFICIENTS = ("strength", "order", "l1", "l2")
WEIGHTS = ("strength", "l1", "l2")
"""The coefficients of which at least one must scale a penalty: at 0 there is none."""

ACCEPTED = (
    f"accepted is a function, in JAX, of (params, …) and any of {', '.join(COEFFICIENTS)}, at "
    "least one of them other than order, that returns a scalar; or a Penalty"
)


def plugin_penalty(reference: str) -> Penalty:
    """The user's penalty: a `Penalty`, or a function `value(params, strength, …)` alone.

    Such a function returns a scalar, in JAX; `params` is the tree of a network's weights, `None`
    where one is not selected. The coefficients that it takes are read off its signature, its
    gradient is that of `jax.grad`, and its summary is the first line of its docstring. The same
    reference gives the same object.

    Raises:
        UserError: as `load_plugin` does, and for an object that is neither.
    """
    return _penalty(reference, plugin_path(reference))


def check_penalty(reference: str, params: Any) -> None:
    """Traces a plug-in once for a tree of selected weights, which may be of shapes alone.

    Raises:
        UserError: it fails, or does not return a scalar.
    """
    entry = plugin_penalty(reference)
    one = jax.ShapeDtypeStruct((), np.float32)
    coefficients = {name: one for name in entry.coefficients}
    where = f"{FIELD} = {reference!r}"
    try:
        value = jax.eval_shape(lambda tree, of: entry.value(tree, **of), params, coefficients)
    except Exception as error:
        raise UserError(f"{where}: {told(error, plugin_path(reference))}; {ACCEPTED}") from error
    if getattr(value, "shape", None) != ():
        found = getattr(value, "shape", type(value).__name__)
        raise UserError(f"{where}: returns {found}; {ACCEPTED}")


@cache
def _penalty(reference: str, path: Path) -> Penalty:
    # Programs are compiled once for each penalty: it must be the same one each time.
    del path
    found = load_plugin(reference, FIELD)
    where = f"{FIELD} = {reference!r}"
    if isinstance(found, Penalty):
        unknown = set(found.coefficients) - set(COEFFICIENTS)
        if unknown or set(found.coefficients) <= {"order"}:
            raise UserError(f"{where}: has the coefficients {found.coefficients}; {ACCEPTED}")
        return found
    if not callable(found) or inspect.isclass(found):
        raise UserError(f"{where}: it is of type {type(found).__name__}; {ACCEPTED}")

    def gradient(params: Any, **values: Any) -> Any:
        return jax.grad(lambda weights: found(weights, **values))(params)

    lines = (inspect.getdoc(found) or reference).splitlines()
    return Penalty(found, gradient, _coefficients(found, where), lines[0], source=reference)


def _coefficients(function: Callable[..., Any], where: str) -> tuple[str, ...]:
    signature = inspect.signature(function)
    others = list(signature.parameters.values())[1:]
    taken = tuple(p.name for p in others if p.name in COEFFICIENTS)
    fits = all(
        p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and (p.name in COEFFICIENTS or p.default is not p.empty)
        for p in others
    )
    if not fits or not set(taken) & set(WEIGHTS):
        raise UserError(f"{where}: takes {signature}; {ACCEPTED}")
    return taken
