"""Penalties and constraints as gradient transformations, against the functions they are made of."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from optax._src.base import NO_PARAMS_MSG

from normsweep.objectives.constraints import CONSTRAINTS, constraint_per_layer
from normsweep.objectives.penalties import PENALTIES, lp_norm, per_layer
from normsweep.objectives.selection import keep, select
from normsweep.objectives.transform import (
    add_norm_penalty,
    decoupled_decay,
    keep_within,
    proximal_step,
)

from .trees import SHAPES, flat, normal_tree


def assert_trees_close(one: Any, other: Any, rtol: float, atol: float = 1e-30) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=atol)


@jax.jit
def task_loss(params: Any) -> jax.Array:
    return sum((jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(params)), jnp.float32(0))


def next_state(entry: Any, params: Any, state: Any = None) -> dict[str, Any]:
    """The state by name after one more iteration, for an entry that has one."""
    if entry.advance is None:
        return {}
    return {"state": entry.advance(params, state or entry.initial_state(params))}


def through_loss_of(form: str) -> Any:
    def loss(params: Any, coefficients: Any) -> jax.Array:
        state = next_state(PENALTIES[form], params)
        return task_loss(params) + PENALTIES[form].value(params, **coefficients, **state)

    return jax.jit(jax.grad(loss))


def through_updates_of(form: str) -> Any:
    def penalised(params: Any, coefficients: Any) -> Any:
        transformation = add_norm_penalty(form, **coefficients)
        return transformation.update(
            jax.grad(task_loss)(params), transformation.init(params), params
        )[0]

    return jax.jit(penalised)


THROUGH_LOSS = {form: through_loss_of(form) for form in PENALTIES}
THROUGH_UPDATES = {form: through_updates_of(form) for form in PENALTIES}


@pytest.mark.parametrize("form", sorted(PENALTIES))
@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
    st.one_of(st.sampled_from([1.0, 2.0]), st.floats(1.0, 8.0, width=32)),
    st.floats(0.0, 4.0, width=32),
)
def test_adding_the_penalty_to_the_updates_is_adding_it_to_the_loss(
    form, shapes, seed, order, strength
):
    params = normal_tree(shapes, seed)
    coefficients = {
        name: jnp.float32(order if name == "order" else strength)
        for name in PENALTIES[form].coefficients
    }
    expected = THROUGH_LOSS[form](params, coefficients)
    # Sums of terms that may cancel: rounding is relative to the largest.
    largest = np.max(np.abs(flat(expected)), initial=1.0)
    updates = THROUGH_UPDATES[form](params, coefficients)
    assert_trees_close(updates, expected, rtol=1e-6, atol=1e-6 * largest)


PARAMS = {
    "kernel": jnp.asarray([[0.5, -1.0], [0.0, 2.0]]),
    "bias": jnp.asarray([0.0, -3.0]),
}


@pytest.mark.parametrize("form", sorted(set(PENALTIES) - {"spectral"}))
def test_in_a_chain_with_adam_it_trains_as_the_penalised_loss_does(form):
    coefficients = dict.fromkeys(PENALTIES[form].coefficients, 1.5)

    @jax.jit
    def train(coefficients: Any) -> tuple[Any, Any]:
        chained = optax.chain(add_norm_penalty(form, **coefficients), optax.adam(0.1))
        plain = optax.adam(0.1)
        ours, theirs = PARAMS, PARAMS
        our_state, their_state = chained.init(ours), plain.init(theirs)
        penalised = THROUGH_LOSS[form]
        # Optax's Adam raises a float to an integer power, which strict promotion forbids.
        with jax.numpy_dtype_promotion("standard"):
            for _ in range(3):
                updates, our_state = chained.update(jax.grad(task_loss)(ours), our_state, ours)
                ours = optax.apply_updates(ours, updates)
                updates, their_state = plain.update(
                    penalised(theirs, coefficients), their_state, theirs
                )
                theirs = optax.apply_updates(theirs, updates)
        return ours, theirs

    ours, theirs = train({name: jnp.float32(number) for name, number in coefficients.items()})
    assert_trees_close(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("as_function", [False, True])
def test_masked_leaves_are_left_alone_and_do_not_count_in_the_norm(as_function):
    mask = (lambda tree: select(tree, "kernel")) if as_function else select(PARAMS, "kernel")
    transformation = add_norm_penalty("norm", strength=2.0, order=3.0, mask=mask)
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    updates, _ = jax.jit(transformation.update)(zeros, transformation.init(PARAMS), PARAMS)
    kept = keep(PARAMS, select(PARAMS, "kernel"))
    expected = jax.grad(lambda tree: lp_norm(tree, 3.0, 2.0))(kept)["kernel"]
    np.testing.assert_allclose(updates["kernel"], expected, rtol=1e-6)
    assert (updates["bias"] == 0).all()


def test_l2_is_twice_the_decayed_weights_of_optax():
    ours = add_norm_penalty("power", strength=0.1, order=2.0)
    theirs = optax.add_decayed_weights(0.2)
    updates = jax.tree.map(jnp.ones_like, PARAMS)
    assert_trees_close(
        ours.update(updates, ours.init(PARAMS), PARAMS)[0],
        theirs.update(updates, theirs.init(PARAMS), PARAMS)[0],
        rtol=1e-6,
    )


def test_updates_that_are_none_stay_none():
    transformation = add_norm_penalty("elastic", l1=1.0, l2=0.0)
    updates, _ = transformation.update({"kernel": None, "bias": jnp.zeros(2)}, (), PARAMS)
    assert updates["kernel"] is None
    np.testing.assert_array_equal(updates["bias"], [0.0, -1.0])


@pytest.mark.parametrize(
    "transformation",
    [
        add_norm_penalty("power", strength=1.0, order=2.0),
        decoupled_decay("power", 0.1, strength=1.0, order=2.0),
        proximal_step("power", 0.1, strength=1.0, order=2.0),
        keep_within("l2_ball", 1.0),
    ],
)
def test_without_parameters_it_raises_the_error_of_optax(transformation):
    with pytest.raises(ValueError) as raised:
        transformation.update(PARAMS, transformation.init(PARAMS))
    assert str(raised.value) == NO_PARAMS_MSG


def test_unknown_forms_and_coefficients_are_errors_that_name_the_accepted_ones():
    with pytest.raises(ValueError, match="'lasso'; accepted: power, norm, elastic"):
        add_norm_penalty("lasso", strength=1.0)
    with pytest.raises(ValueError, match="'norm' takes the coefficients strength, order; got l1"):
        add_norm_penalty("norm", l1=1.0)
    with pytest.raises(ValueError, match="'elastic' takes the coefficients l1, l2; got none"):
        decoupled_decay("elastic", 0.1)
    with pytest.raises(ValueError, match=r"sum over .* takes the coefficients strength, order"):
        proximal_step(per_layer(PENALTIES["norm"]), 0.1, strength=1.0)
    with pytest.raises(ValueError, match=r"Σσ\(W\)² .* has no proximal step in closed form"):
        proximal_step("spectral", 0.1, strength=1.0)
    with pytest.raises(ValueError, match="'ball'; accepted: l1_ball"):
        keep_within("ball", 1.0)


def coefficients_of(form: str) -> dict[str, jax.Array]:
    return {name: jnp.float32(1.0) for name in PENALTIES[form].coefficients}


UPDATES = {"kernel": jnp.full((2, 2), 0.25), "bias": jnp.float32([-0.5, 0.125])}


def apply(transformation: Any, steps: int = 1) -> Any:
    """The parameters after as many steps with the same updates."""

    @jax.jit
    def run(params: Any) -> Any:
        state = transformation.init(params)
        for _ in range(steps):
            updates, state = transformation.update(UPDATES, state, params)
            params = optax.apply_updates(params, updates)
        return params

    return run(PARAMS)


@pytest.mark.parametrize("form", sorted(PENALTIES))
def test_decoupled_decay_steps_along_the_penalty_after_the_optimiser(form):
    entry, coefficients = PENALTIES[form], coefficients_of(form)
    stepped = apply(decoupled_decay(form, jnp.float32(0.3), **coefficients))
    slopes = entry.gradient(PARAMS, **coefficients, **next_state(entry, PARAMS))
    expected = jax.tree.map(lambda w, u, g: w + u - 0.3 * g, PARAMS, UPDATES, slopes)
    assert_trees_close(stepped, expected, rtol=1e-5)


def test_behind_adam_decoupled_decay_of_order_2_is_the_adamw_of_optax():
    ours = optax.chain(optax.adam(0.1), decoupled_decay("power", 0.1, strength=0.02, order=2.0))
    theirs = optax.adamw(0.1, weight_decay=0.04)
    with jax.numpy_dtype_promotion("standard"):
        assert_trees_close(apply(ours, steps=4), apply(theirs, steps=4), rtol=1e-5)


@pytest.mark.parametrize("form", ["power", "norm", "elastic", "group"])
def test_a_proximal_step_lands_on_the_proximal_point_with_exact_zeros(form):
    coefficients = coefficients_of(form)
    coefficients |= {"l1": jnp.float32(2)} if form == "elastic" else {"strength": jnp.float32(2)}
    stepped = apply(proximal_step(form, jnp.float32(0.3), **coefficients))
    moved = jax.tree.map(jnp.add, PARAMS, UPDATES)
    expected = PENALTIES[form].proximal(moved, 0.3, **coefficients)
    for one, other in zip(*map(jax.tree.leaves, (stepped, expected)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(np.asarray(one) == 0, np.asarray(other) == 0)
    if form != "norm":
        assert sum((leaf == 0).sum() for leaf in jax.tree.leaves(stepped)) > 0


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
@pytest.mark.parametrize("scope", ["joint", "each layer"])
def test_kept_within_a_set_the_new_weights_are_the_projected_ones(name, scope):
    entry = CONSTRAINTS[name] if scope == "joint" else constraint_per_layer(CONSTRAINTS[name])
    stepped = apply(keep_within(name if scope == "joint" else entry, jnp.float32(0.6)))
    moved = jax.tree.map(jnp.add, PARAMS, UPDATES)
    state = next_state(entry, moved)
    assert entry.size(stepped, **state) <= 0.6 * (1 + 1e-5)
    for one, other in zip(
        *map(jax.tree.leaves, (stepped, entry.project(moved, 0.6, **state))), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["penalty", "decay", "constraint"])
def test_the_vectors_of_a_power_iteration_are_carried_from_step_to_step(kind):
    transformation = {
        "penalty": add_norm_penalty("spectral", strength=0.05),
        "decay": decoupled_decay("spectral", 1.0, strength=0.05),
        "constraint": keep_within("spectral_ball", 2.0),
    }[kind]
    update = jax.jit(transformation.update)
    rng = np.random.default_rng(0)
    params = {"kernel": jnp.float32(rng.normal(size=(8, 5))), "bias": jnp.ones(5)}
    zeros, state = jax.tree.map(jnp.zeros_like, params), transformation.init(params)
    for _ in range(60):
        updates, state = update(zeros, state, params)
        if kind == "constraint":
            params = optax.apply_updates(params, updates)
    left, singular, right = np.linalg.svd(np.asarray(params["kernel"], np.float64))
    if kind == "constraint":
        assert singular[0] == pytest.approx(2.0, rel=1e-3)
        return
    sign = 1 if kind == "penalty" else -1
    expected = sign * 0.1 * singular[0] * np.outer(left[:, 0], right[0])
    np.testing.assert_allclose(updates["kernel"], expected, atol=1e-3)
    assert (updates["bias"] == 0).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda mask: add_norm_penalty("spectral", strength=1.0, mask=mask),
        lambda mask: decoupled_decay("norm", 1.0, strength=1.0, order=2.0, mask=mask),
        lambda mask: proximal_step("norm", 1.0, strength=1.0, order=2.0, mask=mask),
        lambda mask: keep_within("l1_ball", 0.5, mask=mask),
        lambda mask: keep_within("spectral_ball", 0.5, mask=mask),
    ],
)
def test_masked_leaves_pass_and_the_others_are_a_tree_of_their_own(make):
    masked = make(select(PARAMS, "kernel"))
    updates, _ = jax.jit(masked.update)(UPDATES, masked.init(PARAMS), PARAMS)
    np.testing.assert_array_equal(updates["bias"], UPDATES["bias"])
    only, alone = {"kernel": PARAMS["kernel"]}, make(None)
    expected, _ = alone.update({"kernel": UPDATES["kernel"]}, alone.init(only), only)
    np.testing.assert_allclose(updates["kernel"], expected["kernel"], rtol=1e-6)


@pytest.mark.parametrize(
    "transformation",
    [
        proximal_step("elastic", 1.0, l1=0.25, l2=0.0),
        keep_within("clip", 0.75),
        decoupled_decay("elastic", 1.0, l1=0.25, l2=0.0),
    ],
)
def test_members_of_a_batch_take_the_steps_that_they_take_alone(transformation):
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, -2 * leaf]), (UPDATES, PARAMS))

    def step(pair: Any) -> Any:
        updates, params = pair
        return transformation.update(updates, transformation.init(params), params)[0]

    together = jax.jit(jax.vmap(step))(batch)
    for index in range(2):
        alone = step(jax.tree.map(lambda leaf, i=index: leaf[i], batch))
        assert_trees_close(jax.tree.map(lambda leaf, i=index: leaf[i], together), alone, rtol=1e-6)
