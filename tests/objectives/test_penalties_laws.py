"""Laws that every penalty obeys, on trees drawn by Hypothesis."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from objectives.penalties import PENALTIES, per_layer

ENTRIES = {
    **PENALTIES,
    "norm of each layer": per_layer(PENALTIES["norm"]),
    "mean norm of the layers": per_layer(PENALTIES["norm"], "mean"),
    "mean spectral norm of the layers": per_layer(PENALTIES["spectral"], "mean"),
}
# Few shapes, so that each program compiles once; values are what the laws are about.
SHAPES: tuple[Any, ...] = (
    {"a": (2, 3), "b": {"bias": (3,), "none": None}},
    [(), (0,), (4, 1, 2)],
)
magnitudes = st.floats(2.0**-10, 10.0, width=32)
entries = st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda magnitude: -magnitude))
orders = st.one_of(st.sampled_from([1.0, 2.0, 8.0]), st.floats(1.0, 8.0, width=32))
strengths = st.floats(2.0**-10, 10.0, width=32)
entry_names = st.sampled_from(sorted(ENTRIES))
laws = settings(max_examples=60, deadline=None)

VALUE_OF = {name: jax.jit(entry.value) for name, entry in ENTRIES.items()}
GRADIENT_OF = {name: jax.jit(entry.gradient) for name, entry in ENTRIES.items()}


def degree_of(name: str, order: float) -> float:
    """The power of c that the value is multiplied with where the weights are, by c."""
    if name == "power":
        return order
    degrees = {"orthogonal": 4.0, "spectral": 2.0, "mean spectral norm of the layers": 2.0}
    return degrees.get(name, 1.0)


@st.composite
def trees(draw: st.DrawFn) -> Any:
    def leaf(shape: tuple[int, ...]) -> jax.Array:
        count = int(np.prod(shape))
        drawn = draw(st.lists(entries, min_size=count, max_size=count))
        return jnp.asarray(np.reshape(np.array(drawn, np.float32), shape))

    def is_shape(node: Any) -> bool:
        return isinstance(node, tuple) and all(isinstance(size, int) for size in node)

    return jax.tree.map(leaf, draw(st.sampled_from(SHAPES)), is_leaf=is_shape)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Any, dict[str, Any]]:
    """A penalty's name, a tree, and the arguments for both: coefficients, and a state if any."""
    name, params = draw(entry_names), draw(trees())
    arguments: dict[str, Any] = {
        coefficient: jnp.float32(draw(orders if coefficient == "order" else strengths))
        for coefficient in ENTRIES[name].coefficients
    }
    if ENTRIES[name].initial_state is not None:
        arguments["state"] = ENTRIES[name].initial_state(params)
    return name, params, arguments


def scale_of(params: Any) -> float:
    """‖w‖₂, which the rounding of a penalty of products is relative to."""
    squares = [np.sum(np.square(np.asarray(leaf, np.float64))) for leaf in jax.tree.leaves(params)]
    return float(np.sqrt(np.sum(squares)))


@laws
@given(calls())
def test_value_and_gradient_are_finite_and_the_value_not_negative(call):
    name, params, arguments = call
    value, gradient = (f[name](params, **arguments) for f in (VALUE_OF, GRADIENT_OF))
    assert value.shape == () and np.isfinite(value) and value >= 0
    assert jax.tree.structure(gradient) == jax.tree.structure(params)
    for slope, weight in zip(*map(jax.tree.leaves, (gradient, params)), strict=True):
        assert slope.shape == weight.shape and slope.dtype == weight.dtype
        assert np.isfinite(slope).all()


@laws
@given(calls())
def test_the_gradient_of_a_norm_points_away_from_zero_and_is_zero_there(call):
    name, params, arguments = call
    if name == "orthogonal" or "spectral" in name:
        return
    gradient = GRADIENT_OF[name](params, **arguments)
    for slope, weight in zip(*map(jax.tree.leaves, (gradient, params)), strict=True):
        assert (np.asarray(slope * jnp.sign(weight)) >= 0).all()
        assert (np.asarray(slope)[np.asarray(weight) == 0] == 0).all()


@laws
@given(calls())
def test_turning_the_signs_keeps_the_value_and_turns_the_gradient(call):
    name, params, arguments = call
    turned = jax.tree.map(jnp.negative, params)
    assert VALUE_OF[name](params, **arguments) == VALUE_OF[name](turned, **arguments)
    gradients = (GRADIENT_OF[name](tree, **arguments) for tree in (params, turned))
    for one, other in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_array_equal(one, -other)


@laws
@given(calls(), st.floats(0.125, 8.0, width=32))
def test_scaling_the_weights_scales_the_value_by_its_degree(call, factor):
    name, params, arguments = call
    if name == "elastic":
        return
    degree = degree_of(name, float(arguments.get("order", 1.0)))
    scaled = jax.tree.map(lambda w: w * jnp.float32(factor), params)
    expected = float(VALUE_OF[name](params, **arguments)) * factor**degree
    rounding = 1e-6 * float(arguments["strength"]) * (factor * scale_of(params)) ** degree
    value = VALUE_OF[name](scaled, **arguments)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=rounding)


@laws
@given(calls(), st.floats(0.125, 8.0, width=32))
def test_value_and_gradient_are_linear_in_the_strengths(call, factor):
    name, params, arguments = call
    stronger = {
        argument: number if argument in ("order", "state") else number * jnp.float32(factor)
        for argument, number in arguments.items()
    }
    value = float(VALUE_OF[name](params, **arguments))
    np.testing.assert_allclose(VALUE_OF[name](params, **stronger), value * factor, rtol=1e-5)
    gradients = (GRADIENT_OF[name](params, **each) for each in (arguments, stronger))
    for slope, stronger_slope in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_allclose(stronger_slope, np.asarray(slope) * factor, rtol=1e-5)


@laws
@given(calls())
def test_a_weight_times_its_gradient_sums_to_the_degree_times_the_value(call):
    """Euler's theorem on homogeneous functions."""
    name, params, arguments = call
    if name == "elastic":
        return
    degree = degree_of(name, float(arguments.get("order", 1.0)))
    gradient = GRADIENT_OF[name](params, **arguments)
    products = [
        np.sum(np.float64(slope) * np.float64(weight))
        for slope, weight in zip(*map(jax.tree.leaves, (gradient, params)), strict=True)
    ]
    rounding = 1e-5 * float(arguments["strength"]) * scale_of(params) ** degree
    value = float(VALUE_OF[name](params, **arguments))
    assert sum(products) == pytest.approx(degree * value, rel=1e-4, abs=rounding)
