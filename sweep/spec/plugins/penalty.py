"""A user's own penalty."""

import inspect
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

import jax
import numpy as np

from normsweep.errors import UserError
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.penalties import Penalty, per_layer
from normsweep.objectives.selection import parameter_paths
from normsweep.objectives.transform import advanced
from normsweep.spec.plugins.load import in_one_line, load_plugin, plugin_content, plugin_path

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
    reference to the same content gives the same object.

    Raises:
        UserError: as `load_plugin` does, and for an object that is neither.
    """
    load_plugin(reference, FIELD)
    return _penalty(reference, plugin_content(reference))


def check_penalty(reference: str, params: PyTree, *, layered: bool = False) -> None:
    """Traces a plug-in once for a tree of selected weights, which may be of shapes alone.

    If `layered`, also as it is called with each layer by itself.

    Raises:
        UserError: it fails, its value is no scalar, its gradient or proximal operator no tree like
            the weights, or its next state no tree like its first.
    """
    entry = plugin_penalty(reference)
    for variant in (entry, per_layer(entry)) if layered else (entry,):
        _check_results(variant, reference, params)


def _check_results(entry: Penalty, reference: str, params: PyTree) -> None:
    where = f"{FIELD} = {reference!r}"
    one = np.zeros((), np.float32)
    coefficients = {name: one for name in entry.coefficients}

    def traced(function: Callable[..., Any]) -> Any:
        try:
            return jax.eval_shape(function, params, coefficients, one)
        except Exception as error:
            told_of = in_one_line(error, plugin_path(reference))
            raise UserError(f"{where}: {told_of}; {ACCEPTED}") from error

    def states(weights: PyTree) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        first = entry.initial_state(weights) if entry.initial_state else None
        return first, *advanced(entry, weights, first)

    def value(weights: PyTree, of: dict[str, Any], step: Any) -> Any:
        del step
        return entry.value(weights, **of, **states(weights)[2])

    def trees(weights: PyTree, of: dict[str, Any], step: Any) -> dict[str, tuple[PyTree, PyTree]]:
        first, following, state = states(weights)
        found = {
            "gradient": (entry.gradient(weights, **of, **state), weights),
            "next state": (following, first),
        }
        if entry.proximal is not None:
            found["proximal step"] = (entry.proximal(weights, step, **of, **state), weights)
        return found

    returned = traced(value)
    if getattr(returned, "shape", None) != ():
        shown = getattr(returned, "shape", type(returned).__name__)
        raise UserError(f"{where}: returns {shown}; {ACCEPTED}")
    for name, (tree, like) in traced(trees).items():
        if fault := _difference(tree, like):
            model = "its first" if name == "next state" else "the weights"
            raise UserError(
                f"{where}: its {name} {fault}; accepted is a tree of the structure, shapes and "
                f"types of {model}"
            )


def _difference(tree: PyTree, like: PyTree) -> str | None:
    """In which a tree is unlike another; both are of shapes alone."""
    structures: list[Any] = [jax.tree.structure(each) for each in (tree, like)]
    if structures[0] != structures[1]:
        return "is a tree of another structure"
    columns = map(jax.tree.leaves, (parameter_paths(like), tree, like))
    for path, *leaves in zip(*columns, strict=True):
        found, expected = (f"{leaf.dtype}{list(leaf.shape)}" for leaf in leaves)
        if found != expected:
            place = f" at {path}" if path else ""
            return f"has {found}{place}, not {expected}"
    return None


@cache
def _penalty(reference: str, content: Hashable) -> Penalty:
    # Programs are compiled once for each penalty: it must be the same one each time.
    del content
    found = load_plugin(reference, FIELD)
    where = f"{FIELD} = {reference!r}"
    if isinstance(found, Penalty):
        unknown = set(found.coefficients) - set(COEFFICIENTS)
        if unknown or set(found.coefficients) <= {"order"}:
            raise UserError(f"{where}: has the coefficients {found.coefficients}; {ACCEPTED}")
        if (found.initial_state is None) != (found.advance is None):
            raise UserError(
                f"{where}: has one of initial_state and advance; accepted: both or none"
            )
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
