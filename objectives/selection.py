"""Which weights a penalty applies to: names for the leaves of a tree, and a pattern over them."""

import re

import jax

from normsweep.objectives.aliases import PyTree

KERNELS = "kernel$"
"""The pattern of the weights that a study penalises by default: no bias, no scale, no offset."""

_BOXED = jax.tree_util.GetAttrKey("value")


def parameter_paths(params: PyTree) -> PyTree:
    """Returns a tree like `params` whose leaves are their own names, such as `hidden/0/kernel`.

    A name joins the keys, fields and indices on the way to the leaf with `/`; a tree that is one
    leaf has the empty name. Works for dicts, lists, tuples, NamedTuples, Flax linen's variables,
    and NNX modules, states and their pure dicts, which all give a weight the same name: the `value`
    inside a variable of Flax's is no part of it.
    """

    def name(path: tuple[object, ...], _: object) -> str:
        if len(path) > 1 and path[-1] == _BOXED:
            path = path[:-1]
        return jax.tree_util.keystr(path, simple=True, separator="/")

    return jax.tree_util.tree_map_with_path(name, params)


def select(params: PyTree, pattern: str) -> PyTree:
    """Returns a tree like `params` of Python bools: True where `pattern` is found in the name.

    The pattern is a regular expression, sought anywhere in the name (`re.search`). It may match
    nothing: see `count_selected`. Raises `ValueError` for a pattern that is no regular expression.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is not a regular expression: {error}") from error
    return jax.tree.map(lambda path: expression.search(path) is not None, parameter_paths(params))


def kernels(params: PyTree, pattern: str = KERNELS) -> PyTree:
    """Returns the mask that studies use, for `add_norm_penalty` and others like it.

    `select(params, pattern)`, but raises `ValueError` that lists the names where none matches: a
    penalty on nothing would be 0 without a word.
    """
    mask = select(params, pattern)
    if not count_selected(mask):
        names = ", ".join(jax.tree.leaves(parameter_paths(params))) or "none"
        raise ValueError(f"no weight's name matches {pattern!r}; the names: {names}")
    return mask


def count_selected(mask: PyTree) -> int:
    """Returns how many leaves of `mask` are True."""
    return sum(bool(leaf) for leaf in jax.tree.leaves(mask))


def keep(params: PyTree, mask: PyTree) -> PyTree:
    """Returns `params` with `None` for every leaf whose `mask` is False, which penalties skip.

    `mask` is a tree of bools like `params`, or a prefix of it: one bool for a whole subtree.
    """
    return jax.tree.map(lambda kept, subtree: subtree if kept else None, mask, params)
