"""One step of an optimiser under a method, against formulas written down in NumPy."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normsweep.models.method import (
    COUPLINGS,
    Method,
    NetworkPenalty,
    network_penalty,
    penalty_entry,
)
from normsweep.models.regulariser import (
    regularised_update,
    regulariser,
    selected,
    weight_norm,
    zero_share,
)
from normsweep.objectives.constraints import CONSTRAINTS, constraint, constraint_per_layer
from normsweep.objectives.penalties import PENALTIES, per_layer
from normsweep.objectives.penalties.power_iteration import initial_vectors
from normsweep.objectives.schedules import STRENGTH_SCHEDULES, strength_factor
from normsweep.objectives.selection import select
from normsweep.objectives.transform import (
    add_norm_penalty,
    decoupled_decay,
    keep_within,
    proximal_step,
)
from tests.haste import IN_HASTE

draw = np.random.default_rng(0)
PARAMS: dict[str, Any] = {
    "layers": {
        0: {
            "kernel": draw.normal(size=(4, 3)).astype(np.float32),
            "bias": draw.normal(size=3).astype(np.float32),
        },
        1: {"kernel": np.zeros((3, 2), np.float32), "bias": np.ones(2, np.float32)},
    }
}
PARAMS["layers"][1]["kernel"][0, 1] = -0.75
GRADIENT = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32), PARAMS)
STILL = jax.tree.map(np.zeros_like, PARAMS)
RATE = 0.25
Kernels = list[np.ndarray]


@partial(jax.jit, static_argnums=(0, 1), compiler_options=IN_HASTE)
def stepped(
    optimizer: str, method: Method, penalty: NetworkPenalty, rate: Any, params: Any, gradient: Any
) -> Any:
    """The parameters after one step, and the state of the method."""
    made = {"sgd": optax.sgd, "adam": optax.adam}[optimizer](rate)
    own = regulariser(method, penalty, rate)
    trees = [{"net": tree} for tree in (gradient, own.init(params), params)]
    state = made.init({"net": params})
    found, _, states = regularised_update({"net": own}, made, trees[0], state, *trees[1:])
    return found["net"], states["net"]


def step(method: Method, penalty: NetworkPenalty, optimizer: str = "sgd", **changed: Any) -> Any:
    given = {"params": PARAMS, "gradient": GRADIENT} | changed
    rate = np.float32(RATE)
    return stepped(optimizer, method, penalty, rate, given["params"], given["gradient"])[0]


def kernels_of(params: Any) -> Kernels:
    return [np.asarray(params["layers"][index]["kernel"], np.float64) for index in (0, 1)]


def descended() -> Kernels:
    """The kernels after a step of gradient descent without a penalty."""
    pairs = zip(kernels_of(PARAMS), kernels_of(GRADIENT), strict=True)
    return [w - RATE * g for w, g in pairs]


def assert_close(found: Any, expected: Kernels) -> None:
    """Kernels are those expected; biases those of a plain step, to the bit."""
    for one, other in zip(kernels_of(found), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    plain = step(Method(), NetworkPenalty())
    for index in (0, 1):
        np.testing.assert_array_equal(
            found["layers"][index]["bias"], plain["layers"][index]["bias"]
        )


def power(w: np.ndarray, strength: float, order: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        slope = strength * order * np.sign(w) * np.abs(w) ** (order - 1)
    return np.where(w == 0, 0, slope)


def power_slopes(weights: Kernels, strength: float, order: float) -> Kernels:
    with np.errstate(invalid="ignore"):
        return [power(w, strength, order) for w in weights]


def norm_slopes(weights: Kernels, strength: float, order: float) -> Kernels:
    total = sum(np.sum(np.abs(w) ** order) for w in weights)
    scale = float(total) ** (1 / order - 1) / order if total else 0.0
    return [scale * power(w, strength, order) for w in weights]


def elastic_slopes(weights: Kernels, l1: float, l2: float) -> Kernels:
    return [l1 * np.sign(w) + 2 * l2 * w for w in weights]


def group_slopes(weights: Kernels, strength: float) -> Kernels:
    norms = [np.linalg.norm(w, axis=0) for w in weights]
    return [
        strength * w / np.where(norm == 0, 1, norm) for w, norm in zip(weights, norms, strict=True)
    ]


def orthogonal_slopes(weights: Kernels, strength: float) -> Kernels:
    """Of ‖WᵀW ⊙ (1 − I)‖²: 4·W(WᵀW ⊙ (1 − I))."""
    return [4 * strength * w @ (w.T @ w * (1 - np.eye(w.shape[1]))) for w in weights]


def iterated(w: np.ndarray, iterations: int = 1) -> np.ndarray:
    """Right singular vector by power iteration from the first state, which is pinned below."""
    v = np.float64(initial_vectors(np.float32(w)))
    for _ in range(iterations):
        v = w.T @ (w @ v)
        v = v / np.linalg.norm(v)
    return v


def test_a_power_iteration_begins_with_the_same_numbers_for_good() -> None:
    pinned = np.array([0.19062811, -0.32041898, -0.63888925, -0.6729139])
    np.testing.assert_allclose(initial_vectors(np.zeros((3, 4), np.float32)), pinned, rtol=1e-6)
    assert np.asarray(initial_vectors(np.zeros((3, 1), np.float32))).tolist() == [1.0]


def spectral_slopes(weights: Kernels, strength: float) -> Kernels:
    """Of ‖Wv‖², after one power iteration."""
    return [2 * strength * np.outer(w @ (v := iterated(w)), v) for w in weights]


SLOPES: dict[str, Callable[..., Kernels]] = {
    "power": power_slopes,
    "norm": norm_slopes,
    "elastic": elastic_slopes,
    "group": group_slopes,
    "orthogonal": orthogonal_slopes,
    "spectral": spectral_slopes,
}
CASES: list[tuple[str, dict[str, float]]] = [
    ("power", {"strength": 0.3, "order": 1.0}),
    ("power", {"strength": 0.3, "order": 2.0}),
    ("power", {"strength": 0.3, "order": 0.5}),
    ("power", {"strength": 0.3, "order": 1.5}),
    ("power", {"strength": 0.3, "order": 8.0}),
    ("norm", {"strength": 0.3, "order": 1.0}),
    ("norm", {"strength": 0.3, "order": 2.0}),
    ("norm", {"strength": 0.3, "order": 1.5}),
    ("norm", {"strength": 0.3, "order": 8.0}),
    ("elastic", {"l1": 0.1, "l2": 0.2}),
    ("group", {"strength": 0.3}),
    ("orthogonal", {"strength": 0.1}),
    ("spectral", {"strength": 0.3}),
]
every_case = pytest.mark.parametrize(("form", "coefficients"), CASES)


def test_every_penalty_is_tried() -> None:
    assert {form for form, _ in CASES} == set(PENALTIES) == set(SLOPES)


@every_case
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
def test_under_gradient_descent_the_slope_is_a_step_of_the_learning_rate(
    form: str, coefficients: dict[str, float], coupling: str
) -> None:
    method = Method(penalty_entry(form, coefficients.get("order")), coupling)
    slopes = SLOPES[form](kernels_of(PARAMS), **coefficients)
    expected = [w - RATE * slope for w, slope in zip(descended(), slopes, strict=True)]
    assert_close(step(method, network_penalty(form, **coefficients)), expected)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("form", ["norm", "spectral"])
def test_a_penalty_of_each_layer_takes_the_slope_of_each_kernel_alone(
    form: str, reduction: str
) -> None:
    coefficients = {"strength": 0.3} | ({"order": 2.0} if form == "norm" else {})
    method = Method(per_layer(PENALTIES[form], reduction))
    slopes = [SLOPES[form]([w], **coefficients)[0] for w in kernels_of(PARAMS)]
    scale = RATE / 2 if reduction == "mean" else RATE
    expected = [w - scale * slope for w, slope in zip(descended(), slopes, strict=True)]
    assert_close(step(method, network_penalty(form, **coefficients)), expected)


def shrunk(w: np.ndarray, norm: Any, threshold: float) -> np.ndarray:
    return w * np.maximum(0, 1 - threshold / np.where(norm == 0, 1, norm))


def soft(w: np.ndarray, threshold: float) -> np.ndarray:
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


def jointly(weights: Kernels) -> float:
    return float(np.sqrt(sum(np.sum(w**2) for w in weights)))


PROXIMAL: list[tuple[str, dict[str, float], Callable[[Kernels], Kernels]]] = [
    ("power", {"strength": 2.0, "order": 1.0}, lambda ws: [soft(w, RATE * 2) for w in ws]),
    ("power", {"strength": 0.5, "order": 2.0}, lambda ws: [w / (1 + 2 * RATE / 2) for w in ws]),
    ("norm", {"strength": 2.0, "order": 1.0}, lambda ws: [soft(w, RATE * 2) for w in ws]),
    (
        "norm",
        {"strength": 2.0, "order": 2.0},
        lambda ws: [shrunk(w, jointly(ws), RATE * 2) for w in ws],
    ),
    (
        "elastic",
        {"l1": 2.0, "l2": 0.5},
        lambda ws: [soft(w, RATE * 2) / (1 + 2 * RATE / 2) for w in ws],
    ),
    (
        "group",
        {"strength": 3.0},
        lambda ws: [shrunk(w, np.linalg.norm(w, axis=0), RATE * 3) for w in ws],
    ),
]


@pytest.mark.parametrize(("form", "coefficients", "formula"), PROXIMAL)
def test_the_proximal_step_follows_the_gradient_s_and_its_zeros_are_exact(
    form: str, coefficients: dict[str, float], formula: Callable[[Kernels], Kernels]
) -> None:
    method = Method(penalty_entry(form, coefficients.get("order")), "proximal")
    found = step(method, network_penalty(form, **coefficients))
    expected = formula(descended())
    assert_close(found, expected)
    zeros = np.concatenate([(w == 0).reshape(-1) for w in expected])
    share = zero_share(method, found)
    assert share == np.float32(zeros.mean())
    if "l1" in coefficients or coefficients.get("order") == 1 or form == "group":
        assert 0 < share < 1


def test_every_penalty_with_a_proximal_step_is_tried() -> None:
    able = {name for name, entry in PENALTIES.items() if entry.proximal is not None}
    assert able == {form for form, *_ in PROXIMAL}


def largest_singular(w: np.ndarray) -> float:
    return float(np.linalg.svd(w, compute_uv=False)[0])


def within_spectral_ball(weights: Kernels) -> Kernels:
    """σ of the power iteration's vector, one iteration from its start."""
    sizes = [float(np.linalg.norm(w @ iterated(w))) for w in weights]
    return [w * min(1, 0.5 / size) for w, size in zip(weights, sizes, strict=True)]


