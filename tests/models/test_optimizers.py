"""Optimisers against their papers' formulas in NumPy, and the schedules of their rates."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import pytest

from normsweep.models import (
    LEARNING_RATE_SCHEDULES,
    OPTIMIZERS,
    Hyperparameters,
    LearningRateSchedule,
    Method,
)
from normsweep.models.player import player_optimizer
from tests.gans import NAMES, make_numbers

draw = np.random.default_rng(0)
PARAMS = {
    "kernel": draw.normal(size=(3, 2)).astype(np.float32),
    "bias": draw.normal(size=2).astype(np.float32),
}
GRADIENTS = [
    jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32), PARAMS)
    for _ in range(4)
]
RATES = (0.01, 0.03)
BETAS = (0.5, 0.9)
MOMENTUM, DECAY, OF_SQUARES = 0.8, 0.25, 0.7
SCALARS = make_numbers(
    generator_learning_rate=np.float32(RATES[0]),
    discriminator_learning_rate=np.float32(RATES[1]),
    beta1=np.float32(BETAS[0]),
    beta2=np.float32(BETAS[1]),
    decay=np.float32(OF_SQUARES),
    momentum=np.float32(MOMENTUM),
    weight_decay=np.float32(DECAY),
)
Weights = list[np.ndarray]


def adam_directions(gradients: Weights) -> Iterator[np.ndarray]:
    """Algorithm 1 of arXiv:1412.6980, without the rate."""
    first = second = np.zeros_like(gradients[0])
    for count, g in enumerate(gradients, 1):
        first = BETAS[0] * first + (1 - BETAS[0]) * g
        second = BETAS[1] * second + (1 - BETAS[1]) * g**2
        mean, square = first / (1 - BETAS[0] ** count), second / (1 - BETAS[1] ** count)
        yield mean / (np.sqrt(square) + 1e-8)


def adam(w: np.ndarray, gradients: Weights, rate: float, decay: float = 0.0) -> np.ndarray:
    for direction in adam_directions(gradients):
        w = w - rate * direction - rate * decay * w
    return w


def adamw(w: np.ndarray, gradients: Weights, rate: float) -> np.ndarray:
    """Algorithm 2 of arXiv:1711.05101; matrices decay here, and biases do not."""
    return adam(w, gradients, rate, DECAY if w.ndim == 2 else 0.0)


def sgd(w: np.ndarray, gradients: Weights, rate: float) -> np.ndarray:
    velocity = np.zeros_like(w)
    for g in gradients:
        velocity = MOMENTUM * velocity + g
        w = w - rate * velocity
    return w


def rmsprop(w: np.ndarray, gradients: Weights, rate: float) -> np.ndarray:
    square = np.zeros_like(w)
    for g in gradients:
        square = OF_SQUARES * square + (1 - OF_SQUARES) * g**2
        w = w - rate * g / np.sqrt(square + 1e-8)
    return w


def optimistic_adam(w: np.ndarray, gradients: Weights, rate: float) -> np.ndarray:
    """w − 2·rate·d_t + rate·d_{t−1} with Adam's d (algorithm 1 of arXiv:1711.00141)."""
    before = None
    for direction in adam_directions(gradients):
        w = w - 2 * rate * direction + rate * (direction if before is None else before)
        before = direction
    return w


FORMULAS: dict[str, Callable[[np.ndarray, Weights, float], np.ndarray]] = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
    "rmsprop": rmsprop,
    "optimistic_adam": optimistic_adam,
}


@partial(jax.jit, static_argnums=(0, 1))
def trained(optimizer: str, method: Method, rate: Any, scalars: Hyperparameters) -> Any:
    """The weights of the one network of a player after a step on each gradient."""
    made = player_optimizer(optimizer, method, rate, scalars)
    params: Any = {"net": jax.tree.map(jax.numpy.asarray, PARAMS)}
    state = made.init(params)
    for gradient in GRADIENTS:
        with jax.numpy_dtype_promotion("standard"):
            updates, state = made.update({"net": gradient}, state, params)
        params = optax.apply_updates(params, updates)
    return params["net"]


def descended(optimizer: str, player: str = NAMES[0], numbers: Hyperparameters = SCALARS) -> Any:
    return trained(optimizer, Method(), numbers.learning_rates[player], numbers)


def assert_is(found: Any, formula: Any, rate: float) -> None:
    for name in PARAMS:
        gradients = [np.float64(gradient[name]) for gradient in GRADIENTS]
        expected = formula(np.float64(PARAMS[name]), gradients, rate)
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("player", [0, 1])
def test_each_player_follows_the_formula_at_a_rate_of_its_own(name: str, player: int) -> None:
    assert_is(descended(name, NAMES[player]), FORMULAS[name], RATES[player])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_heeds_the_settings_it_names_and_no_others(name: str) -> None:
    before = descended(name)
    for setting in ("beta1", "beta2", "decay", "momentum", "weight_decay"):
        changed = SCALARS._replace(**{setting: np.float32(0.3)})
        after = descended(name, numbers=changed)
        same = np.array_equal(before["kernel"], after["kernel"])
        assert same == (setting not in OPTIMIZERS[name].settings)


