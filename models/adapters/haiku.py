"""Functions of Haiku, by what they look like."""

from collections.abc import Mapping
from typing import Any

import jax

from normsweep.models.adapters.arguments import call_arguments, example_labels, parameters_of
from normsweep.models.networks.contract import Shape
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import parameter_paths


def from_haiku(transformed: Any, *, inputs: Shape | None = None) -> OwnNetwork:
    """A function of Haiku, behind `hk.transform` or `hk.transform_with_state`.

    The function takes inputs, perhaps labels (`y`), and perhaps `is_training` or `train`. `inputs`
    is the shape of one input where the family does not know the network.
    """
    function = getattr(transformed.apply, "_original_fn", lambda x: None)
    stateful = "state" in parameters_of(transformed.apply)

    def draw(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        arguments = call_arguments(function, x, example_labels(function), key, True)
        found = transformed.init(key, *arguments.args, **arguments.kwargs)
        params, state = found if stateful else (found, {})
        return params, state

    def init(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        params, state = draw(key, x)
        return _nested(params), _nested(state)

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        arguments = call_arguments(function, x, y, key, train)
        # The names of modules hold slashes, at which the nested trees are split.
        like = jax.eval_shape(draw, key, x)
        given = _restored(like[0], params)
        if not stateful:
            return transformed.apply(given, key, *arguments.args, **arguments.kwargs), state
        own = _restored(like[1], state)
        out, after = transformed.apply(given, own, key, *arguments.args, **arguments.kwargs)
        return out, _nested(after) if train else state

    return OwnNetwork(init, apply, inputs)


def _nested(tree: PyTree) -> dict[str, Any]:
    """A tree as dicts in dicts, by the parts of its leaves' paths."""
    found: dict[str, Any] = {}
    paths = jax.tree.leaves(parameter_paths(tree))
    for path, leaf in zip(paths, jax.tree.leaves(tree), strict=True):
        *folders, name = path.split("/")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = leaf
    return found


def _restored(like: PyTree, nested: Mapping[str, Any]) -> PyTree:
    """The tree of which `_nested` made these dicts; `like` has its structure."""

    def leaf(path: str) -> Any:
        place: Any = nested
        for part in path.split("/"):
            place = place[part]
        return place

    return jax.tree.map(leaf, parameter_paths(like))