def within_l1_ball(weights: Kernels) -> Kernels:
    """The threshold by bisection."""
    low, high = 0.0, max(float(np.abs(w).max()) for w in weights)
    for _ in range(100):
        middle = (low + high) / 2
        outside = sum(np.sum(np.abs(soft(w, middle))) for w in weights) > 0.5
        low, high = (middle, high) if outside else (low, middle)
    return [soft(w, low) for w in weights]


NEAREST: dict[str, Callable[[Kernels], Kernels]] = {
    "l1_ball": within_l1_ball,
    "l2_ball": lambda ws: [w * min(1, 0.5 / jointly(ws)) for w in ws],
    "linf_ball": lambda ws: [np.clip(w, -0.5, 0.5) for w in ws],
    "clip": lambda ws: [np.clip(w, -0.5, 0.5) for w in ws],
    "max_norm": lambda ws: [w * np.minimum(1, 0.5 / np.linalg.norm(w, axis=0)) for w in ws],
    "spectral_ball": within_spectral_ball,
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("scope", ["network", "layer"])
def test_a_constraint_takes_the_weights_after_the_step_into_its_set(name: str, scope: str) -> None:
    entry = constraint(name)
    method = Method(constraint=entry if scope == "network" else constraint_per_layer(entry))
    weights = descended()
    if scope == "network":
        expected = NEAREST[name](weights)
    else:
        expected = [NEAREST[name]([w])[0] for w in weights]
    assert_close(step(method, network_penalty(name, radius=0.5)), expected)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_network_without_a_radius_is_left_alone_to_the_bit(name: str) -> None:
    found = step(Method(constraint=constraint(name)), NetworkPenalty())
    jax.tree.map(np.testing.assert_array_equal, found, step(Method(), NetworkPenalty()))


@every_case
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
def test_a_strength_of_0_changes_no_weight(
    form: str, coefficients: dict[str, float], coupling: str
) -> None:
    """One network may have a penalty and the other none, and both run the same code."""
    off = {name: value if name == "order" else 0.0 for name, value in coefficients.items()}
    method = Method(penalty_entry(form, coefficients.get("order")), coupling)
    found = step(method, network_penalty(form, **off))
    jax.tree.map(np.testing.assert_array_equal, found, step(Method(), NetworkPenalty()))


def test_a_proximal_step_of_strength_0_changes_no_weight() -> None:
    for form, coefficients, _ in PROXIMAL:
        off = {name: value if name == "order" else 0.0 for name, value in coefficients.items()}
        method = Method(penalty_entry(form, coefficients.get("order")), "proximal")
        found = step(method, network_penalty(form, **off))
        jax.tree.map(np.testing.assert_array_equal, found, step(Method(), NetworkPenalty()))


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_decoupled_power_of_order_2_is_adamw_of_twice_the_strength(strength: float) -> None:
    method = Method(penalty_entry("power", 2.0), "decoupled")
    found = step(method, network_penalty("power", strength=strength, order=2.0), "adam")
    mask = select(PARAMS, "kernel$")
    adamw = optax.adamw(RATE, weight_decay=2 * strength, mask=mask)
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = adamw.update(GRADIENT, adamw.init(PARAMS), PARAMS)
    expected = optax.apply_updates(PARAMS, updates)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-6, atol=1e-6), found, expected)


