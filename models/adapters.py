"""Networks of Flax linen, Flax NNX, Equinox and Haiku as networks of the user's own.

Each makes the module anew from a key, so that whatever its constructor draws is drawn for every
member. Equinox and Haiku are not imported: what their modules look like is enough.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.core import meta

from normsweep.models.networks.contract import Shape
from normsweep.models.networks.own import OwnNetwork
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.selection import parameter_paths

Make = Callable[..., Any]

LABELS = ("y", "label", "labels", "c", "classes")
"""How the argument of a network that takes the labels may be called."""
_TRAINING = ("train", "training", "is_training", "update_stats")
_EVALUATING = ("deterministic", "use_running_average", "eval", "inference")
_KEYS = ("key", "rng", "rngs")
_STREAMS = ("params", "dropout")

_CONSTRUCTOR = "constructor_key"
"""Where the state of a linen module keeps the key that its constructor was given."""


def from_linen(make: Make, *, inputs: Shape | None = None) -> OwnNetwork:
    """A linen module that `make()` or `make(key)` returns; its mutable collections are the state.

    Its `__call__` takes inputs, perhaps labels (`y`), and perhaps one of `train`, `is_training`,
    `deterministic` and `use_running_average`. The streams of random numbers other than `params`,
    such as `dropout`, are drawn from the key of each call. `inputs` is the shape of one input where
    the family does not know the network.
    """
    takes_key = _count_positional(make) > 0

    def module(key: jax.Array) -> Any:
        return make(key) if takes_key else make()

    def init(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        made_by, *drawn = jax.random.split(key, 3)
        made = module(made_by)
        arguments = _arguments(made.__call__, x, _example_labels(made.__call__), key, False)
        rngs = dict(zip(_STREAMS, drawn, strict=True))
        state = _plain(meta.unbox(made.init(rngs, *arguments.args, **arguments.kwargs)))
        params = state.pop("params", {})
        if takes_key:
            state[_CONSTRUCTOR] = jax.random.key_data(made_by)
        return params, state

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        others = {name: each for name, each in state.items() if name != _CONSTRUCTOR}
        kept = {name: each for name, each in state.items() if name == _CONSTRUCTOR}
        made = module(_wrapped(kept[_CONSTRUCTOR]) if kept else jax.random.key(0))
        arguments = _arguments(made.__call__, x, y, key, train)
        rngs = dict(zip(_STREAMS, [*jax.random.split(key)], strict=True))
        variables = {"params": params, **others}
        mutable = list(others) if train and others else False
        found = made.apply(
            variables, *arguments.args, rngs=rngs, mutable=mutable, **arguments.kwargs
        )
        if not mutable:
            return found, state
        out, changed = found
        return out, {**_plain(changed), **kept}

    return OwnNetwork(init, apply, inputs)


def from_nnx(make: Make) -> OwnNetwork:
    """An NNX module that `make(rngs)` returns; all of it but `nnx.Param` is the state.

    Its `__call__` takes inputs, perhaps labels (`y`), `rngs`, and perhaps one of `train`,
    `is_training`, `deterministic` and `use_running_average`; `train()` and `eval()` are called on
    the module. Streams of random numbers inside it begin anew, from its key, with each call.
    """

    @cache
    def blueprint() -> tuple[Any, PyTree]:
        """The graph, and the streams of random numbers as shapes."""
        made = nnx.eval_shape(lambda: make(nnx.Rngs(jax.random.key(0))))
        parts: Any = nnx.split(made, nnx.Param, nnx.RngState, ...)
        graph, _, streams, _ = parts
        return graph, nnx.to_pure_dict(streams)

    def init(key: jax.Array) -> tuple[PyTree, PyTree]:
        return _of_module(make(nnx.Rngs(key)))

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        graph, streams = blueprint()
        # NumPy's arrays would be written in place, which the variables of a module must not be.
        params, state = jax.tree.map(jnp.asarray, (params, state))
        drawn = nnx.State(_begun(streams, key))
        module = nnx.merge(graph, nnx.State(params), drawn, nnx.State(state))
        module.train() if train else module.eval()
        rngs = nnx.Rngs(jax.random.fold_in(key, 0))
        arguments = _arguments(module.__call__, x, y, rngs, train)
        out = module(*arguments.args, **arguments.kwargs)
        return out, _of_module(module)[1] if train else state

    return OwnNetwork(init, apply)


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
        taken = _names(module.__call__)

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


def from_haiku(transformed: Any, *, inputs: Shape | None = None) -> OwnNetwork:
    """A function of Haiku, behind `hk.transform` or `hk.transform_with_state`.

    The function takes inputs, perhaps labels (`y`), and perhaps `is_training` or `train`. `inputs`
    is the shape of one input where the family does not know the network.
    """
    function = getattr(transformed.apply, "_original_fn", lambda x: None)
    stateful = "state" in _names(transformed.apply)

    def draw(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        arguments = _arguments(function, x, _example_labels(function), key, True)
        found = transformed.init(key, *arguments.args, **arguments.kwargs)
        params, state = found if stateful else (found, {})
        return params, state

    def init(key: jax.Array, x: jax.Array) -> tuple[PyTree, PyTree]:
        params, state = draw(key, x)
        return _nested(params), _nested(state)

    def apply(
        params: PyTree, state: PyTree, x: Any, y: Any, key: jax.Array, train: bool
    ) -> tuple[Any, PyTree]:
        arguments = _arguments(function, x, y, key, train)
        # The names of modules hold slashes, at which the nested trees are split.
        like = jax.eval_shape(draw, key, x)
        given = _restored(like[0], params)
        if not stateful:
            return transformed.apply(given, key, *arguments.args, **arguments.kwargs), state
        own = _restored(like[1], state)
        out, after = transformed.apply(given, own, key, *arguments.args, **arguments.kwargs)
        return out, _nested(after) if train else state

    return OwnNetwork(init, apply, inputs)


class _Arguments(NamedTuple):
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _arguments(function: Callable[..., Any], x: Any, y: Any, key: Any, train: bool) -> _Arguments:
    """What a network's call takes, by the names of its parameters."""
    found: dict[str, Any] = {}
    for name in list(_names(function))[1:]:
        if name in LABELS and y is not None:
            found[name] = y
        elif name in _TRAINING:
            found[name] = train
        elif name in _EVALUATING:
            found[name] = not train
        elif name in _KEYS:
            found[name] = key
    return _Arguments((x,), found)


