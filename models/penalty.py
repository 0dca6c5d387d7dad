"""The penalty of one network as an Optax transformation whose form itself is traced."""

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax import lax

from models.program import NetworkPenalty
from objectives.aliases import PyTree
from objectives.penalties import PENALTIES
from objectives.selection import select
from objectives.transform import add_norm_penalty

FORMS: tuple[str, ...] = ("none", *PENALTIES)
"""Forms by the index that `NetworkPenalty.form` holds."""


def add_traced_penalty(setting: NetworkPenalty, pattern: str) -> optax.GradientTransformation:
    """`add_norm_penalty` on the weights whose path matches `pattern`, its form chosen at run time.

    Every form is a branch of one `lax.switch`, always in the same order, so that the program of a
    study which searches over forms and that of one of its configs are the same, to the bit. Inside
    `lax.map` the branches not taken cost nothing.
    """

    def branch(form: str) -> Callable[[PyTree, PyTree], PyTree]:
        coefficients = {name: getattr(setting, name) for name in PENALTIES[form].coefficients}

        def add(updates: PyTree, params: PyTree) -> PyTree:
            transformation = add_norm_penalty(form, mask=select(params, pattern), **coefficients)
            return transformation.update(updates, transformation.init(params), params)[0]

        return add

    branches = [lambda updates, params: updates, *(branch(form) for form in FORMS[1:])]

    def init(params: PyTree) -> optax.EmptyState:
        del params
        return optax.EmptyState()

    def update(updates: PyTree, state: Any, params: PyTree | None = None) -> tuple[PyTree, Any]:
        return lax.switch(setting.form, branches, updates, params), state

    return optax.GradientTransformation(init, update)


def penalised_paths(params: PyTree, pattern: str) -> list[str]:
    """The paths of the weights that `pattern` selects."""
    selected = jax.tree_util.tree_flatten_with_path(select(params, pattern))[0]
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, on in selected if on]