def test_under_adam_decoupled_and_in_the_loss_differ() -> None:
    strong = network_penalty("power", strength=0.3, order=2.0)
    entry = penalty_entry("power", 2.0)
    one, other = (step(Method(entry, way), strong, "adam") for way in ("loss", "decoupled"))
    assert not np.allclose(kernels_of(one)[0], kernels_of(other)[0], atol=0.05)


def chained(coupling: str, form: str, coefficients: dict[str, float]) -> Any:
    """Adam with the penalty before it or behind it, as static transformations."""
    given = {"mask": select(PARAMS, "kernel$"), **coefficients}
    adam = optax.adam(RATE)
    if coupling == "loss":
        return optax.chain(add_norm_penalty(form, **given), adam)
    behind = {"decoupled": decoupled_decay, "proximal": proximal_step}[coupling]
    return optax.chain(adam, behind(form, RATE, **given))


def assert_the_step_is_that_of(static: Any, method: Method, penalty: NetworkPenalty) -> None:
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = static.update(GRADIENT, static.init(PARAMS), PARAMS)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=2e-6, atol=1e-6),
        step(method, penalty, "adam"),
        optax.apply_updates(PARAMS, updates),
    )


@every_case
@pytest.mark.parametrize("coupling", ["loss", "decoupled"])
def test_the_step_is_that_of_the_static_transformation(
    form: str, coefficients: dict[str, float], coupling: str
) -> None:
    method = Method(penalty_entry(form, coefficients.get("order")), coupling)
    penalty = network_penalty(form, **coefficients)
    assert_the_step_is_that_of(chained(coupling, form, coefficients), method, penalty)


