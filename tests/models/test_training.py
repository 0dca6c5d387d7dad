"""The training step against one written down in NumPy, in float64, without Flax, Optax or JAX's
derivatives; and what is promised about a chunk of steps."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import expit

from models import (
    FORMS,
    GAN,
    Formula,
    Hyperparameters,
    MemberState,
    Program,
    formula_of,
    init,
    member_key,
    network_penalty,
    sample,
    train_chunk,
    train_step,
)

IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, 3, 2, 1)).astype(np.float32)
TRAIN = np.array([1, 4, 5, 9, 11, 12, 20, 21, 22, 28], np.int32)
KEY = member_key(np.uint32(3), np.int32(1))
RATES = (0.01, 0.02)
BETAS = (0.5, 0.9)
DECAY = 0.75


def program(**changed: Any) -> Program:
    gan = GAN((3, 2, 1), latent=4, generator_hidden=(7, 5), discriminator_hidden=(6, 3))
    settings: dict[str, Any] = {
        "gan": gan,
        "batch": 8,
        "discriminator_steps": 1,
        "loss": "non_saturating",
        "ema": False,
        "penalised": "kernel$",
        "chunk_steps": 3,
        "samples": 5,
    }
    return Program(**(settings | changed))


def hyperparameters(
    form: str = "none",
    generator: dict[str, float] | None = None,
    discriminator: dict[str, float] | None = None,
    rates: tuple[float, float] = RATES,
) -> Hyperparameters:
    """`generator` and `discriminator` are the coefficients of the form; None is no penalty."""
    given = generator or discriminator or {}
    return Hyperparameters(
        np.int32(formula_of(form, given.get("order"))),
        *(
            network_penalty("none")
            if coefficients is None
            else network_penalty(form, **coefficients)
            for coefficients in (generator, discriminator)
        ),
        *map(np.float32, rates),
        *map(np.float32, BETAS),
        np.float32(DECAY),
    )


class Layers:
    """Fully connected layers in float64, their derivatives and their Adam."""

    def __init__(self, params: Any) -> None:
        (tree,) = params["network"].values()
        self.weights = [
            np.asarray(tree[index][name], np.float64)
            for index in sorted(tree)
            for name in ("kernel", "bias")
        ]
        self.first = [np.zeros_like(weight) for weight in self.weights]
        self.second = [np.zeros_like(weight) for weight in self.weights]
        self.count = 0

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """The output, and the input of each layer."""
        inputs = []
        for index in range(0, len(self.weights), 2):
            if index:
                x = np.where(x > 0, x, 0.2 * x)
            inputs.append(x)
            x = x @ self.weights[index] + self.weights[index + 1]
        return x, inputs

    def backward(
        self, slope: np.ndarray, inputs: list[np.ndarray]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Derivatives in the weights and in the input, from that in the output."""
        gradient: list[np.ndarray] = []
        for index in reversed(range(0, len(self.weights), 2)):
            x = inputs[index // 2]
            gradient = [x.T @ slope, slope.sum(0), *gradient]
            slope = slope @ self.weights[index].T
            if index:
                # The activation keeps the sign, so its output tells where it was steep.
                slope = slope * np.where(x > 0, 1, 0.2)
        return gradient, slope

    def adam(self, gradient: list[np.ndarray], rate: float) -> None:
        """Algorithm 1 of arXiv:1412.6980."""
        (one, two), self.count = BETAS, self.count + 1
        for index, g in enumerate(gradient):
            self.first[index] = one * self.first[index] + (1 - one) * g
            self.second[index] = two * self.second[index] + (1 - two) * g**2
            mean = self.first[index] / (1 - one**self.count)
            square = self.second[index] / (1 - two**self.count)
            self.weights[index] = self.weights[index] - rate * mean / (np.sqrt(square) + 1e-8)


def penalty_gradient(weights: list[np.ndarray], form: str, given: Any) -> list[np.ndarray]:
    """The derivative of the penalty on the kernels, and zeros for the biases."""
    if given is None or form == "none":
        return [np.zeros_like(weight) for weight in weights]
    if form == "elastic":
        slopes = [given["l1"] * np.sign(w) + 2 * given["l2"] * w for w in weights]
    else:
        strength, p = given["strength"], given["order"]
        slopes = [strength * p * np.abs(w) ** (p - 1) * np.sign(w) for w in weights]
        if form == "norm":
            total = sum(np.sum(np.abs(w) ** p) for w in weights[::2])
            slopes = [slope / p * total ** (1 / p - 1) for slope in slopes]
    return [slope if index % 2 == 0 else 0 * slope for index, slope in enumerate(slopes)]


class Reference:
    """One member in NumPy. Only its random numbers are drawn by JAX."""

    def __init__(self, state: MemberState, given: Program, form: str, penalties: Any) -> None:
        self.given, self.form, self.penalties = given, form, penalties
        self.generator, self.discriminator = Layers(state.generator), Layers(state.discriminator)
        self.average = list(self.generator.weights)

    def latent(self, key: jax.Array) -> np.ndarray:
        shape = (self.given.batch, self.given.gan.latent)
        with jax.threefry_partitionable(False):
            if self.given.gan.latent_distribution == "uniform":
                return np.asarray(jax.random.uniform(key, shape, minval=-1, maxval=1), np.float64)
            return np.asarray(jax.random.normal(key, shape), np.float64)

    def real(self, key: jax.Array) -> np.ndarray:
        with jax.threefry_partitionable(False):
            shares = np.asarray(jax.random.uniform(key, (self.given.batch,)), np.float64)
        chosen = TRAIN[np.floor(shares * len(TRAIN)).astype(int)]
        return IMAGES[chosen].reshape(self.given.batch, -1).astype(np.float64)

    def step(self, number: int) -> tuple[float, float]:
        """D steps and a G step of algorithm 1 of arXiv:1406.2661; the losses before the updates."""
        turns, batch = self.given.discriminator_steps, self.given.batch
        keys = jax.random.split(
            jax.random.fold_in(jax.random.fold_in(KEY, 1), number), 2 * turns + 1
        )
        for turn in range(turns):
            real = self.real(keys[2 * turn])
            fake = np.tanh(self.generator.forward(self.latent(keys[2 * turn + 1]))[0])
            (on_real, real_inputs), (on_fake, fake_inputs) = (
                self.discriminator.forward(images) for images in (real, fake)
            )
            d_loss = np.logaddexp(0, -on_real).mean() + np.logaddexp(0, on_fake).mean()
            from_real, _ = self.discriminator.backward(-expit(-on_real) / batch, real_inputs)
            from_fake, _ = self.discriminator.backward(expit(on_fake) / batch, fake_inputs)
            self.update(self.discriminator, [from_real, from_fake], 1)
        out, inputs = self.generator.forward(self.latent(keys[-1]))
        logits, judged = self.discriminator.forward(np.tanh(out))
        g_loss = np.logaddexp(0, -logits).mean()
        _, slope = self.discriminator.backward(-expit(-logits) / batch, judged)
        gradient, _ = self.generator.backward(slope * (1 - np.tanh(out) ** 2), inputs)
        self.update(self.generator, [gradient], 0)
        self.average = [
            DECAY * old + (1 - DECAY) * new
            for old, new in zip(self.average, self.generator.weights, strict=True)
        ]
        return g_loss, d_loss

    def update(self, network: Layers, gradients: list[Any], which: int) -> None:
        addend = penalty_gradient(network.weights, self.form, self.penalties[which])
        network.adam([sum(each) for each in zip(addend, *gradients, strict=True)], RATES[which])


def assert_close(found: Any, expected: list[np.ndarray], relative: float = 1e-4) -> None:
    """Compares layer by layer, relative to the largest entry of each array."""
    for one, other in zip(Layers(found).weights, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=relative * np.abs(other).max() + 1e-12)


def assert_same_member(state: MemberState, reference: Reference) -> None:
    pairs = [
        (state.generator, state.generator_optimizer, reference.generator),
        (state.discriminator, state.discriminator_optimizer, reference.discriminator),
    ]
    for params, optimizer, expected in pairs:
        adam = adam_state(optimizer)
        assert adam.count == expected.count
        assert_close(adam.mu, expected.first)
        assert_close(adam.nu, expected.second)
        assert_close(params, expected.weights)


def adam_state(optimizer: Any) -> Any:
    """The part of an Optax state that holds both moments."""

    def is_adam(node: Any) -> bool:
        return hasattr(node, "mu") and hasattr(node, "nu")

    (found,) = filter(is_adam, jax.tree.leaves(optimizer, is_leaf=is_adam))
    return found


CASES: dict[str, tuple[str, Any, Any]] = {
    "no penalty": ("none", None, None),
    "power": (
        "power",
        {"strength": 0.03, "order": 1.5},
        {"strength": 0.01, "order": 1.5},
    ),
    "power of order 2": ("power", {"strength": 0.03, "order": 2.0}, None),
    "norm": ("norm", None, {"strength": 0.05, "order": 3.0}),
    "elastic": ("elastic", {"l1": 0.01, "l2": 0.02}, {"l1": 0.0, "l2": 0.03}),
}

init_member = jax.jit(init, static_argnums=0)
one_step = jax.jit(train_step, static_argnums=(0, 1))
one_chunk = jax.jit(train_chunk, static_argnums=0)


@pytest.mark.parametrize("case", CASES)
def test_chunks_of_steps_are_those_of_algorithm_1_with_the_penalty_in_the_loss(case: str) -> None:
    form, *penalties = CASES[case]
    scalars = hyperparameters(form, *penalties)
    state = init_member(program(), scalars, KEY)
    reference = Reference(state, program(), form, penalties)
    for chunk in range(2):
        losses = np.array([reference.step(3 * chunk + number) for number in range(3)])
        state, metrics = one_chunk(program(), state, scalars, IMAGES, TRAIN, KEY)
        assert state.step == 3 * chunk + 3
        assert_same_member(state, reference)
        np.testing.assert_allclose(metrics.generator_loss, losses[:, 0].mean(), rtol=1e-5)
        np.testing.assert_allclose(metrics.discriminator_loss, losses[:, 1].mean(), rtol=1e-5)
        assert metrics.finite
    assert state.generator_average is None


def test_two_d_steps_an_average_and_uniform_latents_are_those_of_the_reference() -> None:
    gan = replace(program().gan, latent_distribution="uniform")
    given = program(discriminator_steps=2, ema=True, gan=gan)
    penalties = [{"strength": 0.02, "order": 1.25}, {"strength": 0.03, "order": 1.25}]
    scalars = hyperparameters("power", *penalties)
    state = init_member(given, scalars, KEY)
    assert bits_of(state.generator_average) == bits_of(state.generator)
    reference = Reference(state, given, "power", penalties)
    for number in range(3):
        expected = reference.step(number)
        state, *losses = one_step(given, Formula.POWER, state, scalars, IMAGES, TRAIN, KEY)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
        assert_same_member(state, reference)
        assert_close(state.generator_average, reference.average)
    assert reference.discriminator.count == 6


def test_the_derivatives_of_the_reference_are_those_of_its_losses() -> None:
    """Central differences in float64, on random weights: the reference vouches for itself."""
    draw = np.random.default_rng(1)
    state = init_member(program(), hyperparameters(), KEY)
    network = Layers(state.discriminator)
    network.weights = [draw.normal(size=weight.shape) for weight in network.weights]
    x = draw.normal(size=(5, 6))

    def loss(form: str, given: dict[str, float]) -> float:
        value = np.logaddexp(0, -network.forward(x)[0]).mean()
        kernels = np.concatenate([kernel.reshape(-1) for kernel in network.weights[::2]])
        if form == "elastic":
            return value + given["l1"] * np.abs(kernels).sum() + given["l2"] * (kernels**2).sum()
        power = np.sum(np.abs(kernels) ** given["order"])
        return value + given["strength"] * (
            power if form == "power" else power ** (1 / given["order"])
        )

    for form, given in [
        ("power", {"strength": 0.3, "order": 1.5}),
        ("norm", {"strength": 0.3, "order": 3.0}),
        ("elastic", {"l1": 0.1, "l2": 0.2}),
    ]:
        logits, inputs = network.forward(x)
        gradient, _ = network.backward(-expit(-logits) / 5, inputs)
        addend = penalty_gradient(network.weights, form, given)
        for weight, slope, more in zip(network.weights, gradient, addend, strict=True):
            at = tuple(int(draw.integers(size)) for size in weight.shape)
            before = weight[at]
            values = []
            for nudge in (1e-6, -1e-6):
                weight[at] = before + nudge
                values.append(loss(form, given))
            weight[at] = before
            assert (slope + more)[at] == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


def bits_of(tree: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def after_a_chunk(scalars: Hyperparameters) -> Any:
    state = init_member(program(), scalars, KEY)
    state, metrics = one_chunk(program(), state, scalars, IMAGES, TRAIN, KEY)
    return state.generator, state.discriminator, metrics


@pytest.mark.parametrize(
    ("form", "zero"),
    [
        ("power", {"strength": 0.0, "order": 1.0}),
        ("power", {"strength": 0.0, "order": 2.0}),
        ("norm", {"strength": 0.0, "order": 1.0}),
        ("elastic", {"l1": 0.0, "l2": 0.0}),
    ],
)
def test_a_linear_penalty_of_strength_0_is_the_baseline_to_the_bit(
    form: str, zero: dict[str, float]
) -> None:
    assert formula_of(form, zero.get("order")) == Formula.LINEAR
    unpenalised = after_a_chunk(hyperparameters(form, zero, zero))
    assert bits_of(unpenalised) == bits_of(after_a_chunk(hyperparameters()))


@pytest.mark.parametrize(("form", "order"), [("power", 1.5), ("norm", 2.0), ("norm", 3.0)])
def test_any_penalty_of_strength_0_is_the_baseline(form: str, order: float) -> None:
    zero = {"strength": 0.0, "order": order}
    unpenalised = after_a_chunk(hyperparameters(form, zero, zero))
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        unpenalised,
        after_a_chunk(hyperparameters()),
    )


def after_a_step(scalars: Hyperparameters, pattern: str = "kernel$") -> MemberState:
    given = program(penalised=pattern)
    state = init_member(program(), scalars, KEY)
    state, *_ = one_step(given, Formula.LINEAR, state, scalars, IMAGES, TRAIN, KEY)
    return state


STRONG = {"strength": 0.5, "order": 2.0}


def test_a_penalty_on_one_network_leaves_the_other_s_first_step_alone() -> None:
    none = after_a_step(hyperparameters())
    on_generator = after_a_step(hyperparameters("power", STRONG, None))
    on_discriminator = after_a_step(hyperparameters("power", None, STRONG))
    assert bits_of(on_generator.discriminator) == bits_of(none.discriminator)
    assert bits_of(on_generator.generator) != bits_of(none.generator)
    assert bits_of(on_discriminator.discriminator) != bits_of(none.discriminator)


@pytest.mark.parametrize(("pattern", "chosen"), [("kernel$", {0, 2, 4}), ("layers/1/", {2, 3})])
def test_the_pattern_says_which_weights_are_penalised(pattern: str, chosen: set[int]) -> None:
    """After one step, Adam's first moment is the gradient times 1 − β₁."""
    begin = Layers(init_member(program(), hyperparameters(), KEY).discriminator).weights
    without, penalised = (
        Layers(adam_state(state.discriminator_optimizer).mu).weights
        for state in (
            after_a_step(hyperparameters()),
            after_a_step(hyperparameters("power", STRONG, STRONG), pattern),
        )
    )
    for index, weight in enumerate(begin):
        added = (penalised[index] - without[index]) / (1 - BETAS[0])
        expected = 2 * STRONG["strength"] * weight if index in chosen else 0 * weight
        np.testing.assert_allclose(added, expected, atol=1e-5)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize("which", [0, 1])
def test_a_member_whose_weights_blow_up_is_not_finite(rate: float, which: int) -> None:
    rates = (rate, RATES[1]) if which == 0 else (RATES[0], rate)
    scalars = hyperparameters("power", {"strength": 0.1, "order": 1.5}, None, rates)
    state = init_member(program(), scalars, KEY)
    _, metrics = one_chunk(program(), state, scalars, IMAGES, TRAIN, KEY)
    assert not metrics.finite


def test_weights_that_blow_up_in_the_last_step_are_not_finite_though_the_losses_are() -> None:
    gan = replace(program().gan, generator_hidden=(), discriminator_hidden=())
    given = program(chunk_steps=1, gan=gan)
    scalars = hyperparameters(rates=(float("nan"), RATES[1]))
    state = init_member(given, scalars, KEY)
    _, metrics = one_chunk(given, state, scalars, IMAGES, TRAIN, KEY)
    assert np.isfinite([metrics.generator_loss, metrics.discriminator_loss]).all()
    assert not metrics.finite


def test_the_initial_state_depends_on_the_key_and_on_no_hyperparameter() -> None:
    one = init_member(program(), hyperparameters(), KEY)
    elastic = hyperparameters("elastic", {"l1": 1, "l2": 2}, None, (0.5, 0.5))
    assert bits_of(one) == bits_of(init_member(program(), elastic, KEY))
    other = init_member(program(), elastic, member_key(np.uint32(3), np.int32(2)))
    assert bits_of(one.generator) != bits_of(other.generator)


def test_a_member_s_key_follows_from_seed_and_fold() -> None:
    keys = {
        bytes(np.asarray(jax.random.key_data(member_key(np.uint32(seed), np.int32(fold)))))
        for seed in range(5)
        for fold in range(5)
    }
    assert len(keys) == 25


@pytest.mark.parametrize("ema", [False, True])
def test_samples_come_from_the_generator_or_from_its_average(ema: bool) -> None:
    given = program(ema=ema)
    state = init_member(given, hyperparameters(), KEY)
    shifted = jax.tree.map(lambda leaf: leaf + np.float32(0.5), state.generator)
    state = state._replace(generator_average=shifted if ema else None)
    with jax.threefry_partitionable(True):
        latent_key = jax.random.fold_in(KEY, 2)
    with jax.threefry_partitionable(False):
        latent = np.asarray(jax.random.normal(latent_key, (9, 4)), np.float64)
    expected = np.tanh(Layers(shifted if ema else state.generator).forward(latent)[0])
    images = jax.jit(partial(sample, given, count=9))(state, KEY)
    np.testing.assert_allclose(images, expected.reshape(9, 3, 2, 1), rtol=1e-5, atol=1e-6)


def test_all_forms_are_tried_against_the_reference() -> None:
    assert {form for form, *_ in CASES.values()} == set(FORMS)
