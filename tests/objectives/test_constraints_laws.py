"""Laws that every projection obeys, jointly and layer by layer, on trees drawn by Hypothesis."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from normsweep.objectives.constraints import CONSTRAINTS, Constraint, constraint_per_layer

from .trees import MODERATE, SHAPES, WIDE, advanced_state, flat, trees

ENTRIES = {
    **CONSTRAINTS,
    **{f"{name} of each layer": constraint_per_layer(CONSTRAINTS[name]) for name in CONSTRAINTS},
}
# The others are retractions: inside the set, but not at its nearest point.
NEAREST = sorted(name for name in ENTRIES if not name.startswith("spectral_ball"))
PROJECT = {name: jax.jit(entry.project) for name, entry in ENTRIES.items()}
SIZE = {name: jax.jit(entry.size) for name, entry in ENTRIES.items()}
laws = settings(max_examples=20, deadline=None)
every_entry = pytest.mark.parametrize("name", sorted(ENTRIES))

moderate_radii = st.one_of(st.just(0.0), st.floats(2.0**-10, 30.0, width=32))
radii = st.one_of(
    moderate_radii, st.integers(*WIDE).map(lambda exponent: 2.0**exponent), st.just(np.inf)
)


@st.composite
def calls(
    draw: st.DrawFn, name: str, exponents: tuple[int, int] = WIDE, shapes: Any = None
) -> tuple[Any, Any, dict[str, Any]]:
    """Two trees of one structure, and the state by name if there is one, of 0 to 3 iterations."""
    chosen = draw(st.sampled_from(SHAPES)) if shapes is None else shapes
    params, other = draw(trees(chosen, exponents)), draw(trees(chosen, exponents))
    return params, other, advanced_state(ENTRIES[name], params, draw(st.integers(0, 3)))


def bounded(name: str, tree: Any) -> np.ndarray:
    """The weights that the constraint bounds, which for the spectral ones are those of matrices."""
    leaves = jax.tree.leaves(tree)
    return flat([leaf for leaf in leaves if name in NEAREST or leaf.ndim > 1])


@every_entry
@laws
@given(st.data(), radii)
def test_what_is_projected_is_inside_and_projecting_again_changes_no_bit(
    name: str, data: st.DataObject, radius: float
) -> None:
    params, _, state = data.draw(calls(name))
    projected = PROJECT[name](params, np.float32(radius), **state)
    assert jax.tree.structure(projected) == jax.tree.structure(params)
    assert np.isfinite(flat(projected)).all()
    assert SIZE[name](projected, **state) <= radius * (1 + 1e-5)
    again = PROJECT[name](projected, np.float32(radius), **state)
    np.testing.assert_array_equal(flat(again), flat(projected))


@every_entry
@laws
@given(st.data(), st.floats(1.0, 4.0, width=32))
def test_points_inside_keep_every_bit(name: str, data: st.DataObject, factor: float) -> None:
    params, _, state = data.draw(calls(name))
    size = np.float32(SIZE[name](params, **state))
    for radius in (size * np.float32(factor), np.float32(np.inf)):
        projected = PROJECT[name](params, radius, **state)
        np.testing.assert_array_equal(flat(projected), flat(params))


@every_entry
@laws
@given(st.data())
def test_a_radius_of_zero_leaves_nothing_that_it_bounds(name: str, data: st.DataObject) -> None:
    params, _, state = data.draw(calls(name))
    projected = PROJECT[name](params, np.float32(0), **state)
    assert SIZE[name](projected, **state) == 0
    assert (bounded(name, projected) == 0).all()


@every_entry
@laws
@given(st.data(), radii)
def test_turned_signs_are_turned_signs_of_what_is_projected(
    name: str, data: st.DataObject, radius: float
) -> None:
    params, _, state = data.draw(calls(name))
    turned = jax.tree.map(np.negative, params)
    projected = [PROJECT[name](tree, np.float32(radius), **state) for tree in (params, turned)]
    np.testing.assert_array_equal(flat(projected[1]), -flat(projected[0]))


@every_entry
@laws
@given(st.data(), moderate_radii, st.integers(-20, 20))
def test_weights_and_radius_times_a_power_of_two_are_projected_to_that_times_the_projection(
    name: str, data: st.DataObject, radius: float, exponent: int
) -> None:
    params, _, state = data.draw(calls(name, MODERATE))
    factor = np.float32(2.0**exponent)
    larger = jax.tree.map(lambda w: w * factor, params)
    found = PROJECT[name](larger, np.float32(radius) * factor, **state)
    expected = PROJECT[name](params, np.float32(radius), **state)
    np.testing.assert_array_equal(flat(found), flat(expected) * factor)


@pytest.mark.parametrize("name", NEAREST)
@laws
@given(st.data(), radii)
def test_no_point_of_the_set_is_nearer_and_no_two_points_move_apart(
    name: str, data: st.DataObject, radius: float
) -> None:
    params, other, state = data.draw(calls(name))
    one, two = (PROJECT[name](tree, np.float32(radius), **state) for tree in (params, other))
    rounding = 1e-5 * (1 + np.linalg.norm(flat(params)) + np.linalg.norm(flat(other)))
    distance = np.linalg.norm(flat(one) - flat(params))
    assert distance <= np.linalg.norm(flat(two) - flat(params)) + rounding
    apart = np.linalg.norm(flat(params) - flat(other))
    assert np.linalg.norm(flat(one) - flat(two)) <= apart + rounding


def derivatives_through(entry: Constraint) -> Any:
    def probed(params: Any, radius: jax.Array, probe: Any, state: Any) -> jax.Array:
        products = jax.tree.map(jnp.vdot, probe, entry.project(params, radius, **state))
        return sum(jax.tree.leaves(products), start=jnp.float32(0))

    return jax.jit(jax.grad(probed, argnums=(0, 1)))


DERIVATIVES = {name: derivatives_through(entry) for name, entry in ENTRIES.items()}


@every_entry
@laws
@given(st.data(), moderate_radii | st.just(np.inf))
def test_gradients_through_a_projection_are_finite_and_those_of_the_identity_inside(
    name: str, data: st.DataObject, radius: float
) -> None:
    params, probe, state = data.draw(calls(name, MODERATE))
    slopes, by_radius = DERIVATIVES[name](params, np.float32(radius), probe, state)
    assert jax.tree.structure(slopes) == jax.tree.structure(params)
    assert np.isfinite(flat(slopes)).all() and np.isfinite(by_radius)
    if radius == np.inf:
        np.testing.assert_array_equal(flat(slopes), flat(probe))
        assert by_radius == 0


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
@laws
@given(st.data(), moderate_radii)
def test_layer_by_layer_is_each_leaf_in_a_tree_of_its_own(
    name: str, data: st.DataObject, radius: float
) -> None:
    params, _, state = data.draw(calls(name, MODERATE, SHAPES[0]))
    bound = np.float32(radius)
    projected = PROJECT[f"{name} of each layer"](params, bound, **state)

    def alone(leaf: jax.Array, *vector: Any) -> jax.Array:
        return PROJECT[name](leaf, bound, **({"state": vector[0]} if vector else {}))

    expected = jax.tree.map(alone, params, *state.values())
    np.testing.assert_allclose(flat(projected), flat(expected), rtol=1e-6, atol=1e-7)


def test_equal_arguments_give_the_same_constraint_so_that_a_program_compiles_once() -> None:
    for entry in CONSTRAINTS.values():
        assert constraint_per_layer(entry) is constraint_per_layer(entry)
        assert hash(constraint_per_layer(entry)) == hash(constraint_per_layer(entry))
