"""The penalty of a member: traced coefficients, and the cheapest formula that is exact for them."""

from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.penalty import (
    FORMS,
    Formula,
    NetworkPenalty,
    formula_of,
    network_penalty,
    penalised_update,
)
from objectives.selection import select
from objectives.transform import add_norm_penalty

DRAW = np.random.default_rng(0)
PARAMS = {
    "layers": {
        0: {
            "kernel": DRAW.normal(size=(4, 3)).astype(np.float32),
            "bias": DRAW.normal(size=3).astype(np.float32),
        },
        1: {"kernel": np.zeros((3, 2), np.float32), "bias": np.ones(2, np.float32)},
    }
}
PARAMS["layers"][1]["kernel"][0, 1] = -0.75
GRADIENT = jax.tree.map(lambda leaf: DRAW.normal(size=leaf.shape).astype(np.float32), PARAMS)
PATTERN = "kernel$"

CASES: dict[str, tuple[str, dict[str, float], Formula]] = {
    "none": ("none", {}, Formula.LINEAR),
    "power 1": ("power", {"strength": 0.3, "order": 1.0}, Formula.LINEAR),
    "power 2": ("power", {"strength": 0.3, "order": 2.0}, Formula.LINEAR),
    "power 0.5": ("power", {"strength": 0.3, "order": 0.5}, Formula.POWER),
    "power 1.5": ("power", {"strength": 0.3, "order": 1.5}, Formula.POWER),
    "power 8": ("power", {"strength": 0.3, "order": 8.0}, Formula.POWER),
    "norm 1": ("norm", {"strength": 0.3, "order": 1.0}, Formula.LINEAR),
    "norm 2": ("norm", {"strength": 0.3, "order": 2.0}, Formula.NORM),
    "norm 1.5": ("norm", {"strength": 0.3, "order": 1.5}, Formula.NORM),
    "norm 8": ("norm", {"strength": 0.3, "order": 8.0}, Formula.NORM),
    "elastic": ("elastic", {"l1": 0.1, "l2": 0.2}, Formula.LINEAR),
}


@partial(jax.jit, static_argnums=0)
def traced_step(formula: Formula, penalty: NetworkPenalty) -> Any:
    """One step of gradient descent at rate 1: parameters minus gradient minus penalty."""
    optimizer = optax.sgd(1.0)
    return penalised_update(
        optimizer, formula, penalty, PATTERN, GRADIENT, optimizer.init(PARAMS), PARAMS
    )[0]


def slope(w: np.ndarray, kernels: np.ndarray, form: str, given: dict[str, float]) -> np.ndarray:
    """The derivative of a penalty on all kernels in the entries `w` of one, 0 at 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if form == "none":
            return 0 * w
        if form == "elastic":
            return given["l1"] * np.sign(w) + 2 * given["l2"] * w
        p = given["order"]
        scale = given["strength"] * p
        if form == "norm":
            scale *= np.sum(np.abs(kernels) ** p) ** (1 / p - 1) / p
        return np.where(w == 0, 0, scale * np.sign(w) * np.abs(w) ** (p - 1))


@pytest.mark.parametrize("case", CASES)
def test_the_traced_penalty_is_the_derivative_of_its_form_on_the_kernels(case: str) -> None:
    form, coefficients, formula = CASES[case]
    stepped = traced_step(formula, network_penalty(form, **coefficients))
    layers = [PARAMS["layers"][index]["kernel"].reshape(-1) for index in (0, 1)]
    kernels = np.concatenate(layers).astype(np.float64)
    for index in (0, 1):
        for name in ("kernel", "bias"):
            before = PARAMS["layers"][index][name].astype(np.float64)
            expected = before - GRADIENT["layers"][index][name]
            if name == "kernel":
                expected -= slope(before, kernels, form, coefficients)
            found = stepped["layers"][index][name]
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case != "none"])
def test_the_traced_penalty_is_the_static_transformation(case: str) -> None:
    form, coefficients, formula = CASES[case]
    static = optax.chain(
        add_norm_penalty(form, mask=select(PARAMS, PATTERN), **coefficients), optax.sgd(1.0)
    )
    updates, _ = static.update(GRADIENT, static.init(PARAMS), PARAMS)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=2e-6, atol=1e-6),
        traced_step(formula, network_penalty(form, **coefficients)),
        optax.apply_updates(PARAMS, updates),
    )


@pytest.mark.parametrize("case", CASES)
def test_the_cheapest_exact_formula_is_chosen(case: str) -> None:
    form, coefficients, formula = CASES[case]
    assert formula_of(form, coefficients.get("order")) == formula


def test_every_form_and_formula_is_tried() -> None:
    assert {form for form, _, _ in CASES.values()} == set(FORMS)
    assert {formula for _, _, formula in CASES.values()} == set(Formula)


def test_coefficients_are_float32_scalars() -> None:
    for form, coefficients, _ in CASES.values():
        for number in network_penalty(form, **coefficients):
            assert number.dtype == np.float32 and number.shape == ()  # type: ignore[union-attr]


@pytest.mark.parametrize("formula", Formula)
def test_no_penalty_adds_nothing_in_any_formula(formula: Formula) -> None:
    """One network may have a penalty and the other none, and both run the same formula."""
    plain = jax.tree.map(lambda before, gradient: before - gradient, PARAMS, GRADIENT)
    nothing = network_penalty("none")
    jax.tree.map(np.testing.assert_array_equal, traced_step(formula, nothing), plain)
    assert all(number == 0 for number in (nothing.strength, nothing.l1, nothing.l2))


@settings(max_examples=50)
@given(st.sampled_from(["power", "norm"]), st.floats(0, 1e3), st.floats(1, 8))
def test_coefficients_of_a_formula_describe_the_form(
    form: str, strength: float, order: float
) -> None:
    found = network_penalty(form, strength=strength, order=order)
    formula = formula_of(form, order)
    if formula == Formula.LINEAR:
        assert found.l1 + found.l2 == np.float32(strength)
        assert found.strength == 0
    else:
        assert found == (np.float32(strength), np.float32(order), 0, 0)


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown penalty form 'l2'; accepted: none, power"):
        formula_of("l2", None)
    with pytest.raises(ValueError, match="unknown penalty form 'l2'; accepted: none, power"):
        network_penalty("l2", strength=1)
