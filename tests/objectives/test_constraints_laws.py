"""Laws that every projection obeys, on trees drawn by Hypothesis, joint and layer by layer."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings

from objectives.constraints import CONSTRAINTS, constraint_per_layer

ENTRIES = {
    **CONSTRAINTS,
    **{f"{name} of each layer": constraint_per_layer(CONSTRAINTS[name]) for name in CONSTRAINTS},
}
SHAPES: tuple[Any, ...] = (
    {"a": (2, 3), "b": {"bias": (3,), "none": None}},
    [(), (0,), (4, 1, 2)],
)
PROJECT = {name: jax.jit(entry.project) for name, entry in ENTRIES.items()}
SIZE = {name: jax.jit(entry.size) for name, entry in ENTRIES.items()}
laws = settings(max_examples=60, deadline=None)

magnitudes = st.one_of(st.just(0.0), st.floats(2.0**-10, 10.0, width=32))
entries = st.builds(lambda magnitude, sign: sign * magnitude, magnitudes, st.sampled_from([-1, 1]))
radii = st.floats(2.0**-10, 30.0, width=32)


@st.composite
def trees(draw: st.DrawFn, shapes: Any) -> Any:
    def leaf(shape: tuple[int, ...]) -> jax.Array:
        count = int(np.prod(shape))
        drawn = draw(st.lists(entries, min_size=count, max_size=count))
        return jnp.asarray(np.reshape(np.array(drawn, np.float32), shape))

    def is_shape(node: Any) -> bool:
        return isinstance(node, tuple) and all(isinstance(size, int) for size in node)

    return jax.tree.map(leaf, shapes, is_leaf=is_shape)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Any, Any, dict[str, Any]]:
    """A constraint's name, two trees of one structure, and the state by name if it has one."""
    name, shapes = draw(st.sampled_from(sorted(ENTRIES))), draw(st.sampled_from(SHAPES))
    params, other = draw(trees(shapes)), draw(trees(shapes))
    start = ENTRIES[name].initial_state
    return name, params, other, {} if start is None else {"state": start(params)}


def flat(tree: Any) -> np.ndarray:
    leaves = jax.tree.leaves(tree)
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in leaves])


@laws
@given(calls(), radii)
def test_what_is_projected_is_inside_and_projecting_again_changes_no_bit(call, radius):
    name, params, _, state = call
    projected = PROJECT[name](params, jnp.float32(radius), **state)
    assert jax.tree.structure(projected) == jax.tree.structure(params)
    assert SIZE[name](projected, **state) <= radius * (1 + 1e-5)
    again = PROJECT[name](projected, jnp.float32(radius), **state)
    np.testing.assert_array_equal(flat(again), flat(projected))


@laws
@given(calls(), st.floats(1.0, 4.0, width=32))
def test_points_inside_keep_every_bit(call, factor):
    name, params, _, state = call
    size = SIZE[name](params, **state)
    for radius in (size * jnp.float32(factor), jnp.float32(np.inf)):
        projected = PROJECT[name](params, radius, **state)
        np.testing.assert_array_equal(flat(projected), flat(params))


@laws
@given(calls())
def test_a_radius_of_zero_leaves_nothing_that_it_bounds(call):
    name, params, _, state = call
    projected = PROJECT[name](params, jnp.float32(0), **state)
    assert SIZE[name](projected, **state) == 0
    if "spectral" not in name:  # which leaves biases as they are
        assert (flat(projected) == 0).all()


@laws
@given(calls(), radii)
def test_turned_signs_are_turned_signs_of_what_is_projected(call, radius):
    name, params, _, state = call
    turned = jax.tree.map(jnp.negative, params)
    projected = [PROJECT[name](tree, jnp.float32(radius), **state) for tree in (params, turned)]
    np.testing.assert_array_equal(flat(projected[1]), -flat(projected[0]))


@laws
@given(calls(), radii)
def test_no_point_of_the_set_is_nearer_and_no_two_points_move_apart(call, radius):
    name, params, other, state = call
    if "spectral" in name:
        return  # a retraction, not the projection
    one, two = (PROJECT[name](tree, jnp.float32(radius), **state) for tree in (params, other))
    rounding = 1e-5 * (1 + np.linalg.norm(flat(params)) + np.linalg.norm(flat(other)))
    distance = np.linalg.norm(flat(one) - flat(params))
    assert distance <= np.linalg.norm(flat(two) - flat(params)) + rounding
    apart = np.linalg.norm(flat(params) - flat(other))
    assert np.linalg.norm(flat(one) - flat(two)) <= apart + rounding


@laws
@given(calls(), radii)
def test_layer_by_layer_is_each_leaf_in_a_tree_of_its_own(call, radius):
    name, params, _, state = call
    joint = name.removesuffix(" of each layer")
    projected = PROJECT[f"{joint} of each layer"](params, jnp.float32(radius), **state)
    entry = CONSTRAINTS[joint]

    def alone(leaf: jax.Array, vector: Any = None) -> jax.Array:
        own = {} if entry.initial_state is None else {"state": vector}
        return PROJECT[joint](leaf, jnp.float32(radius), **own)

    vectors = (state["state"],) if state else ()
    expected = jax.tree.map(alone, params, *vectors)
    np.testing.assert_allclose(flat(projected), flat(expected), rtol=1e-6, atol=1e-7)


def test_equal_arguments_give_the_same_constraint_so_that_a_program_compiles_once():
    for entry in CONSTRAINTS.values():
        assert constraint_per_layer(entry) is constraint_per_layer(entry)
        assert hash(constraint_per_layer(entry)) == hash(constraint_per_layer(entry))
