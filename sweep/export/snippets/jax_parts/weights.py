"""The weights that are meant, found in the tree of parameters by their path."""

import re
from collections.abc import Callable
from typing import Any

import jax


def path_of(keys: tuple[Any, ...]) -> str:
    """A path like layers/0/kernel, without the value inside a variable of Flax NNX."""
    if len(keys) > 1 and keys[-1] == jax.tree_util.GetAttrKey("value"):
        keys = keys[:-1]
    return jax.tree_util.keystr(keys, simple=True, separator="/")


def is_selected(params: Any, pattern: str) -> Any:
    """A tree like the parameters: whether the pattern is found in a path like layers/0/kernel."""
    paths = jax.tree_util.tree_map_with_path(lambda keys, _: path_of(keys), params)
    mask = jax.tree.map(lambda path: bool(re.search(pattern, path)), paths)
    if not any(jax.tree.leaves(mask)):
        raise ValueError(
            f"no path of the parameters matches {pattern!r}: adapt WEIGHTS to them; "
            f"the paths: {', '.join(jax.tree.leaves(paths)) or 'none'}"
        )
    return mask


def selected(params: Any, pattern: str) -> list[jax.Array]:
    """The weights whose path matches."""
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(is_selected(params, pattern)), strict=True)
    return [leaf for leaf, matches in pairs if matches]


def replaced(params: Any, pattern: str, change: Callable[[list[jax.Array]], Any]) -> Any:
    """The parameters with the selected weights changed, all of them at once."""
    changed = iter(change(selected(params, pattern)))
    mask = is_selected(params, pattern)
    return jax.tree.map(lambda leaf, matches: next(changed) if matches else leaf, params, mask)
