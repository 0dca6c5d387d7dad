"""Laws that every penalty obeys, on trees drawn by Hypothesis."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from objectives.penalties import PENALTIES

# Few shapes, so that each program compiles once; values are what the laws are about.
SHAPES: tuple[Any, ...] = (
    {"a": (2, 3), "b": {"bias": (3,), "none": None}},
    [(), (0,), (4, 1, 2)],
    ((1,),),
)
magnitudes = st.floats(2.0**-10, 10.0, width=32)
entries = st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda magnitude: -magnitude))
orders = st.one_of(st.sampled_from([1.0, 2.0, 8.0]), st.floats(1.0, 8.0, width=32))
strengths = st.floats(2.0**-10, 10.0, width=32)
laws = settings(max_examples=40, deadline=None)

value_of = {form: jax.jit(chosen.value) for form, chosen in PENALTIES.items()}
gradient_of = {form: jax.jit(chosen.gradient) for form, chosen in PENALTIES.items()}


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
def calls(draw: st.DrawFn) -> tuple[str, dict[str, jax.Array]]:
    form = draw(st.sampled_from(sorted(PENALTIES)))
    coefficients = {
        name: jnp.float32(draw(orders if name == "order" else strengths))
        for name in PENALTIES[form].coefficients
    }
    return form, coefficients


@laws
@given(trees(), calls())
def test_value_and_gradient_are_finite_and_the_gradient_points_away_from_zero(params, call):
    form, coefficients = call
    value = value_of[form](params, **coefficients)
    gradient = gradient_of[form](params, **coefficients)
    assert np.isfinite(value) and value >= 0
    for slope, weight in zip(jax.tree.leaves(gradient), jax.tree.leaves(params), strict=True):
        assert slope.shape == weight.shape and slope.dtype == weight.dtype
        assert np.isfinite(slope).all()
        assert (np.asarray(slope * jnp.sign(weight)) >= 0).all()
        assert (np.asarray(slope)[np.asarray(weight) == 0] == 0).all()


@laws
@given(trees(), calls())
def test_turning_the_signs_keeps_the_value_and_turns_the_gradient(params, call):
    form, coefficients = call
    turned = jax.tree.map(jnp.negative, params)
    assert value_of[form](params, **coefficients) == value_of[form](turned, **coefficients)
    gradients = (gradient_of[form](tree, **coefficients) for tree in (params, turned))
    for one, other in zip(*map(jax.tree.leaves, gradients), strict=True):
        np.testing.assert_array_equal(one, -other)


@laws
@given(trees(), st.sampled_from(["power", "norm"]), orders, st.floats(0.125, 8.0, width=32))
def test_scaling_the_weights_scales_a_power_by_its_power_and_a_norm_by_its_first(
    params, form, order, factor
):
    coefficients = {"strength": jnp.float32(1), "order": jnp.float32(order)}
    scaled = jax.tree.map(lambda w: w * jnp.float32(factor), params)
    expected = float(value_of[form](params, **coefficients)) * factor ** (
        order if form == "power" else 1.0
    )
    np.testing.assert_allclose(value_of[form](scaled, **coefficients), expected, rtol=1e-4)


@laws
@given(trees(), calls(), st.floats(0.125, 8.0, width=32))
def test_value_and_gradient_are_linear_in_the_strengths(params, call, factor):
    form, coefficients = call
    stronger = {
        name: number if name == "order" else number * jnp.float32(factor)
        for name, number in coefficients.items()
    }
    value = float(value_of[form](params, **coefficients))
    np.testing.assert_allclose(value_of[form](params, **stronger), value * factor, rtol=1e-5)
    pairs = zip(
        jax.tree.leaves(gradient_of[form](params, **coefficients)),
        jax.tree.leaves(gradient_of[form](params, **stronger)),
        strict=True,
    )
    for slope, stronger_slope in pairs:
        np.testing.assert_allclose(stronger_slope, np.asarray(slope) * factor, rtol=1e-5)


@laws
@given(trees(), orders)
def test_a_weight_times_its_gradient_sums_to_the_degree_times_the_value(params, order):
    """Euler's theorem on homogeneous functions: of degree p for the power, of 1 for the norm."""
    coefficients = {"strength": jnp.float32(1), "order": jnp.float32(order)}
    for form, degree in (("power", order), ("norm", 1.0)):
        gradient = jax.tree.leaves(gradient_of[form](params, **coefficients))
        products = [
            np.sum(np.float64(slope) * np.float64(weight))
            for slope, weight in zip(gradient, jax.tree.leaves(params), strict=True)
        ]
        value = float(value_of[form](params, **coefficients))
        assert sum(products) == pytest.approx(degree * value, rel=1e-4)
