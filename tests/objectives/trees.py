"""Trees of weights for tests: drawn by Hypothesis for laws, and from a seed for examples."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np

# Few trees, so that each program compiles few times, and every kind of leaf among them.
SHAPES: tuple[Any, ...] = (
    {"a": (2, 3), "b": {"bias": (3,), "none": None}},
    [(), (0, 3), {"one": (1, 1), "row": [(1, 4)], "column": (3, 1)}, (2, 1, 2, 2)],
    (5,),
    {"nothing": [], "none": None},
)
MODERATE = (0, 0)
WIDE = (-66, 50)
"""Exponents of 2 that a leaf is multiplied with: 2⁻⁶⁶ is about 1e-20, and 2⁵⁰ about 1e15."""

few_sizes = st.sampled_from([1, 2, 5, 8])
"""One, even and odd: each makes a program of its own."""


def few_lists(entries: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    """Lists of `few_sizes`."""
    return few_sizes.flatmap(lambda size: st.lists(entries, min_size=size, max_size=size))


_magnitudes = st.floats(2.0**-10, 10.0, width=32)
_entries = st.one_of(
    st.just(0.0), _magnitudes, _magnitudes, _magnitudes.map(lambda magnitude: -magnitude)
)


def is_shape(node: Any) -> bool:
    return isinstance(node, tuple) and all(isinstance(size, int) for size in node)


@st.composite
def trees(draw: st.DrawFn, shapes: Any = None, exponents: tuple[int, int] = WIDE) -> Any:
    """A tree of float32 with zeros among its entries, of one of `SHAPES` unless told which."""
    scales = st.one_of(st.just(0), st.integers(*exponents))

    def leaf(shape: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(shape))
        drawn = np.array(draw(st.lists(_entries, min_size=count, max_size=count)), np.float32)
        return np.ldexp(drawn, draw(scales)).reshape(shape)

    chosen = draw(st.sampled_from(SHAPES)) if shapes is None else shapes
    return jax.tree.map(leaf, chosen, is_leaf=is_shape)


def advanced_state(entry: Any, params: Any, iterations: int) -> dict[str, Any]:
    """The state by name after some iterations, for a penalty or constraint that has one."""
    if entry.initial_state is None:
        return {}
    state = entry.initial_state(params)
    for _ in range(iterations):
        state = _advance(entry.advance, params, state)
    return {"state": state}


_advance = jax.jit(lambda advance, params, state: advance(params, state), static_argnums=0)


def normal_tree(shapes: Any, seed: int = 0, scale: float = 1.0) -> Any:
    """A tree of normal weights, of which a fifth are 0."""
    rng = np.random.default_rng(seed)

    def leaf(shape: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(scale * rng.normal(size=shape) * (rng.random(shape) > 0.2), jnp.float32)

    return jax.tree.map(leaf, shapes, is_leaf=is_shape)


def flat(tree: Any) -> np.ndarray:
    """All entries of a tree in one vector, float64."""
    leaves = jax.tree.leaves(tree)
    return np.concatenate([np.zeros(0), *(np.asarray(leaf, np.float64).ravel() for leaf in leaves)])