@pytest.mark.parametrize(("form", "coefficients"), [case[:2] for case in PROXIMAL])
def test_the_proximal_step_is_that_of_the_static_transformation(
    form: str, coefficients: dict[str, float]
) -> None:
    method = Method(penalty_entry(form, coefficients.get("order")), "proximal")
    penalty = network_penalty(form, **coefficients)
    assert_the_step_is_that_of(chained("proximal", form, coefficients), method, penalty)


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("scope", ["network", "layer"])
def test_the_projection_is_that_of_the_static_transformation(name: str, scope: str) -> None:
    entry = constraint(name)
    chosen = entry if scope == "network" else constraint_per_layer(entry)
    bound = keep_within(chosen, 0.5, mask=select(PARAMS, "kernel$"))
    static = optax.chain(optax.adam(RATE), bound)
    penalty = network_penalty(name, radius=0.5)
    assert_the_step_is_that_of(static, Method(constraint=chosen), penalty)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("bias$", {(0, "bias"), (1, "bias")}), ("layers/0", {(0, "kernel"), (0, "bias")}), ("x", ())],
)
def test_the_pattern_says_which_weights_are_regularised(pattern: str, names: Any) -> None:
    method = Method(constraint=constraint("clip"), weights=pattern)
    found = step(method, NetworkPenalty(l2=np.float32(0.5), radius=np.float32(0.4)))
    plain = step(Method(), NetworkPenalty())
    for index in (0, 1):
        for name in ("kernel", "bias"):
            after, without = (tree["layers"][index][name] for tree in (found, plain))
            if (index, name) in names:
                decayed = np.float64(without) - RATE * PARAMS["layers"][index][name]
                np.testing.assert_allclose(after, np.clip(decayed, -0.4, 0.4), atol=1e-6)
            else:
                np.testing.assert_array_equal(after, without)


