"""Proximal operators against minimisation by SciPy, closed forms in NumPy, and their laws."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import minimize

from normsweep.objectives.penalties import PENALTIES, per_layer

from .trees import flat, normal_tree

JOINT = {name: entry for name, entry in PENALTIES.items() if entry.proximal is not None}
ENTRIES = {
    **JOINT,
    **{f"{name} of each layer": per_layer(entry) for name, entry in JOINT.items()},
    **{f"mean {name} of the layers": per_layer(entry, "mean") for name, entry in JOINT.items()},
}
CALLS = [
    (name, coefficients)
    for name, entry in ENTRIES.items()
    for coefficients in (
        [{"l1": 0.6, "l2": 0.4}, {"l1": 0.0, "l2": 0.4}, {"l1": 0.6, "l2": 0.0}]
        if "l1" in entry.coefficients
        else [{"strength": 0.8, "order": 1.0}, {"strength": 0.8, "order": 2.0}]
        if "order" in entry.coefficients
        else [{"strength": 0.8}]
    )
]
PROXIMAL_OF = {name: jax.jit(entry.proximal) for name, entry in ENTRIES.items()}
VALUE_OF = {name: jax.jit(entry.value) for name, entry in ENTRIES.items()}
every_call = pytest.mark.parametrize(("name", "coefficients"), CALLS)
laws = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**31)
exponents = st.floats(-6.0, 6.0)
steps = st.floats(0.0, 3.0, width=32)


def random_tree(seed: int, scale: float = 1.0) -> dict[str, Any]:
    shapes = {"kernel": (3, 4), "bias": (4,), "scalar": (), "none": None}
    tree: dict[str, Any] = normal_tree(shapes, seed, scale)
    return tree


def only_shrinks(name: str, coefficients: dict[str, float]) -> bool:
    """Whether it is Σw² in some scope, whose proximal step takes no weight to 0."""
    return "power" in name and coefficients["order"] == 2.0


def traced(coefficients: dict[str, float]) -> dict[str, jax.Array]:
    return {name: jnp.float32(number) for name, number in coefficients.items()}


@every_call
@pytest.mark.parametrize("seed", range(3))
def test_no_point_near_or_far_is_better_than_the_proximal_one(name, coefficients, seed):
    """Strongly convex, the objective grows from its minimum by half the squared distance."""
    weights, step = random_tree(seed), jnp.float32(0.7)
    best = PROXIMAL_OF[name](weights, step, **traced(coefficients))

    def objective(tree: Any) -> float:
        distance = 0.5 * np.sum((flat(tree) - flat(weights)) ** 2)
        return float(distance + 0.7 * float(VALUE_OF[name](tree, **traced(coefficients))))

    for other in range(40):
        move = random_tree(1000 * seed + other, scale=10.0 ** -(other % 4))
        point = jax.tree.map(jnp.add, best, move)
        margin = 0.5 * np.sum((flat(point) - flat(best)) ** 2)
        assert objective(point) >= objective(best) + margin - 1e-5 * (1 + objective(point))
    zeros = jax.tree.map(jnp.zeros_like, best)
    assert objective(zeros) >= objective(best) - 1e-5


@pytest.mark.parametrize("order", [1.0, 2.0])
@pytest.mark.parametrize("name", ["norm", "power"])
def test_it_is_the_minimum_that_scipy_finds(name, order):
    weights = random_tree(5)
    target, step, strength = flat(weights), 0.5, 0.6

    def objective(point: np.ndarray) -> float:
        magnitudes = np.abs(point) ** order
        value = np.sum(magnitudes) ** (1 if name == "power" else 1 / order)
        return float(0.5 * np.sum((point - target) ** 2) + step * strength * value)

    # A method without derivatives crawls in 17 dimensions: start it close, let it improve.
    found = PROXIMAL_OF[name](weights, step, strength=strength, order=order)
    improved = minimize(objective, flat(found), method="Powell", options={"xtol": 1e-8})
    assert objective(flat(found)) <= improved.fun + 1e-6
    np.testing.assert_allclose(flat(found), improved.x, atol=1e-3)


def test_small_weights_and_small_units_become_exact_zeros():
    weights = {"kernel": jnp.float32([[3.0, 0.1, 0.0], [-4.0, -0.2, 0.0]]), "bias": jnp.ones(2)}
    soft = ENTRIES["elastic"].proximal(weights, 0.5, l1=1.0, l2=0.25)
    expected = np.array([[2.5, 0, 0], [-3.5, 0, 0]]) / 1.25
    np.testing.assert_allclose(soft["kernel"], expected, rtol=1e-6)
    assert (np.asarray(soft["kernel"])[expected == 0] == 0).all()
    group = ENTRIES["group"].proximal(weights, 0.5, strength=1.0)
    np.testing.assert_allclose(group["kernel"][:, 0], [2.7, -3.6], rtol=1e-6)
    assert (group["kernel"][:, 1:] == 0).all()
    np.testing.assert_allclose(group["bias"], [0.5, 0.5], rtol=1e-6)
    block = ENTRIES["norm"].proximal(weights, 10.0, strength=1.0, order=2)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(block))


def test_the_mean_over_layers_divides_the_strength_by_their_number():
    weights = {"a": jnp.float32([3.0, 4.0]), "b": jnp.float32([6.0, 8.0])}
    mean = ENTRIES["mean norm of the layers"].proximal(weights, 1.0, strength=2.0, order=2.0)
    np.testing.assert_allclose(mean["a"], np.array([3.0, 4.0]) * 0.8, rtol=1e-6)
    np.testing.assert_allclose(mean["b"], np.array([6.0, 8.0]) * 0.9, rtol=1e-6)


@every_call
@laws
@given(seeds, seeds, exponents, steps)
def test_two_points_are_never_moved_apart(
    name: str,
    coefficients: dict[str, float],
    seed: int,
    other_seed: int,
    exponent: float,
    step: float,
) -> None:
    one, other = (random_tree(each, 10.0**exponent) for each in (seed, other_seed))
    moved = [
        PROXIMAL_OF[name](tree, jnp.float32(step), **traced(coefficients)) for tree in (one, other)
    ]
    before = np.linalg.norm(flat(one) - flat(other))
    rounding = 1e-6 * np.linalg.norm(np.concatenate([flat(one), flat(other)]))
    assert np.linalg.norm(flat(moved[0]) - flat(moved[1])) <= before * (1 + 1e-5) + rounding


@every_call
@laws
@given(seeds, exponents)
def test_a_step_of_zero_changes_no_bit_and_a_strength_of_zero_neither(
    name: str, coefficients: dict[str, float], seed: int, exponent: float
) -> None:
    weights = random_tree(seed, 10.0**exponent)
    nothing = {key: number if key == "order" else 0.0 for key, number in coefficients.items()}
    for step, numbers in ((0.0, coefficients), (0.7, nothing)):
        same = PROXIMAL_OF[name](weights, jnp.float32(step), **traced(numbers))
        np.testing.assert_array_equal(flat(same), flat(weights))


@every_call
@laws
@given(seeds, exponents, steps)
def test_it_shrinks_every_weight_and_turns_none(
    name: str, coefficients: dict[str, float], seed: int, exponent: float, step: float
) -> None:
    weights = random_tree(seed, 10.0**exponent)
    moved = PROXIMAL_OF[name](weights, jnp.float32(step), **traced(coefficients))
    turned = PROXIMAL_OF[name](
        jax.tree.map(jnp.negative, weights), jnp.float32(step), **traced(coefficients)
    )
    np.testing.assert_array_equal(flat(turned), -flat(moved))
    assert (np.abs(flat(moved)) <= np.abs(flat(weights))).all()
    assert (flat(moved) * flat(weights) >= 0).all()


@every_call
@laws
@given(seeds, steps, st.integers(-20, 20))
def test_weights_times_c_move_to_c_times_where_they_would_with_strengths_of_their_scale(
    name: str, coefficients: dict[str, float], seed: int, step: float, exponent: int
) -> None:
    """A term of degree d in the weights takes the strength times c^(2 − d)."""
    factor = jnp.float32(2.0**exponent)
    kept = {"order", "l2"} | ({"strength"} if only_shrinks(name, coefficients) else set())
    numbers = {
        key: number if key in kept else number * factor
        for key, number in traced(coefficients).items()
    }
    weights = random_tree(seed)
    larger = jax.tree.map(lambda w: w * factor, weights)
    found = PROXIMAL_OF[name](larger, jnp.float32(step), **numbers)
    expected = PROXIMAL_OF[name](weights, jnp.float32(step), **traced(coefficients))
    np.testing.assert_array_equal(flat(found), flat(expected) * float(factor))


@every_call
def test_zeros_empty_leaves_nan_and_extreme_weights(name, coefficients):
    numbers, step = traced(coefficients), jnp.float32(0.5)
    zeros = jax.tree.map(jnp.zeros_like, random_tree(0))
    assert (flat(PROXIMAL_OF[name](zeros, step, **numbers)) == 0).all()
    empty = {"a": None, "b": jnp.zeros((0, 3)), "c": jnp.zeros((3, 0))}
    moved = ENTRIES[name].proximal(empty, step, **numbers)
    assert jax.tree.map(jnp.shape, moved) == {"a": None, "b": (0, 3), "c": (3, 0)}
    huge = random_tree(0, 1e30)
    assert np.isfinite(flat(PROXIMAL_OF[name](huge, step, **numbers))).all()
    if coefficients.get("l1") != 0 and not only_shrinks(name, coefficients):
        tiny = PROXIMAL_OF[name](random_tree(0, 1e-30), step, **numbers)
        assert (flat(tiny) == 0).all()
    broken = random_tree(0) | {"scalar": jnp.float32(jnp.nan)}
    assert np.isnan(PROXIMAL_OF[name](broken, step, **numbers)["scalar"])


@pytest.mark.parametrize("name", ["power", "norm", "norm of each layer"])
def test_orders_without_a_closed_form_are_errors_or_nan_where_traced(name):
    weights = random_tree(0)
    with pytest.raises(ValueError, match=r"orders 1 and 2, got 1\.5"):
        ENTRIES[name].proximal(weights, 0.1, strength=1.0, order=1.5)
    moved = PROXIMAL_OF[name](weights, 0.1, strength=1.0, order=jnp.float32(1.5))
    assert np.isnan(flat(moved)).all()


def test_penalties_without_a_closed_form_have_no_proximal_step_in_any_scope():
    assert {name for name, entry in PENALTIES.items() if entry.proximal is None} == {
        "orthogonal",
        "spectral",
    }
    assert per_layer(PENALTIES["spectral"]).proximal is None


@every_call
def test_members_of_a_batch_have_their_own_steps_and_leaves_keep_their_type(name, coefficients):
    steps = jnp.float32([0.0, 0.3, 2.0])
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf, -leaf]), random_tree(3))
    moved = jax.jit(
        jax.vmap(lambda tree, step: ENTRIES[name].proximal(tree, step, **coefficients))
    )(batch, steps)
    for index in range(3):
        member = jax.tree.map(lambda leaf, i=index: leaf[i], batch)
        single = PROXIMAL_OF[name](member, steps[index], **traced(coefficients))
        alone = jax.tree.map(lambda leaf, i=index: leaf[i], moved)
        np.testing.assert_allclose(flat(alone), flat(single), rtol=1e-5, atol=1e-6)
    mixed = {"half": jnp.ones((2, 2), jnp.bfloat16), "single": jnp.ones(2)}
    types = jax.tree.map(lambda w: w.dtype, PROXIMAL_OF[name](mixed, 0.1, **coefficients))
    assert types == {"half": jnp.bfloat16, "single": jnp.float32}
