"""Laws that every penalty obeys, jointly and layer by layer, on trees drawn by Hypothesis."""

from typing import Any

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given, settings

from normsweep.objectives.penalties import PENALTIES, Penalty, per_layer

from .trees import advanced_state, flat, trees

ENTRIES = {
    **PENALTIES,
    **{f"{form} of each layer": per_layer(entry) for form, entry in PENALTIES.items()},
    **{f"mean {form} of the layers": per_layer(entry, "mean") for form, entry in PENALTIES.items()},
}
FORM_OF = {name: next(form for form in PENALTIES if form in name.split()) for name in ENTRIES}
# The slopes of the others mix the weights of a matrix, and may point towards zero.
AWAY_FROM_ZERO = [
    name for name, form in FORM_OF.items() if form in ("power", "norm", "elastic", "group")
]

orders = st.one_of(
    st.sampled_from([1.0, 2.0, 8.0]), st.floats(0.25, 1.0, width=32), st.floats(1.0, 8.0, width=32)
)
strengths = st.one_of(st.just(0.0), st.floats(2.0**-10, 10.0, width=32))
factors = st.floats(0.125, 8.0, width=32)
laws = settings(max_examples=20, deadline=None)
every_entry = pytest.mark.parametrize("name", sorted(ENTRIES))
# Below it float32 has no normal numbers left to round to.
TINY = 1e-30


def value_and_gradient_of(entry: Penalty) -> Any:
    def run(params: Any, arguments: Any) -> tuple[jax.Array, Any]:
        return entry.value(params, **arguments), entry.gradient(params, **arguments)

    return jax.jit(run)


# One compiled program for each entry and tree, whatever the law.
VALUE_AND_GRADIENT = {name: value_and_gradient_of(entry) for name, entry in ENTRIES.items()}


def degrees_of(name: str, arguments: dict[str, Any]) -> dict[str, float]:
    """The powers of c that weights times c amount to, by the strength that each term has."""
    if FORM_OF[name] == "elastic":
        return {"l1": 1.0, "l2": 2.0}
    own = {"power": float(arguments.get("order", 1.0)), "orthogonal": 4.0, "spectral": 2.0}
    return {"strength": own.get(FORM_OF[name], 1.0)}


def scaled(arguments: dict[str, Any], scales: dict[str, float]) -> dict[str, Any]:
    """The arguments with each strength that is named times its scale."""
    return arguments | {key: np.float32(arguments[key] * scale) for key, scale in scales.items()}


@st.composite
def calls(draw: st.DrawFn, name: str) -> tuple[Any, dict[str, Any]]:
    """A tree, and arguments: coefficients, and a state if any, iterated up to three times.

    Weights whose value leaves the range of float32, where it is infinite, are none of it.
    """
    arguments: dict[str, Any] = {
        coefficient: np.float32(draw(orders if coefficient == "order" else strengths))
        for coefficient in ENTRIES[name].coefficients
    }
    highest = max(degrees_of(name, arguments).values())
    params = draw(trees(exponents=(-66, 50 if highest <= 2 else int(60 / highest))))
    return params, arguments | advanced_state(ENTRIES[name], params, draw(st.integers(0, 3)))


def rounding(name: str, params: Any, arguments: dict[str, Any], factor: float = 1.0) -> float:
    """What the rounding of a penalty of products is relative to: λ·‖c·w‖₂^degree."""
    norm = factor * float(np.sqrt(np.sum(np.square(flat(params)))))
    degrees = degrees_of(name, arguments).items()
    return TINY + sum(float(arguments[key]) * norm**degree for key, degree in degrees)


@every_entry
@laws
@given(st.data())
def test_value_and_gradient_are_finite_and_the_value_not_negative(
    name: str, data: st.DataObject
) -> None:
    params, arguments = data.draw(calls(name))
    value, gradient = VALUE_AND_GRADIENT[name](params, arguments)
    assert value.shape == () and np.isfinite(value) and value >= 0
    assert jax.tree.structure(gradient) == jax.tree.structure(params)
    for slope, weight in zip(*map(jax.tree.leaves, (gradient, params)), strict=True):
        assert slope.shape == weight.shape and slope.dtype == weight.dtype
    # Of the norm the gradient is promised for orders of 1 and above.
    if FORM_OF[name] != "norm" or arguments["order"] >= 1:
        assert np.isfinite(flat(gradient)).all()


