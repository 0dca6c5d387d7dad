"""Penalties layer by layer against the sum or the mean over trees of one leaf each."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.objectives.penalties import PENALTIES, REDUCTIONS, per_layer

RNG = np.random.default_rng(0)
PARAMS: dict[str, Any] = {
    "conv": jnp.float32(RNG.normal(size=(3, 2, 4))),
    "dense": [jnp.float32(RNG.normal(size=(5, 3))), None],
    "bias": jnp.float32(RNG.normal(size=4)),
}
COEFFICIENTS = {"strength": 0.7, "order": 2.0, "l1": 0.3, "l2": 0.2}

every_form = pytest.mark.parametrize("form", sorted(PENALTIES))
every_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


def coefficients_of(form: str) -> dict[str, Any]:
    return {name: jnp.float32(COEFFICIENTS[name]) for name in PENALTIES[form].coefficients}


def states_of(form: str, params: Any) -> dict[str, Any]:
    start = PENALTIES[form].initial_state
    return {} if start is None else {"state": start(params)}


@every_form
@every_reduction
def test_value_and_gradient_are_the_sum_or_mean_over_trees_of_one_leaf(form, reduction):
    entry = per_layer(PENALTIES[form], reduction)
    arguments = coefficients_of(form) | states_of(form, PARAMS)
    value, gradient = jax.jit(jax.value_and_grad(lambda tree: entry.value(tree, **arguments)))(
        PARAMS
    )
    analytic = jax.jit(entry.gradient)(PARAMS, **arguments)
    leaves = [[leaf] for leaf in jax.tree.leaves(PARAMS)]
    matrices = [leaf for (leaf,) in leaves if leaf.ndim > 1]
    # The bias is no layer to a penalty of matrices, which is 0 there.
    counting = len(matrices if PENALTIES[form].matrices else leaves)
    share = counting if reduction == "mean" else 1
    alone = jax.jit(PENALTIES[form].value), jax.jit(PENALTIES[form].gradient)
    own = [coefficients_of(form) | states_of(form, leaf) for leaf in leaves]
    values = [float(alone[0](leaf, **each)) for leaf, each in zip(leaves, own, strict=True)]
    np.testing.assert_allclose(value, sum(values) / share, rtol=1e-5)
    slopes = [alone[1](leaf, **each)[0] for leaf, each in zip(leaves, own, strict=True)]
    for tree in (gradient, analytic):
        assert jax.tree.structure(tree) == jax.tree.structure(PARAMS)
        for one, other in zip(jax.tree.leaves(tree), slopes, strict=True):
            np.testing.assert_allclose(one, np.asarray(other) / share, rtol=1e-5, atol=1e-6)


def test_layers_with_norms_of_their_own_differ_from_one_joint_norm():
    params = {"a": jnp.float32([3.0, 4.0]), "b": jnp.float32([6.0, 8.0])}
    call = {"strength": 2.0, "order": 2.0}
    assert per_layer(PENALTIES["norm"]).value(params, **call) == pytest.approx(30.0)
    assert per_layer(PENALTIES["norm"], "mean").value(params, **call) == pytest.approx(15.0)
    joint = PENALTIES["norm"].value(params, **call)
    assert joint == pytest.approx(2 * np.sqrt(125.0))


@every_reduction
def test_leaves_left_out_do_not_count_and_no_leaf_at_all_costs_nothing(reduction):
    entry = per_layer(PENALTIES["norm"], reduction)
    call = {"strength": 1.0, "order": 1.0}
    assert entry.value({"a": jnp.ones(4), "b": None}, **call) == 4.0
    assert entry.value({"a": None}, **call) == 0.0
    assert entry.gradient({"a": None}, **call) == {"a": None}
    assert entry.value({"a": jnp.zeros((0, 2))}, **call) == 0.0


def test_the_power_iteration_runs_on_as_for_the_joint_penalty():
    entry, joint = per_layer(PENALTIES["spectral"], "mean"), PENALTIES["spectral"]
    state, expected = entry.initial_state(PARAMS), joint.initial_state(PARAMS)
    for _ in range(3):
        state, expected = entry.advance(PARAMS, state), joint.advance(PARAMS, expected)
    for one, other in zip(*map(jax.tree.leaves, (state, expected)), strict=True):
        np.testing.assert_array_equal(one, other)
    value = entry.value(PARAMS, strength=1.0, state=state)
    assert value == pytest.approx(float(joint.value(PARAMS, strength=1.0, state=state)) / 2)


def test_a_mean_of_matrices_is_the_same_beside_biases_and_0_without_matrices():
    entry = per_layer(PENALTIES["orthogonal"], "mean")
    without = PARAMS | {"bias": None}
    assert entry.value(PARAMS, strength=2.0) == entry.value(without, strength=2.0) > 0
    assert entry.value({"bias": jnp.ones(3)}, strength=2.0) == 0


@every_form
@every_reduction
def test_equal_arguments_give_the_same_penalty_so_that_a_program_compiles_once(form, reduction):
    entry = per_layer(PENALTIES[form], reduction)
    assert entry is per_layer(PENALTIES[form], reduction=reduction)
    assert hash(entry) == hash(per_layer(PENALTIES[form], reduction))
    assert per_layer(PENALTIES[form]) is per_layer(PENALTIES[form], "sum")
    assert entry.coefficients == PENALTIES[form].coefficients
    assert PENALTIES[form].summary in entry.summary and entry.source == PENALTIES[form].source


def test_members_of_a_batch_have_strengths_of_their_own():
    entry = per_layer(PENALTIES["norm"], "mean")
    batch = {"a": jnp.float32(RNG.normal(size=(3, 4))), "b": jnp.float32(RNG.normal(size=(3, 2)))}
    strengths, orders = jnp.float32([0.0, 1.0, 3.0]), jnp.float32([1.0, 2.0, 3.5])
    values = jax.jit(jax.vmap(lambda w, s, p: entry.value(w, strength=s, order=p)))(
        batch, strengths, orders
    )
    norms = [
        [np.sum(np.abs(np.float64(leaf[i])) ** p) ** (1 / p) for leaf in batch.values()]
        for i, p in enumerate([1.0, 2.0, 3.5])
    ]
    np.testing.assert_allclose(values, np.mean(norms, axis=1) * [0.0, 1.0, 3.0], rtol=1e-5)


def test_an_unknown_reduction_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'max'; accepted: sum, mean"):
        per_layer(PENALTIES["norm"], "max")
