"""Projections against NumPy in float64 and against Optax, and the places where they go wrong."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from normsweep.objectives.constraints import CONSTRAINTS, constraint, constraint_per_layer

from .trees import flat, normal_tree

JOINT = ("l1_ball", "l2_ball", "linf_ball", "clip", "max_norm")
RADII = (1e-3, 0.5, 3.0, 10.0, 1000.0)
PROJECT = {name: jax.jit(entry.project) for name, entry in CONSTRAINTS.items()}
SIZE = {name: jax.jit(entry.size) for name, entry in CONSTRAINTS.items()}

every_joint = pytest.mark.parametrize("name", JOINT)
every_constraint = pytest.mark.parametrize("name", sorted(CONSTRAINTS))


def random_tree(seed: int = 0, scale: float = 1.0) -> dict[str, Any]:
    shapes = {"conv": (3, 2, 2, 4), "dense": (5, 3), "bias": (4,), "none": None}
    tree: dict[str, Any] = normal_tree(shapes, seed, scale)
    return tree


def simplex_threshold(magnitudes: np.ndarray, radius: float) -> float:
    """The τ of Duchi et al. (2008), figure 1, by sorting."""
    ordered = np.sort(magnitudes)[::-1]
    excess = (np.cumsum(ordered) - radius) / np.arange(1, len(ordered) + 1)
    return float(excess[np.nonzero(ordered > excess)[0][-1]])


def reference_leaf(name: str, weights: np.ndarray, radius: float) -> np.ndarray:
    magnitudes = np.abs(weights)
    if name == "l1_ball":
        if magnitudes.sum() <= radius:
            return weights
        if radius < 1e-12 * magnitudes.max():  # lost in the rounding of float64
            return np.zeros_like(weights)
        threshold = simplex_threshold(magnitudes.ravel(), radius)
        return np.sign(weights) * np.maximum(magnitudes - threshold, 0)
    if name == "l2_ball":
        return weights * min(1.0, radius / np.sqrt(np.sum(weights**2)))
    if name == "max_norm" and weights.ndim > 1:
        norms = np.sqrt(np.sum(weights**2, axis=tuple(range(weights.ndim - 1))))
        return weights * np.minimum(1.0, radius / np.maximum(norms, 1e-300))
    return np.clip(weights, -radius, radius)


def reference(name: str, tree: Any, radius: float) -> np.ndarray:
    if name != "max_norm":
        return reference_leaf(name, flat(tree), radius)
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([reference_leaf(name, leaf, radius).ravel() for leaf in leaves])


@every_joint
@pytest.mark.parametrize("radius", RADII)
def test_the_projection_is_the_nearest_point_of_the_set(name, radius):
    params = random_tree()
    projected = PROJECT[name](params, jnp.float32(radius))
    assert jax.tree.structure(projected) == jax.tree.structure(params)
    np.testing.assert_allclose(flat(projected), reference(name, params, radius), atol=1e-6)


@pytest.mark.parametrize("radius", [1e-3, 0.5, 3.0, 1000.0])
@pytest.mark.parametrize("name", ["l1_ball", "l2_ball", "linf_ball"])
def test_it_agrees_with_optax_where_optax_is_right(name, radius):
    params = random_tree()
    with jax.numpy_dtype_promotion("standard"):
        theirs = getattr(optax.projections, f"projection_{name}")(params, radius)
    np.testing.assert_allclose(flat(PROJECT[name](params, radius)), flat(theirs), atol=2e-6)


def test_the_l1_projection_of_many_weights_is_accurate_and_sparse():
    weights = np.random.default_rng(0).normal(size=150_000).astype(np.float32)
    for radius in (1.0, 100.0, 1e4, 1e5):
        projected = PROJECT["l1_ball"](jnp.asarray(weights), jnp.float32(radius))
        expected = reference_leaf("l1_ball", weights.astype(np.float64), radius)
        np.testing.assert_allclose(projected, expected, atol=2e-6)
        assert np.sum(np.abs(np.asarray(projected, np.float64))) <= radius * (1 + 1e-5)
        assert (np.asarray(projected) == 0).mean() > 0.05


def test_l1_thresholds_are_found_for_equal_geometric_and_lonely_weights():
    for weights in (np.ones(1000), 1.5 ** -np.arange(60.0), np.eye(1, 500)[0] * 7 + 1e-4):
        for radius in (1e-3, 0.5, 2.0):
            projected = PROJECT["l1_ball"](jnp.float32(weights), jnp.float32(radius))
            expected = reference_leaf("l1_ball", weights, radius)
            np.testing.assert_allclose(projected, expected, atol=1e-6)


def test_the_size_is_what_the_set_bounds():
    params = random_tree()
    weights = flat(params)
    units = [
        np.linalg.norm(np.asarray(leaf, np.float64).reshape(-1, leaf.shape[-1]), axis=0)
        for leaf in (params["conv"], params["dense"])
    ]
    expected = {
        "l1_ball": np.abs(weights).sum(),
        "l2_ball": np.sqrt((weights**2).sum()),
        "linf_ball": np.abs(weights).max(),
        "clip": np.abs(weights).max(),
        "max_norm": max(np.abs(params["bias"]).max(), *map(np.max, units)),
    }
    for name, size in expected.items():
        np.testing.assert_allclose(SIZE[name](params), size, rtol=1e-6)


def test_the_spectral_ball_scales_each_matrix_to_its_largest_singular_value():
    params, entry = random_tree(), constraint("spectral_ball")
    state = jax.lax.fori_loop(
        0, 300, lambda _, state: entry.advance(params, state), entry.initial_state(params)
    )
    projected = PROJECT["spectral_ball"](params, jnp.float32(1.5), state=state)
    largest = 0.0
    for name in ("conv", "dense"):
        weights = np.asarray(params[name], np.float64)
        singular = np.linalg.svd(weights.reshape(-1, weights.shape[-1]), compute_uv=False)[0]
        largest = max(largest, singular)
        np.testing.assert_allclose(projected[name], weights * min(1, 1.5 / singular), atol=1e-5)
    np.testing.assert_array_equal(projected["bias"], params["bias"])
    np.testing.assert_allclose(SIZE["spectral_ball"](params, state=state), largest, rtol=1e-5)


def state_of(name: str, params: Any) -> dict[str, Any]:
    entry = CONSTRAINTS[name]
    return {} if entry.initial_state is None else {"state": entry.initial_state(params)}


@every_constraint
@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("radius", [0.0, 1e-30, 1.0, 1e30, np.inf])
def test_huge_and_tiny_weights_and_radii_stay_finite_and_feasible(name, scale, radius):
    params = random_tree(0, scale)
    state = state_of(name, params)
    projected = PROJECT[name](params, jnp.float32(radius), **state)
    assert np.isfinite(flat(projected)).all()
    assert SIZE[name](projected, **state) <= np.float64(radius) * (1 + 1e-5)
    if name in JOINT:
        expected = reference(name, params, radius)
        np.testing.assert_allclose(flat(projected), expected, atol=1e-6 * scale)


@every_constraint
def test_zeros_none_and_empty_leaves_are_inside_every_ball(name):
    params = {"none": None, "empty": [jnp.zeros((0, 3)), jnp.zeros((3, 0))], "zero": jnp.zeros(3)}
    for tree in (params, {"none": None}):
        state = state_of(name, tree)
        for radius in (0.0, 1.0):
            projected = PROJECT[name](tree, radius, **state)
            assert jax.tree.structure(projected) == jax.tree.structure(tree)
            assert all((leaf == 0).all() for leaf in jax.tree.leaves(projected))
        assert SIZE[name](tree, **state) == 0


@every_constraint
def test_a_nan_weight_stays_nan_and_shows_in_the_size(name):
    params = random_tree()
    params["dense"] = params["dense"].at[1, 1].set(jnp.nan)
    state = state_of(name, params)
    assert np.isnan(SIZE[name](params, **state))
    for radius in (0.5, 1e6):
        assert np.isnan(PROJECT[name](params, radius, **state)["dense"][1, 1])


@every_constraint
@pytest.mark.parametrize("radius", [-1.0, -1, float("nan")])
def test_a_radius_below_zero_is_an_error_that_quotes_it(name, radius):
    params = random_tree()
    for entry in (CONSTRAINTS[name], constraint_per_layer(CONSTRAINTS[name])):
        with pytest.raises(ValueError, match=f"radius must be 0 or above, got {radius}"):
            entry.project(params, radius, **state_of(name, params))


def test_other_mistakes_are_errors_too():
    with pytest.raises(ValueError, match=r"'ball'; accepted: l1_ball, l2_ball, linf_ball, clip"):
        constraint("ball")
    with pytest.raises(ValueError, match=r"radius must be a scalar, got .* \(2,\)"):
        CONSTRAINTS["l2_ball"].project(jnp.ones(2), jnp.ones(2))
    with pytest.raises(TypeError, match="int32"):
        CONSTRAINTS["l1_ball"].project(jnp.arange(3), 1.0)


@every_constraint
@pytest.mark.parametrize("transformation", ["vmap", "lax.map"])
def test_members_of_a_batch_have_their_own_radii(name, transformation):
    radii = jnp.float32([0.0, 0.5, 3.0, np.inf])
    batch = jax.tree.map(lambda *rows: jnp.stack(rows), *map(random_tree, range(4)))

    def project(member: tuple[Any, jax.Array]) -> Any:
        return CONSTRAINTS[name].project(*member, **state_of(name, member[0]))

    mapped = jax.vmap(project) if transformation == "vmap" else lambda b: jax.lax.map(project, b)
    projected = jax.jit(mapped)((batch, radii))
    for index in range(4):
        params = random_tree(index)
        single = PROJECT[name](params, radii[index], **state_of(name, params))
        member = jax.tree.map(lambda leaf, i=index: leaf[i], projected)
        np.testing.assert_allclose(flat(member), flat(single), rtol=1e-5, atol=1e-6)


@every_constraint
def test_members_spread_over_devices_may_share_a_radius(name):
    mesh = jax.make_mesh((1,), ("members",))
    spread = jax.sharding.PartitionSpec("members")
    rows = jnp.float32(np.random.default_rng(0).normal(size=(2, 4, 3)))
    weights = jax.device_put(rows, jax.sharding.NamedSharding(mesh, spread))

    def project(params: jax.Array) -> Any:
        return CONSTRAINTS[name].project(params, jnp.float32(0.5), **state_of(name, params))

    mapped = jax.shard_map(
        lambda shard: jax.lax.map(project, shard), mesh=mesh, in_specs=spread, out_specs=spread
    )
    expected = np.stack([jax.jit(project)(row) for row in np.asarray(rows)])
    np.testing.assert_allclose(jax.jit(mapped)(weights), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["l1_ball", "l2_ball", "max_norm"])
def test_the_derivative_through_a_projection_is_the_finite_difference_in_float64(name):
    params = {"dense": random_tree()["dense"]}
    probe = np.random.default_rng(1).normal(size=(5, 3))
    weights = np.asarray(params["dense"], np.float64)

    def objective(point: np.ndarray) -> float:
        flattened = {"dense": point}
        return float(probe.ravel() @ reference(name, flattened, 2.0))

    def projected(tree: Any) -> jax.Array:
        return jnp.sum(CONSTRAINTS[name].project(tree, 2.0)["dense"] * jnp.float32(probe))

    derived = np.asarray(jax.jit(jax.grad(projected))(params)["dense"])
    for index in np.ndindex(weights.shape):
        if weights[index] == 0:
            continue
        step = np.zeros(weights.shape)
        step[index] = 1e-6
        expected = (objective(weights + step) - objective(weights - step)) / 2e-6
        assert derived[index] == pytest.approx(expected, rel=1e-3, abs=1e-4)


@every_constraint
def test_leaves_keep_their_own_type(name):
    params = {"half": jnp.ones((4, 2), jnp.bfloat16), "single": jnp.ones((2, 2), jnp.float32)}
    projected = PROJECT[name](params, jnp.float32(0.5), **state_of(name, params))
    assert jax.tree.map(lambda w: w.dtype, projected) == jax.tree.map(lambda w: w.dtype, params)
    with jax.enable_x64(True):
        double = {"a": jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), jnp.float64)}
        projected = PROJECT[name](double, 0.5, **state_of(name, double))
        assert projected["a"].dtype == jnp.float64
        if name in JOINT:
            expected = reference(name, double, 0.5)
            np.testing.assert_allclose(flat(projected), expected, rtol=1e-12, atol=1e-14)