@pytest.mark.parametrize("name", AWAY_FROM_ZERO)
@laws
@given(st.data())
def test_the_gradient_of_a_norm_points_away_from_zero_and_is_zero_there(
    name: str, data: st.DataObject
) -> None:
    params, arguments = data.draw(calls(name))
    slopes, weights = flat(VALUE_AND_GRADIENT[name](params, arguments)[1]), flat(params)
    assert (slopes * np.sign(weights) >= 0).all()
    assert (slopes[weights == 0] == 0).all()


@every_entry
@laws
@given(st.data())
def test_turning_the_signs_keeps_the_value_and_turns_the_gradient(
    name: str, data: st.DataObject
) -> None:
    params, arguments = data.draw(calls(name))
    value, gradient = VALUE_AND_GRADIENT[name](params, arguments)
    turned = VALUE_AND_GRADIENT[name](jax.tree.map(np.negative, params), arguments)
    assert value == turned[0]
    np.testing.assert_array_equal(flat(gradient), -flat(turned[1]))


@every_entry
@laws
@given(st.data(), factors)
def test_weights_times_c_are_each_strength_times_c_to_the_degree_of_its_term(
    name: str, data: st.DataObject, factor: float
) -> None:
    params, arguments = data.draw(calls(name))
    larger = jax.tree.map(lambda w: w * np.float32(factor), params)
    degrees = degrees_of(name, arguments).items()
    stronger = scaled(arguments, {key: factor**degree for key, degree in degrees})
    value, expected = (
        VALUE_AND_GRADIENT[name](*call)[0] for call in ((larger, arguments), (params, stronger))
    )
    atol = 1e-6 * rounding(name, params, arguments, factor)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=atol)


@every_entry
@laws
@given(st.data(), factors)
def test_value_and_gradient_are_linear_in_the_strengths(
    name: str, data: st.DataObject, factor: float
) -> None:
    params, arguments = data.draw(calls(name))
    stronger = scaled(arguments, dict.fromkeys(degrees_of(name, arguments), factor))
    value, gradient = VALUE_AND_GRADIENT[name](params, arguments)
    greater, steeper = VALUE_AND_GRADIENT[name](params, stronger)
    np.testing.assert_allclose(greater, float(value) * factor, rtol=1e-5, atol=TINY)
    np.testing.assert_allclose(flat(steeper), flat(gradient) * factor, rtol=1e-5, atol=TINY)


@every_entry
@laws
@given(st.data())
def test_weights_times_slopes_sum_to_each_term_times_its_degree(
    name: str, data: st.DataObject
) -> None:
    """Euler's theorem on homogeneous functions."""
    params, arguments = data.draw(calls(name))
    gradient = VALUE_AND_GRADIENT[name](params, arguments)[1]
    stronger = scaled(arguments, degrees_of(name, arguments))
    expected = float(VALUE_AND_GRADIENT[name](params, stronger)[0])
    atol = 1e-5 * rounding(name, params, arguments)
    assert np.sum(flat(gradient) * flat(params)) == pytest.approx(expected, rel=1e-4, abs=atol)


@pytest.mark.parametrize("name", [name for name, form in FORM_OF.items() if form == "spectral"])
@laws
@given(st.data())
def test_a_power_iteration_never_passes_the_largest_singular_value(
    name: str, data: st.DataObject
) -> None:
    params, arguments = data.draw(calls(name))
    for vector in jax.tree.leaves(arguments["state"]):
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(params)]
    matrices = [leaf.reshape(-1, leaf.shape[-1]) for leaf in leaves if leaf.ndim > 1 and leaf.size]
    largest = [np.linalg.svd(matrix, compute_uv=False)[0] ** 2 for matrix in matrices]
    # Biases have no part in the mean over layers.
    share = len(matrices) if name.startswith("mean") and matrices else 1
    bound = float(arguments["strength"]) * sum(largest) / share
    assert VALUE_AND_GRADIENT[name](params, arguments)[0] <= bound * (1 + 1e-5) + TINY