def _example_labels(function: Callable[..., Any]) -> jax.Array | None:
    """A label for a call that cannot do without."""
    needed = [
        name
        for name, each in _names(function).items()
        if name in LABELS and each.default is each.empty
    ]
    return jnp.zeros((1,), np.int32) if needed else None


def _names(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def _count_positional(function: Callable[..., Any]) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in _names(function).values() if each.default is each.empty]
    return sum(each.kind in kinds for each in needed)


def _plain(tree: Any) -> Any:
    """Mappings of any kind as dicts."""
    if isinstance(tree, Mapping):
        return {name: _plain(each) for name, each in tree.items()}
    return tree


def _wrapped(data: jax.Array) -> jax.Array:
    key: jax.Array = jax.random.wrap_key_data(data, impl="threefry2x32")
    return key


def _of_module(module: nnx.Module) -> tuple[PyTree, PyTree]:
    params, _, state = nnx.state(module, nnx.Param, nnx.RngState, ...)
    return nnx.to_pure_dict(params), nnx.to_pure_dict(state)


def _begun(streams: PyTree, key: jax.Array) -> PyTree:
    """Streams of random numbers at their beginning, each with a key of its own."""
    leaves, structure = jax.tree.flatten(streams)
    begun = [
        jax.random.fold_in(key, place + 1)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jnp.zeros(leaf.shape, leaf.dtype)
        for place, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, begun)


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


def _is_none(leaf: Any) -> bool:
    return leaf is None


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