@pytest.mark.parametrize(("weights", "decaying"), [("bias$", {1}), ("kernel|bias", {1, 2})])
def test_the_method_s_pattern_says_which_weights_decay(weights: str, decaying: set[int]) -> None:
    found = trained("adamw", Method(weights=weights), np.float32(RATES[0]), SCALARS)

    def formula(w: np.ndarray, gradients: Weights, rate: float) -> np.ndarray:
        return adam(w, gradients, rate, DECAY if w.ndim in decaying else 0.0)

    assert_is(found, formula, RATES[0])


def test_weight_decay_0_is_adam_and_momentum_0_plain_descent() -> None:
    without = SCALARS._replace(weight_decay=np.float32(0), momentum=np.float32(0))
    assert_is(descended("adamw", numbers=without), adam, RATES[0])
    found = descended("sgd", numbers=without)
    assert_is(found, lambda w, gradients, rate: w - rate * sum(gradients), RATES[0])


def test_rmsprop_is_by_default_that_of_optax() -> None:
    """Whose first step is 1/√(1 − 0.9) times the rate, as its mean of squares begins at 0."""
    plain = optax.rmsprop(RATES[0])
    params, state = PARAMS, plain.init(PARAMS)
    for gradient in GRADIENTS:
        updates, state = plain.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    found = descended("rmsprop", numbers=make_numbers(generator_learning_rate=np.float32(RATES[0])))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), found, params)
    first, _ = plain.update(GRADIENTS[0], plain.init(PARAMS), PARAMS)
    np.testing.assert_allclose(np.abs(first["kernel"]), RATES[0] / np.sqrt(0.1), rtol=1e-4)


def test_every_optimiser_is_tried() -> None:
    assert set(FORMULAS) == set(OPTIMIZERS)


DECAYS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda share, end: 1.0,
    "linear": lambda share, end: 1 + (end - 1) * share,
    "cosine": lambda share, end: end + (1 - end) * (1 + np.cos(np.pi * share)) / 2,
    "exponential": lambda share, end: end**share,
}


@pytest.mark.parametrize("name", LEARNING_RATE_SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.3])
def test_the_factor_warms_up_and_then_follows_its_schedule(name: str, warmup: float) -> None:
    schedule, steps = LearningRateSchedule(name, end=0.1, warmup=warmup), 20
    factor = jax.jit(lambda step: schedule.factor(step, steps))
    warm = round(warmup * steps)
    for step in range(steps + 1):
        expected = step / warm if step < warm else DECAYS[name]((step - warm) / (steps - warm), 0.1)
        assert factor(np.int32(step)) == pytest.approx(expected, rel=1e-5)


def test_warmup_and_cosine_are_those_of_optax() -> None:
    schedule = LearningRateSchedule("cosine", end=0.2, warmup=0.25)
    expected = optax.warmup_cosine_decay_schedule(0.0, 1.0, 5, 20, end_value=0.2)
    for step in range(20):
        with jax.numpy_dtype_promotion("standard"):
            wanted = expected(step)
        assert schedule.factor(np.int32(step), 20) == pytest.approx(float(wanted), rel=1e-6)


def test_a_constant_rate_costs_nothing() -> None:
    assert LearningRateSchedule().factor(np.int32(3), 20) == 1.0
    assert isinstance(LearningRateSchedule().factor(np.int32(3), 20), float)


@pytest.mark.parametrize("name", ["linear", "cosine", "exponential"])
@pytest.mark.parametrize(("end", "warmup", "steps"), [(0.0, 0.0, 1), (0.0, 0.99, 3), (1.0, 0, 5)])
def test_the_factor_is_between_0_and_1_however_short_the_training(
    name: str, end: float, warmup: float, steps: int
) -> None:
    # 0 is where equal factors never come to.
    schedule = LearningRateSchedule(name, max(end, 1e-30) if name == "exponential" else end, warmup)
    for step in range(steps + 3):
        assert 0 <= float(schedule.factor(np.int32(step), steps)) <= 1


@pytest.mark.parametrize("name", LEARNING_RATE_SCHEDULES)
@pytest.mark.parametrize("end", [0.0, 1e-45, 1e-37, 1e-20, 1e-8, 1e-6, 0.5])
def test_a_schedule_comes_to_its_end_however_low_or_says_that_it_cannot(
    name: str, end: float
) -> None:
    schedule = LearningRateSchedule(name, end)
    if name == "exponential" and end < 1e-38:
        with pytest.raises(ValueError, match=rf"got {end}, .*; accepted: a number ≥ 2.4e-38"):
            schedule.factor(np.int32(0), 4)
        return
    wanted = [DECAYS[name](share, end) for share in (0, 0.5, 1, 1)]
    found = [float(schedule.factor(np.int32(step), 4)) for step in (0, 2, 4, 5)]
    # A cosine's rounding is next to 1.
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=0 if name == "exponential" else 1e-7)