def test_penalty_and_constraint_of_the_spectrum_converge_while_the_weights_rest() -> None:
    """Their state travels from step to step."""
    method = Method(constraint=constraint("spectral_ball"))
    optimizer = optax.sgd(RATE)
    params: Any = {"net": jax.tree.map(lambda leaf: leaf, PARAMS)}
    bounded = {"net": regulariser(method, network_penalty("spectral_ball", radius=0.7), RATE)}
    state: Any = (optimizer.init(params), {"net": bounded["net"].init(PARAMS)})

    @partial(jax.jit, compiler_options=IN_HASTE)
    def still(params: Any, state: Any) -> Any:
        after, *state = regularised_update(bounded, optimizer, {"net": STILL}, *state, params)
        return after, tuple(state)

    for _ in range(40):
        params, state = still(params, state)
    for before, after in zip(kernels_of(PARAMS), kernels_of(params["net"]), strict=True):
        assert largest_singular(after) == pytest.approx(
            min(0.7, largest_singular(before)), rel=1e-5
        )


def test_only_what_iterates_has_a_state() -> None:
    for coupling in COUPLINGS:
        for entry in PENALTIES.values():
            if coupling != "proximal" or entry.proximal is not None:
                state = regulariser(Method(entry, coupling), NetworkPenalty()).init(PARAMS)
                assert bool(jax.tree.leaves(state)) == (entry.advance is not None)
    for known in CONSTRAINTS.values():
        state = regulariser(Method(constraint=known), NetworkPenalty()).init(PARAMS)
        assert bool(jax.tree.leaves(state)) == (known.advance is not None)


def test_the_share_of_zeros_is_that_of_the_weights_the_method_selects() -> None:
    assert zero_share(Method(), PARAMS) == np.float32(5 / 18)
    assert zero_share(Method(weights="layers/1"), PARAMS) == np.float32(5 / 6)
    assert zero_share(Method(weights="bias$"), PARAMS) == 0
    assert zero_share(Method(weights="nothing"), PARAMS) == 0
    chosen = selected(Method(weights="bias$"), PARAMS)
    assert jax.tree.leaves(chosen)[0] is PARAMS["layers"][0]["bias"]
    assert len(jax.tree.leaves(chosen)) == 2


def test_the_norm_is_that_of_the_weights_the_method_selects() -> None:
    kernels = [PARAMS["layers"][index]["kernel"] for index in (0, 1)]
    expected = [np.linalg.norm(kernel.astype(np.float64)) for kernel in kernels]
    assert weight_norm(Method(), PARAMS) == pytest.approx(np.hypot(*expected), rel=1e-6)
    chosen = Method(weights="layers/1")
    assert jax.jit(partial(weight_norm, chosen))(PARAMS) == pytest.approx(expected[1], rel=1e-6)
    assert weight_norm(Method(weights="nothing"), PARAMS) == 0


