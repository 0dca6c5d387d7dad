"""The penalty as a gradient transformation, against the gradient of a loss that contains it."""

from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from optax._src.base import NO_PARAMS_MSG

from objectives.penalties import PENALTIES, lp_norm
from objectives.selection import keep, select
from objectives.transform import add_norm_penalty

SHAPES: tuple[Any, ...] = (
    {"a": (2, 3), "b": {"bias": (3,), "none": None}},
    [(), (0,), (4, 1, 2)],
)


def is_shape(node: Any) -> bool:
    return isinstance(node, tuple) and all(isinstance(size, int) for size in node)


def assert_trees_close(one: Any, other: Any, rtol: float) -> None:
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-30)


@jax.jit
def task_loss(params: Any) -> jax.Array:
    return sum((jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(params)), jnp.float32(0))


def through_loss_of(form: str) -> Any:
    def loss(params: Any, coefficients: Any) -> jax.Array:
        return task_loss(params) + PENALTIES[form].value(params, **coefficients)

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


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(PENALTIES)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
    st.one_of(st.sampled_from([1.0, 2.0]), st.floats(1.0, 8.0, width=32)),
    st.floats(0.0, 4.0, width=32),
)
def test_adding_the_penalty_to_the_updates_is_adding_it_to_the_loss(
    form, shapes, seed, order, strength
):
    rng = np.random.default_rng(seed)

    def leaf(shape: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape) * (rng.random(shape) > 0.2), jnp.float32)

    params = jax.tree.map(leaf, shapes, is_leaf=is_shape)
    coefficients = {
        name: jnp.float32(order if name == "order" else strength)
        for name in PENALTIES[form].coefficients
    }
    expected = THROUGH_LOSS[form](params, coefficients)
    assert_trees_close(THROUGH_UPDATES[form](params, coefficients), expected, rtol=1e-6)


PARAMS = {
    "kernel": jnp.asarray([[0.5, -1.0], [0.0, 2.0]]),
    "bias": jnp.asarray([0.0, -3.0]),
}


@pytest.mark.parametrize("form", sorted(PENALTIES))
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


def test_without_parameters_it_raises_the_error_of_optax():
    transformation = add_norm_penalty("power", strength=1.0, order=2.0)
    with pytest.raises(ValueError) as raised:
        transformation.update(PARAMS, transformation.init(PARAMS))
    assert str(raised.value) == NO_PARAMS_MSG


def test_unknown_forms_and_coefficients_are_errors_that_name_the_accepted_ones():
    with pytest.raises(ValueError, match="'lasso'; accepted: power, norm, elastic"):
        add_norm_penalty("lasso", strength=1.0)
    with pytest.raises(ValueError, match="'norm' takes the coefficients strength, order; got l1"):
        add_norm_penalty("norm", l1=1.0)
    with pytest.raises(ValueError, match="'elastic' takes the coefficients l1, l2; got none"):
        add_norm_penalty("elastic")
