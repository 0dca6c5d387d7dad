"""The norm penalties against NumPy in float64: values, gradients, and where both go wrong."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.objectives.penalties import PENALTIES, lp_norm, lp_power, penalty

ORDERS = (0.5, 1.0, 1.3, 2.0, 3.0, 4.7, 8.0)
FORMS = ("power", "norm", "elastic")
WEIGHTS = np.array([0.0, -0.02, 0.3, -1.7, 2.5, 0.0, 0.9])
COEFFICIENTS = [
    *(("power", {"strength": 0.3, "order": order}) for order in ORDERS),
    *(("norm", {"strength": 0.3, "order": order}) for order in ORDERS),
    *(("elastic", {"l1": l1, "l2": l2}) for l1, l2 in ((0.3, 0.2), (0.0, 0.2), (0.3, 0.0))),
]
STATIC = [pair for pair in COEFFICIENTS if pair[1].get("order", 1.0) in (1.0, 2.0, 3.0)]

# One compiled program for all orders and strengths, as in training.
VALUE_OF = {form: jax.jit(PENALTIES[form].value) for form in FORMS}
GRADIENT_OF = {form: jax.jit(PENALTIES[form].gradient) for form in FORMS}
DIFFERENTIATED = {form: jax.jit(jax.value_and_grad(PENALTIES[form].value)) for form in FORMS}

every_penalty = pytest.mark.parametrize(("form", "coefficients"), COEFFICIENTS)


def reference(form: str, weights: np.ndarray, **coefficients: float) -> float:
    magnitudes = np.abs(np.asarray(weights, np.float64))
    if form == "elastic":
        return float(
            coefficients["l1"] * magnitudes.sum() + coefficients["l2"] * (magnitudes**2).sum()
        )
    power_sum = (magnitudes ** coefficients["order"]).sum()
    root = 1.0 if form == "power" else 1 / coefficients["order"]
    return float(coefficients["strength"] * power_sum**root)


def differentiate_by_coefficient(form: str) -> Any:
    return jax.jit(jax.grad(lambda numbers, params: PENALTIES[form].value(params, **numbers)))


BY_COEFFICIENT = {form: differentiate_by_coefficient(form) for form in FORMS}


def tree_of(weights: np.ndarray) -> dict[str, Any]:
    """A tree with a matrix, a scalar, an empty leaf and a subtree that is None."""
    array = jnp.asarray(weights, jnp.float32)
    return {
        "matrix": array[:4].reshape(2, 2),
        "rest": [array[4:6], None],
        "scalar": array[6],
        "empty": jnp.zeros((0, 3), jnp.float32),
    }


def flat(tree: Any) -> np.ndarray:
    parts = (tree["matrix"].ravel(), tree["rest"][0], tree["scalar"][None])
    return np.concatenate([np.asarray(part) for part in parts])


def traced(coefficients: dict[str, float]) -> dict[str, jax.Array]:
    return {name: jnp.float32(number) for name, number in coefficients.items()}


@every_penalty
def test_value_is_the_formula(form, coefficients):
    result = VALUE_OF[form](tree_of(WEIGHTS), **traced(coefficients))
    assert result.shape == () and result.dtype == jnp.float32
    np.testing.assert_allclose(result, reference(form, WEIGHTS, **coefficients), rtol=1e-5)


@every_penalty
def test_gradient_is_the_finite_difference_in_float64_and_zero_at_zero(form, coefficients):
    step = 1e-6 * np.eye(len(WEIGHTS))
    up = np.array([reference(form, WEIGHTS + row, **coefficients) for row in step])
    down = np.array([reference(form, WEIGHTS - row, **coefficients) for row in step])
    expected = np.where(WEIGHTS == 0, 0.0, (up - down) / 2e-6)
    params = tree_of(WEIGHTS)
    for gradient in (
        GRADIENT_OF[form](params, **traced(coefficients)),
        DIFFERENTIATED[form](params, **traced(coefficients))[1],
    ):
        assert jax.tree.structure(gradient) == jax.tree.structure(params)
        np.testing.assert_allclose(flat(gradient), expected, rtol=2e-5, atol=1e-8)
        assert (flat(gradient)[WEIGHTS == 0] == 0).all()


@pytest.mark.parametrize(("form", "coefficients"), STATIC)
def test_coefficients_that_are_python_numbers_give_what_traced_ones_give(form, coefficients):
    params, chosen = tree_of(WEIGHTS), PENALTIES[form]
    value, gradient = DIFFERENTIATED[form](params, **traced(coefficients))
    np.testing.assert_allclose(chosen.value(params, **coefficients), value, rtol=1e-6)
    analytic = chosen.gradient(params, **coefficients)
    np.testing.assert_allclose(flat(analytic), flat(gradient), rtol=1e-6)


@every_penalty
def test_derivative_in_each_coefficient_is_the_finite_difference(form, coefficients):
    derivatives = BY_COEFFICIENT[form](traced(coefficients), tree_of(WEIGHTS))
    for name, derivative in derivatives.items():
        up = reference(form, WEIGHTS, **coefficients | {name: coefficients[name] + 1e-6})
        down = reference(form, WEIGHTS, **coefficients | {name: coefficients[name] - 1e-6})
        np.testing.assert_allclose(derivative, (up - down) / 2e-6, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["power", "norm"])
@pytest.mark.parametrize("transformation", ["vmap", "lax.map"])
def test_batches_of_members_with_their_own_orders_agree_with_single_ones(form, transformation):
    def loss(member):
        return PENALTIES[form].value(member[0], strength=member[1], order=member[2])

    orders = jnp.asarray(ORDERS, jnp.float32)
    strengths = jnp.linspace(0.0, 1.0, len(ORDERS)).astype(jnp.float32)
    weights = np.random.default_rng(0).normal(size=(len(ORDERS), 7)) * (WEIGHTS != 0)
    params = jax.vmap(tree_of)(jnp.asarray(weights, jnp.float32))
    run = jax.vmap if transformation == "vmap" else lambda f: lambda x: jax.lax.map(f, x)
    values, gradients = jax.jit(run(jax.value_and_grad(loss)))((params, strengths, orders))
    for index, order in enumerate(ORDERS):
        strength = float(strengths[index])
        expected = reference(form, weights[index], strength=strength, order=order)
        np.testing.assert_allclose(values[index], expected, rtol=1e-5)
        member = jax.tree.map(lambda leaf, i=index: leaf[i], gradients[0])
        single = GRADIENT_OF[form](
            tree_of(weights[index]), strength=strengths[index], order=orders[index]
        )
        np.testing.assert_allclose(flat(member), flat(single), rtol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_members_spread_over_devices_may_share_a_coefficient_or_have_their_own(form):
    """One device suffices: `shard_map` tells shared values from spread ones by type."""
    mesh = jax.make_mesh((1,), ("members",))
    names = PENALTIES[form].coefficients
    spread = jax.sharding.PartitionSpec("members")
    weights = jax.device_put(
        jnp.stack([jnp.ones(3), jnp.full(3, 2.0)]), jax.sharding.NamedSharding(mesh, spread)
    )

    def gradients(params):
        shared = dict.fromkeys(names, jnp.float32(1.5))
        own = {names[0]: jnp.max(params) * 0 + 1.5, names[1]: jnp.float32(1.5)}
        return [jax.grad(PENALTIES[form].value)(params, **each) for each in (shared, own)]

    mapped = jax.shard_map(
        lambda shard: jax.lax.map(gradients, shard), mesh=mesh, in_specs=spread, out_specs=spread
    )
    expected = [
        GRADIENT_OF[form](row, **dict.fromkeys(names, jnp.float32(1.5)))
        for row in np.asarray(weights)
    ]
    for result in jax.jit(mapped)(weights):
        np.testing.assert_allclose(result, np.stack(expected), rtol=1e-6)


@every_penalty
def test_an_all_zero_tree_and_an_empty_tree_have_value_and_gradient_zero(form, coefficients):
    zeros = tree_of(0 * WEIGHTS)
    value, gradient = DIFFERENTIATED[form](zeros, **traced(coefficients))
    assert value == 0 and (flat(gradient) == 0).all()
    value, gradient = DIFFERENTIATED[form]({"a": None}, **traced(coefficients))
    assert value == 0 and gradient == {"a": None}


@every_penalty
def test_one_nan_weight_makes_the_value_and_its_own_gradient_nan(form, coefficients):
    params = tree_of(np.where(WEIGHTS == 2.5, np.nan, WEIGHTS))
    value, gradient = DIFFERENTIATED[form](params, **traced(coefficients))
    assert np.isnan(value) and np.isnan(flat(gradient)[4])


@pytest.mark.parametrize("order", [order for order in ORDERS if order >= 1])
@pytest.mark.parametrize("scale", [3e-38, 1e-30, 1e30, 1e38])
def test_the_norm_and_its_gradient_stay_finite_where_powers_leave_the_range(order, scale):
    weights = np.array([1.0, -0.5, 0.0, 0.75])
    expected = reference("norm", weights * scale, strength=1.0, order=order)
    traced_order = jnp.float32(order)
    params = jnp.asarray(weights * scale, jnp.float32)
    unscaled = {"strength": jnp.float32(1), "order": traced_order}
    np.testing.assert_allclose(VALUE_OF["norm"](params, **unscaled), expected, rtol=1e-5)
    # The gradient does not depend on the scale of the weights.
    unit = (np.abs(weights) / reference("norm", weights, strength=1.0, order=order)) ** (order - 1)
    gradient = GRADIENT_OF["norm"](params, **unscaled)
    np.testing.assert_allclose(gradient, unit * np.sign(weights), rtol=1e-4)


def test_the_gradient_of_the_power_form_at_1e30_is_infinite_only_beyond_the_range():
    params = jnp.float32(-1e30)
    slope_at = jax.jit(jax.grad(lp_power))
    slopes = [slope_at(params, jnp.float32(order)) for order in (1, 1.2, 2, 2.2, 3, 8)]
    expected = [-1, -1.2 * 1e6, -2e30, -2.2 * 1e36, -np.inf, -np.inf]
    np.testing.assert_allclose(slopes, expected, rtol=1e-4)


def test_a_strength_of_zero_is_free_of_overflow_and_still_has_its_derivative():
    params = jnp.full((3,), 1e30, jnp.float32)
    zero = jnp.float32(0)
    value, gradient = DIFFERENTIATED["power"](params, strength=zero, order=jnp.float32(8))
    assert value == 0 and (gradient == 0).all()
    slopes = BY_COEFFICIENT["norm"]({"strength": zero, "order": jnp.float32(2)}, jnp.ones(4))
    np.testing.assert_allclose(slopes["strength"], 2.0, rtol=1e-6)


@pytest.mark.parametrize(("form", "coefficients"), STATIC)
def test_float64_trees_are_computed_in_float64(form, coefficients):
    with jax.enable_x64(True):
        params = {"a": jnp.asarray(WEIGHTS, jnp.float64)}
        value, gradient = DIFFERENTIATED[form](params, **coefficients)
        assert value.dtype == gradient["a"].dtype == jnp.float64
        np.testing.assert_allclose(value, reference(form, WEIGHTS, **coefficients), rtol=1e-13)


def test_leaves_of_different_float_types_keep_their_own_in_the_gradient():
    params = {"half": jnp.ones(3, jnp.bfloat16), "single": jnp.ones(2, jnp.float32)}
    for name in FORMS:
        names = PENALTIES[name].coefficients
        coefficients = traced(dict.fromkeys(names, 1.5))
        value, gradient = DIFFERENTIATED[name](params, **coefficients)
        expected = reference(name, np.ones(5), **dict.fromkeys(names, 1.5))
        np.testing.assert_allclose(value, expected, rtol=1e-2)
        assert jax.tree.map(lambda g: g.dtype, gradient) == jax.tree.map(lambda w: w.dtype, params)


def test_mistakes_are_errors_that_name_the_value():
    with pytest.raises(ValueError, match=r"order .* above 0, got -1"):
        lp_power(jnp.ones(2), -1)
    with pytest.raises(ValueError, match=r"order .* above 0, got nan"):
        lp_norm(jnp.ones(2), float("nan"))
    with pytest.raises(ValueError, match=r"strength must be a scalar, got .* \(2,\)"):
        lp_power(jnp.ones(2), 2.0, jnp.ones(2))
    with pytest.raises(TypeError, match="int32"):
        lp_power({"count": jnp.arange(3)}, 2.0)
    with pytest.raises(ValueError, match="'ridge'; accepted: power, norm, elastic"):
        penalty("ridge")
