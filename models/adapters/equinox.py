"""Modules of Equinox, by what they look like."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.models.adapters.arguments import LABELS, parameters_of
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives.aliases import PyTree

Make = Callable[..., Any]


def from_equinox(make: Make, *, channels_first: bool = True) -> OwnNetwork:
    """An Equinox module that `make(key)` returns, or a pair of one and its `State`.

    Its `__call__` takes one example, perhaps its label (`y`), the state where there is one, and a
    `key`; it is mapped over the batch, along an axis called "batch". Images go in and out as
    [c, h, w] if `channels_first`, else as [h, w, c]. Arrays of floats in the module are parameters.
    """

    @cache
    def blueprint() -> "_Tree":
        return _tree_of(make)

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        tree = blueprint()
        return tree.split(jax.tree.leaves(make(key), is_leaf=_is_none))

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        tree = blueprint()
        made = tree.joined(params, state, inference=not train)
        module, carried = made if isinstance(made, tuple) else (made, None)
        taken = parameters_of(module.__call__)

        def one(x: jax.Array, y: Any, key: jax.Array) -> tuple[Any, Any]:
            if channels_first and x.ndim == 3:
                x = jnp.moveaxis(x, -1, 0)
            args = [x]
            if carried is not None:
                args.append(carried)
            own = {"key": key} if "key" in taken else {}
            own |= {name: y for name in LABELS if name in taken}
            found = module(*args, **own)
            out, after = found if carried is not None else (found, None)
            out = jnp.asarray(out)
            return jnp.moveaxis(out, 0, -1) if channels_first and out.ndim == 3 else out, after

        keys = jax.random.split(key, x.shape[0])
        mapped = jax.vmap(
            one, in_axes=(0, None if y is None else 0, 0), out_axes=(0, None), axis_name="batch"
        )
        out, after = mapped(x, y, keys)
        if carried is None or not train:
            return out, state
        _, state = tree.split(jax.tree.leaves((module, after), is_leaf=_is_none))
        return out, state

    return OwnNetwork(init, apply)


class _Tree(NamedTuple):
    """What a module is made of, without its arrays: by leaf its path, and what it is if no array.

    Leaves that are arrays are None in `others`; of these the `trained` are parameters.
    """

    structure: Any
    paths: tuple[str, ...]
    others: tuple[Any, ...]
    is_array: tuple[bool, ...]
    trained: tuple[bool, ...]

    def split(self, leaves: list[Any]) -> tuple[PyTree, PyTree]:
        params: dict[str, Any] = {}
        state: dict[str, Any] = {}
        rows = zip(self.paths, leaves, self.is_array, self.trained, strict=True)
        for place, (path, leaf, is_array, trained) in enumerate(rows):
            if not is_array:
                continue
            if not trained:
                state[str(place)] = leaf
                continue
            *folders, name = path.split("/")
            inner = params
            for folder in folders:
                inner = inner.setdefault(folder, {})
            inner[name] = leaf
        return params, state

    def joined(self, params: PyTree, state: PyTree, *, inference: bool) -> Any:
        leaves = []
        rows = zip(self.paths, self.others, self.is_array, self.trained, strict=True)
        for place, (path, other, is_array, trained) in enumerate(rows):
            if not is_array:
                # The flag of dropout and batch norm.
                flag = path.rpartition("/")[2] == "inference" and isinstance(other, bool)
                leaves.append(inference if flag else other)
            elif trained:
                inner = params
                for part in path.split("/"):
                    inner = inner[part]
                leaves.append(inner)
            else:
                leaves.append(state[str(place)])
        return jax.tree.unflatten(self.structure, leaves)


def _tree_of(make: Make) -> _Tree:
    """The structure of what `make(key)` returns, none of whose arrays are computed."""
    found: list[_Tree] = []

    def draw(key: jax.Array) -> list[Any]:
        made = make(key)
        pair = isinstance(made, tuple)
        leaves, structure = jax.tree.flatten(made, is_leaf=_is_none)
        labelled, _ = jax.tree_util.tree_flatten_with_path(made, is_leaf=_is_none)
        paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in labelled]
        is_array = tuple(isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves)
        # Of a pair, the second is the state.
        trained = tuple(
            array
            and jnp.issubdtype(leaf.dtype, np.floating)
            and not (pair and path.startswith("1/"))
            for array, leaf, path in zip(is_array, leaves, paths, strict=True)
        )
        own = [path.removeprefix("0/") if pair else path for path in paths]
        others = tuple(
            None if array else leaf for array, leaf in zip(is_array, leaves, strict=True)
        )
        found.append(_Tree(structure, tuple(own), others, is_array, trained))
        return [leaf for array, leaf in zip(is_array, leaves, strict=True) if array]

    jax.eval_shape(draw, jax.random.key(0))
    return found[0]


def _is_none(leaf: Any) -> bool:
    return leaf is None