def test_a_weight_that_is_not_a_number_is_not_hidden() -> None:
    broken = jax.tree.map(np.copy, PARAMS)
    broken["layers"][0]["kernel"][1, 1] = np.nan
    for entry in PENALTIES.values():
        found = step(Method(entry), NetworkPenalty(strength=np.float32(0.1)), params=broken)
        assert np.isnan(found["layers"][0]["kernel"][1, 1])
    for known in CONSTRAINTS.values():
        bounded = NetworkPenalty(radius=np.float32(1))
        found = step(Method(constraint=known), bounded, params=broken)
        assert np.isnan(found["layers"][0]["kernel"][1, 1])


METHODS = {
    **{
        f"{form} {coupling}": Method(entry, coupling)
        for form, entry in PENALTIES.items()
        for coupling in COUPLINGS
        if coupling != "proximal" or entry.proximal is not None
    },
    **{name: Method(constraint=entry) for name, entry in CONSTRAINTS.items()},
}
numbers = st.floats(-1e3, 1e3, width=32)
amounts = st.one_of(st.just(0.0), st.floats(2**-100, 1e3, width=32))


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=20)
@given(st.data(), st.sampled_from(sorted(STRENGTH_SCHEDULES)))
def test_a_step_on_finite_numbers_is_finite(name: str, data: Any, schedule: str) -> None:
    method = METHODS[name]

    def drawn(leaf: np.ndarray) -> np.ndarray:
        flat = data.draw(st.lists(numbers, min_size=leaf.size, max_size=leaf.size))
        return np.array(flat, np.float32).reshape(leaf.shape)

    small = {
        "a": {"kernel": np.zeros((2, 2))},
        "b": {"kernel": np.zeros((2, 1)), "bias": np.zeros(1)},
    }
    params, gradient = jax.tree.map(drawn, small), jax.tree.map(drawn, small)
    strength, l1, l2, radius = (np.float32(data.draw(amounts)) for _ in range(4))
    # A proximal step exists for two orders alone; below 1 the slope of a norm may leave the range.
    lowest = 0.25 if name.startswith("power") else 1.0
    orders = st.sampled_from([1.0, 2.0]) if method.coupling == "proximal" else st.floats(lowest, 4)
    order = np.float32(data.draw(orders))
    shares = [data.draw(st.floats(0, 1)) for _ in range(5)]
    factor = strength_factor(STRENGTH_SCHEDULES[schedule], *shares)
    penalty = NetworkPenalty(strength, order, l1, l2, radius).scaled(factor)
    # As in training, where the factor is a traced float32.
    penalty = NetworkPenalty(*(np.float32(value) for value in penalty))
    found, state = stepped("sgd", method, penalty, np.float32(0.01), params, gradient)
    for leaf in jax.tree.leaves((found, state)):
        assert np.isfinite(leaf).all()
    if method.constraint is None and strength == l1 == l2 == 0:
        plain = stepped("sgd", Method(), NetworkPenalty(), np.float32(0.01), params, gradient)[0]
        # Up to the rounding of w − rate·gradient, which may be fused in one and not in the other.
        largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves((params, gradient)))
        close = partial(np.testing.assert_allclose, rtol=0, atol=1e-6 * largest)
        jax.tree.map(close, found, plain)


def test_zeros_of_units_out_of_use_are_not_counted() -> None:
    start = {"kernel": np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]), "bias": np.zeros(3)}
    end = {"kernel": np.array([[0.0, 2.0, 0.0], [0.0, 4.0, 0.0]]), "bias": np.ones(3)}
    in_use = jax.tree.map(lambda leaf: leaf != 0, start)
    assert float(zero_share(Method(), end, in_use)) == 0.5
    assert float(zero_share(Method(), end)) == pytest.approx(4 / 6)
    assert float(zero_share(Method(), start, in_use)) == 0.0
