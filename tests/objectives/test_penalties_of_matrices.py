"""Group, orthogonal and spectral penalties against NumPy in float64, and where they go wrong."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.objectives.penalties import PENALTIES

FORMS = ("group", "orthogonal", "spectral")
RNG = np.random.default_rng(0)
# A convolution's kernel, a dense one with a unit of zeros, a bias, a scalar.
LEAVES = {
    "convolution": RNG.normal(size=(3, 2, 2, 5)),
    "dense": RNG.normal(size=(7, 4)) * np.array([1.0, 0.0, 2.0, -0.5]),
    "bias": np.array([0.0, -1.5, 2.0]),
    "scalar": np.array(-0.7),
}

every_form = pytest.mark.parametrize("form", FORMS)
matrices_only = pytest.mark.parametrize("form", ["orthogonal", "spectral"])


def float32(leaves: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), leaves)


def matrix(leaf: np.ndarray) -> np.ndarray:
    return np.asarray(leaf, np.float64).reshape(-1, leaf.shape[-1])


def reference(form: str, leaves: dict[str, np.ndarray]) -> float:
    matrices = [matrix(leaf) for leaf in leaves.values() if leaf.ndim > 1]
    if form == "spectral":
        return sum(np.linalg.svd(each, compute_uv=False)[0] ** 2 for each in matrices)
    if form == "orthogonal":
        products = [each.T @ each for each in matrices]
        return sum(np.sum((each - np.diag(np.diag(each))) ** 2) for each in products)
    entries = [np.abs(leaf).sum() for leaf in leaves.values() if leaf.ndim < 2]
    return sum(np.linalg.norm(each, axis=0).sum() for each in matrices) + sum(entries)


@partial(jax.jit, static_argnums=1)
def iterated(params: Any, iterations: int) -> Any:
    entry = PENALTIES["spectral"]
    start = entry.initial_state(params)
    return jax.lax.fori_loop(0, iterations, lambda _, state: entry.advance(params, state), start)


iterated_once = jax.jit(PENALTIES["spectral"].advance)


def state_of(form: str, params: Any, iterations: int = 300) -> dict[str, Any]:
    """The state by name for a penalty that has one, by default converged."""
    return {"state": iterated(params, iterations)} if form == "spectral" else {}


VALUE_OF = {form: jax.jit(PENALTIES[form].value) for form in FORMS}
GRADIENT_OF = {form: jax.jit(PENALTIES[form].gradient) for form in FORMS}
DERIVED_OF = {form: jax.jit(jax.grad(PENALTIES[form].value)) for form in FORMS}


def gradients(form: str, params: Any, strength: Any = 1.0, **state: Any) -> tuple[Any, Any]:
    """The gradient that is written by hand, and the one that JAX derives from the value."""
    arguments = {"strength": jnp.float32(strength), **state}
    return GRADIENT_OF[form](params, **arguments), DERIVED_OF[form](params, **arguments)


@every_form
def test_value_is_the_formula(form):
    params = float32(LEAVES)
    result = VALUE_OF[form](params, strength=jnp.float32(0.3), **state_of(form, params))
    assert result.shape == () and result.dtype == jnp.float32
    np.testing.assert_allclose(result, 0.3 * reference(form, LEAVES), rtol=1e-5)


@every_form
def test_gradient_is_the_finite_difference_in_float64(form):
    params = float32(LEAVES)
    for gradient in gradients(form, params, jnp.float32(0.3), **state_of(form, params)):
        for name, leaf in LEAVES.items():
            expected = np.zeros(leaf.shape)
            for index in np.ndindex(leaf.shape):
                shifted = []
                for step in (1e-6, -1e-6):
                    moved = leaf.copy()
                    moved[index] += step
                    shifted.append(reference(form, LEAVES | {name: moved}))
                expected[index] = 0.3 * (shifted[0] - shifted[1]) / 2e-6
            if form == "group":
                expected = np.where(leaf == 0, 0.0, expected)
            scale = max(np.abs(expected).max(), 1.0)
            np.testing.assert_allclose(gradient[name], expected, rtol=1e-4, atol=1e-5 * scale)


def test_singular_values_by_power_iteration_are_those_of_numpy():
    params, entry = float32(LEAVES), PENALTIES["spectral"]
    for name in ("convolution", "dense"):
        singular = np.linalg.svd(matrix(LEAVES[name]), compute_uv=False)
        state = state_of("spectral", params[name])["state"]
        value = entry.value(params[name], strength=1.0, state=state)
        np.testing.assert_allclose(np.sqrt(value), singular[0], rtol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(state), 1.0, rtol=1e-6)
        estimates, state = [], entry.initial_state(params[name])
        for _ in range(5):
            estimates.append(float(VALUE_OF["spectral"](params[name], strength=1.0, state=state)))
            state = iterated_once(params[name], state)
        # The estimate comes from below, and no iteration lowers it.
        assert (np.diff(estimates) >= -1e-4).all()
        assert estimates[0] < 0.99 * estimates[-1] <= 0.99 * (1 + 1e-5) * singular[0] ** 2


def test_one_iteration_a_step_follows_weights_that_change_slowly():
    entry = PENALTIES["spectral"]
    weights, drift = RNG.normal(size=(20, 10)), RNG.normal(size=(20, 10))
    state = state_of("spectral", jnp.float32(weights))["state"]
    for _ in range(200):
        weights = weights + 0.01 * drift
        state = iterated_once(jnp.float32(weights), state)
    expected = np.linalg.svd(weights, compute_uv=False)[0] ** 2
    value = entry.value(jnp.float32(weights), strength=1.0, state=state)
    np.testing.assert_allclose(value, expected, rtol=1e-3)


def test_no_gradient_flows_through_the_iteration():
    params, entry = float32(LEAVES), PENALTIES["spectral"]

    def value(tree: Any) -> jax.Array:
        state = entry.advance(tree, entry.initial_state(tree))
        return entry.value(tree, strength=1.0, state=state)

    state = entry.advance(params, entry.initial_state(params))
    expected = entry.gradient(params, strength=1.0, state=state)
    for name, slope in jax.jit(jax.grad(value))(params).items():
        np.testing.assert_allclose(slope, expected[name], rtol=1e-5, atol=1e-6)


def test_orthogonal_units_of_any_length_cost_nothing():
    rotation = np.linalg.qr(RNG.normal(size=(5, 5)))[0] * np.array([1, 2, 3, 0, 1e3])
    value = PENALTIES["orthogonal"].value(jnp.float32(rotation), strength=1.0)
    assert value < 1e-2  # the squares of single products are of order 1e12
    assert PENALTIES["orthogonal"].value(jnp.eye(3) * 1e30, strength=1.0) == 0


@matrices_only
def test_leaves_that_are_no_matrices_do_not_count(form):
    params = float32({"bias": LEAVES["bias"], "scalar": LEAVES["scalar"]})
    state = state_of(form, params, 1)
    assert PENALTIES[form].value(params, strength=2.0, **state) == 0
    for gradient in gradients(form, params, **state):
        assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient))


@every_form
def test_trees_of_zeros_none_and_empty_leaves_have_value_and_gradient_zero(form):
    trees = (
        {"a": None},
        {
            "empty": [jnp.zeros((0, 3)), jnp.zeros((3, 0)), jnp.zeros(0)],
            "zeros": [jnp.zeros((3, 2)), None, jnp.float32(0)],
        },
    )
    for params in trees:
        state = state_of(form, params, 2)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
        assert VALUE_OF[form](params, strength=jnp.float32(1), **state) == 0
        for gradient in gradients(form, params, **state):
            assert jax.tree.structure(gradient) == jax.tree.structure(params)
            assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_huge_and_tiny_weights_give_finite_numbers_where_the_true_ones_are(scale):
    leaves = {"dense": LEAVES["dense"] * scale, "bias": LEAVES["bias"] * scale}
    params = float32(leaves)
    value = PENALTIES["group"].value(params, strength=1.0)
    np.testing.assert_allclose(value, scale * reference("group", leaves) / scale, rtol=1e-5)
    for gradient in gradients("group", params):
        norms = np.linalg.norm(LEAVES["dense"], axis=0)
        expected = LEAVES["dense"] / np.where(norms == 0, 1, norms)
        np.testing.assert_allclose(gradient["dense"], expected, rtol=1e-5)
    state = state_of("spectral", params)["state"]
    unscaled = state_of("spectral", float32(LEAVES))["state"]
    np.testing.assert_allclose(np.abs(state["dense"]), np.abs(unscaled["dense"]), atol=1e-5)
    slope = PENALTIES["spectral"].gradient(params, strength=1.0, state=state)["dense"]
    left, singular, right = np.linalg.svd(leaves["dense"], full_matrices=False)
    expected = 2 * singular[0] * np.outer(left[:, 0], right[0])
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-5 * scale)


@every_form
def test_a_nan_weight_makes_the_value_nan_and_the_gradient_of_its_unit(form):
    params = float32(LEAVES)
    params["dense"] = params["dense"].at[2, 2].set(jnp.nan)
    state = state_of(form, params, 1)
    assert np.isnan(VALUE_OF[form](params, strength=1.0, **state))
    for gradient in gradients(form, params, **state):
        assert np.isnan(gradient["dense"][:, 2]).all()
        assert np.isfinite(gradient["convolution"]).all()


@every_form
def test_a_strength_of_zero_is_free_of_overflow_and_still_has_its_derivative(form):
    params = {"a": jnp.full((3, 2), 1e30)}
    state, zero = state_of(form, params, 1), jnp.float32(0)
    assert VALUE_OF[form](params, strength=zero, **state) == 0
    assert (GRADIENT_OF[form](params, strength=zero, **state)["a"] == 0).all()
    params = float32(LEAVES)
    state = state_of(form, params)
    slope = jax.grad(lambda s: PENALTIES[form].value(params, strength=s, **state))(zero)
    np.testing.assert_allclose(slope, reference(form, LEAVES), rtol=1e-5)


@every_form
@pytest.mark.parametrize("transformation", ["vmap", "lax.map"])
def test_batches_of_members_agree_with_single_ones(form, transformation):
    members = float32({"a": RNG.normal(size=(4, 6, 3)), "b": RNG.normal(size=(4, 3))})
    strengths = jnp.float32([0.0, 0.5, 1.0, 2.0])
    entry = PENALTIES[form]

    def run(member: tuple[Any, jax.Array]) -> tuple[Any, Any]:
        params, strength = member
        state = {}
        if entry.initial_state is not None:
            state = {"state": entry.advance(params, entry.initial_state(params))}
        arguments = {"strength": strength, **state}
        return entry.value(params, **arguments), entry.gradient(params, **arguments)

    mapped = jax.vmap(run) if transformation == "vmap" else lambda batch: jax.lax.map(run, batch)
    batch = jax.jit(mapped)((members, strengths))
    for index in range(4):
        single = jax.jit(run)(jax.tree.map(lambda leaf, i=index: leaf[i], (members, strengths)))
        for one, other in zip(*map(jax.tree.leaves, (batch, single)), strict=True):
            np.testing.assert_allclose(one[index], other, rtol=1e-5, atol=1e-6)


@every_form
def test_members_spread_over_devices_may_share_a_strength(form):
    mesh = jax.make_mesh((1,), ("members",))
    spread = jax.sharding.PartitionSpec("members")
    weights = jnp.float32(RNG.normal(size=(2, 4, 3)))
    weights = jax.device_put(weights, jax.sharding.NamedSharding(mesh, spread))
    entry = PENALTIES[form]

    def gradient(params: jax.Array) -> Any:
        state = {}
        if entry.initial_state is not None:
            state = {"state": entry.initial_state(params)}
        return jax.grad(lambda w: entry.value(w, strength=jnp.float32(1.5), **state))(params)

    mapped = jax.shard_map(
        lambda shard: jax.lax.map(gradient, shard), mesh=mesh, in_specs=spread, out_specs=spread
    )
    expected = np.stack([jax.jit(gradient)(row) for row in np.asarray(weights)])
    np.testing.assert_allclose(jax.jit(mapped)(weights), expected, rtol=1e-5, atol=1e-6)


@every_form
def test_float64_is_computed_in_float64_and_leaves_keep_their_own_type(form):
    with jax.enable_x64(True):
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), LEAVES)
        value = VALUE_OF[form](params, strength=1.0, **state_of(form, params, 1000))
        assert value.dtype == jnp.float64
        np.testing.assert_allclose(value, reference(form, LEAVES), rtol=1e-12)
    mixed = {"half": jnp.ones((3, 2), jnp.bfloat16), "single": jnp.ones((2, 2), jnp.float32)}
    state = state_of(form, mixed, 3)
    value = VALUE_OF[form](mixed, strength=jnp.float32(1), **state)
    ones = {name: np.ones(leaf.shape) for name, leaf in mixed.items()}
    np.testing.assert_allclose(value, reference(form, ones), rtol=2e-2)
    for gradient in gradients(form, mixed, **state):
        assert jax.tree.map(lambda g: g.dtype, gradient) == jax.tree.map(lambda w: w.dtype, mixed)


@every_form
def test_mistakes_are_errors_that_name_the_value(form):
    params = jnp.ones((2, 2))
    state = state_of(form, params, 1)
    with pytest.raises(ValueError, match=r"strength must be a scalar, got .* \(2,\)"):
        PENALTIES[form].value(params, strength=jnp.ones(2), **state)
    with pytest.raises(TypeError, match="int32"):
        PENALTIES[form].gradient(jnp.ones((2, 2), jnp.int32), strength=1.0, **state)
