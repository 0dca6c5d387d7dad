"""The training step against one written down in NumPy, in float64, without Flax, Optax or JAX's
derivatives; and what is promised about a chunk of steps."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import expit

from normsweep.models import (
    Data,
    Hyperparameters,
    MemberState,
    Method,
    Program,
    architecture,
    init,
    member_key,
    network_penalty,
    penalty_entry,
    sample,
    train_chunk,
    train_step,
)
from normsweep.models.architecture import networks
from normsweep.models.layers.mode import Mode
from normsweep.objectives.constraints import constraint
from tests.gans import NAMES, changed_gan, make_gan, make_numbers
from tests.haste import IN_HASTE

IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, 3, 2, 1)).astype(np.float32)
TRAIN = np.array([1, 4, 5, 9, 11, 12, 20, 21, 22, 28], np.int32)
DATA = Data(IMAGES, TRAIN, np.array([2, 3], np.int32))
KEY = member_key(np.uint32(3), np.int32(1))
RATES = (0.01, 0.02)
BETAS = (0.5, 0.9)
DECAY = 0.75


def program(**changed: Any) -> Program:
    gan = make_gan((3, 2, 1), latent=4, generator_hidden=(7, 5), discriminator_hidden=(6, 3))
    settings: dict[str, Any] = {
        "architecture": gan,
        "batch": 8,
        "steps": 6,
        "chunk_steps": 3,
        "samples": 5,
    }
    return Program(**(settings | changed))


def regularised(form: str, order: float | None = None, coupling: str = "loss") -> Program:
    if form in BALLS:
        return program(methods=(Method(constraint=constraint(form)),))
    return program(methods=(Method(penalty_entry(form, order), coupling),))


def hyperparameters(
    form: str = "none",
    generator: dict[str, float] | None = None,
    discriminator: dict[str, float] | None = None,
    rates: tuple[float, float] = RATES,
) -> Hyperparameters:
    """`generator` and `discriminator` are the coefficients of the form; None is no penalty."""
    penalties = [
        network_penalty("none") if coefficients is None else network_penalty(form, **coefficients)
        for coefficients in (generator, discriminator)
    ]
    return make_numbers(
        generator_penalty=penalties[0],
        discriminator_penalty=penalties[1],
        generator_learning_rate=np.float32(rates[0]),
        discriminator_learning_rate=np.float32(rates[1]),
        beta1=np.float32(BETAS[0]),
        beta2=np.float32(BETAS[1]),
        ema_decay=np.float32(DECAY),
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


def proximal(weights: list[np.ndarray], form: str, given: Any, rate: float) -> list[np.ndarray]:
    """argmin over v of the penalty of v and ‖v − w‖²/(2·rate), on the kernels."""
    if form == "elastic":
        soft = [np.sign(w) * np.maximum(np.abs(w) - rate * given["l1"], 0) for w in weights]
        moved = [w / (1 + 2 * rate * given["l2"]) for w in soft]
    else:
        threshold = rate * given["strength"]
        norms = [np.linalg.norm(w, axis=0) for w in weights]
        moved = [
            w * np.maximum(1 - threshold / norm, 0) for w, norm in zip(weights, norms, strict=True)
        ]
    pairs = enumerate(zip(weights, moved, strict=True))
    return [new if index % 2 == 0 else old for index, (old, new) in pairs]


def l2_ball(weights: list[np.ndarray], radius: float) -> list[np.ndarray]:
    norm = np.sqrt(sum(np.sum(w**2) for w in weights))
    return [w * min(1, radius / norm) for w in weights]


def clipped(weights: list[np.ndarray], radius: float) -> list[np.ndarray]:
    return [np.clip(w, -radius, radius) for w in weights]


def l1_ball(weights: list[np.ndarray], radius: float) -> list[np.ndarray]:
    """Duchi et al. 2008, figure 1: by sorting."""
    flat = np.concatenate([np.abs(w).reshape(-1) for w in weights])
    if flat.sum() <= radius:
        return weights
    falling = np.sort(flat)[::-1]
    excess = (np.cumsum(falling) - radius) / np.arange(1, flat.size + 1)
    threshold = excess[np.nonzero(falling > excess)[0][-1]]
    return [np.sign(w) * np.maximum(np.abs(w) - threshold, 0) for w in weights]


def max_norm(weights: list[np.ndarray], radius: float) -> list[np.ndarray]:
    return [w * np.minimum(1, radius / np.linalg.norm(w, axis=0)) for w in weights]


BALLS = {
    "l1_ball": l1_ball,
    "l2_ball": l2_ball,
    "linf_ball": clipped,
    "clip": clipped,
    "max_norm": max_norm,
}


class Reference:
    """One member in NumPy. Only its random numbers are drawn by JAX."""

    def __init__(
        self, state: MemberState, given: Program, form: str, penalties: Any, coupling: str = "loss"
    ) -> None:
        self.given, self.form, self.penalties, self.coupling = given, form, penalties, coupling
        self.generator = Layers(state.networks["generator"].params)
        self.discriminator = Layers(state.networks["discriminator"].params)
        self.average = list(self.generator.weights)

    def latent(self, key: jax.Array) -> np.ndarray:
        shape = (self.given.batch, self.given.family.latent)
        if self.given.family.latent_distribution == "uniform":
            return np.asarray(jax.random.uniform(key, shape, minval=-1, maxval=1), np.float64)
        return np.asarray(jax.random.normal(key, shape), np.float64)

    def real(self, key: jax.Array) -> np.ndarray:
        chosen = TRAIN[np.asarray(jax.random.randint(key, (self.given.batch,), 0, len(TRAIN)))]
        return IMAGES[chosen].reshape(self.given.batch, -1).astype(np.float64)

    def step(self, number: int) -> tuple[float, float]:
        """D steps and a G step of algorithm 1 of arXiv:1406.2661; the losses before the updates."""
        turns, batch = self.given.family.discriminator_steps, self.given.batch
        keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), number), turns + 1)
        for turn in range(turns):
            draws = jax.random.split(keys[turn], 6)
            real = self.real(draws[0])
            fake = np.tanh(self.generator.forward(self.latent(draws[1]))[0])
            (on_real, real_inputs), (on_fake, fake_inputs) = (
                self.discriminator.forward(images) for images in (real, fake)
            )
            d_loss = np.logaddexp(0, -on_real).mean() + np.logaddexp(0, on_fake).mean()
            from_real, _ = self.discriminator.backward(-expit(-on_real) / batch, real_inputs)
            from_fake, _ = self.discriminator.backward(expit(on_fake) / batch, fake_inputs)
            self.update(self.discriminator, [from_real, from_fake], 1)
        out, inputs = self.generator.forward(self.latent(jax.random.split(keys[-1], 4)[0]))
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
        given, rate = self.penalties[which], RATES[which]
        total = [sum(each) for each in zip(*gradients, strict=True)]
        if self.form in BALLS:
            network.adam(total, rate)
            if given is not None:
                network.weights[::2] = BALLS[self.form](network.weights[::2], given["radius"])
            return
        if self.coupling == "proximal":
            network.adam(total, rate)
            network.weights = proximal(network.weights, self.form, given, rate)
            return
        slopes = penalty_gradient(network.weights, self.form, given)
        if self.coupling == "loss":
            network.adam([g + slope for g, slope in zip(total, slopes, strict=True)], rate)
            return
        network.adam(total, rate)
        moved = zip(network.weights, slopes, strict=True)
        network.weights = [w - rate * slope for w, slope in moved]


def assert_close(found: Any, expected: list[np.ndarray], relative: float = 1e-4) -> None:
    """Compares layer by layer, relative to the largest entry of each array."""
    for one, other in zip(Layers(found).weights, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=relative * np.abs(other).max() + 1e-7)


def assert_same_member(state: MemberState, reference: Reference) -> None:
    for name in NAMES:
        params, expected = state.networks[name].params, getattr(reference, name)
        adam = adam_state(state.optimizers[name])
        assert adam.count == expected.count
        assert_close(adam.mu[name], expected.first)
        assert_close(adam.nu[name], expected.second)
        assert_close(params, expected.weights)


def adam_state(optimizer: Any) -> Any:
    """The part of an Optax state that holds both moments."""

    def is_adam(node: Any) -> bool:
        return hasattr(node, "mu") and hasattr(node, "nu")

    (found,) = filter(is_adam, jax.tree.leaves(optimizer, is_leaf=is_adam))
    return found


CASES: dict[str, tuple[str, str, Any, Any]] = {
    "no penalty": ("loss", "none", None, None),
    "power": (
        "loss",
        "power",
        {"strength": 0.03, "order": 1.5},
        {"strength": 0.01, "order": 1.5},
    ),
    "power of order 2": ("loss", "power", {"strength": 0.03, "order": 2.0}, None),
    "norm": ("loss", "norm", None, {"strength": 0.05, "order": 3.0}),
    "elastic": ("loss", "elastic", {"l1": 0.01, "l2": 0.02}, {"l1": 0.0, "l2": 0.03}),
    "decoupled elastic": ("decoupled", "elastic", {"l1": 0.1, "l2": 0.2}, {"l1": 0.2, "l2": 0.3}),
    "decoupled power": ("decoupled", "power", {"strength": 0.5, "order": 1.5}, None),
    "proximal elastic": ("proximal", "elastic", {"l1": 2.0, "l2": 0.2}, {"l1": 3.0, "l2": 0.3}),
    "proximal group": ("proximal", "group", {"strength": 1.0}, {"strength": 11.0}),
    "l1 ball": ("loss", "l1_ball", {"radius": 8.0}, {"radius": 5.0}),
    "l2 ball": ("loss", "l2_ball", None, {"radius": 1.5}),
    "l∞ ball": ("loss", "linf_ball", {"radius": 0.3}, {"radius": 0.2}),
    "clip": ("loss", "clip", None, {"radius": 0.1}),
    "max norm": ("loss", "max_norm", {"radius": 0.8}, {"radius": 0.5}),
}


init_member = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
one_step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)
one_chunk = jax.jit(train_chunk, static_argnums=0)
hasty_chunk = jax.jit(train_chunk, static_argnums=0, compiler_options=IN_HASTE)


@pytest.mark.parametrize("case", CASES)
def test_chunks_of_steps_are_those_of_algorithm_1_with_the_regulariser(case: str) -> None:
    coupling, form, *penalties = CASES[case]
    order = next((each.get("order") for each in penalties if each is not None), None)
    given = regularised(form, order, coupling)
    scalars = hyperparameters(form, *penalties)
    state = init_member(given, scalars, KEY)
    reference = Reference(state, given, form, penalties, coupling)
    for chunk in range(2):
        losses = np.array([reference.step(3 * chunk + number) for number in range(3)])
        state, metrics = hasty_chunk(given, state, scalars, DATA, KEY)
        assert state.step == 3 * chunk + 3
        assert_same_member(state, reference)
        np.testing.assert_allclose(metrics.losses["generator"], losses[:, 0].mean(), rtol=1e-5)
        np.testing.assert_allclose(metrics.losses["discriminator"], losses[:, 1].mean(), rtol=1e-5)
        assert metrics.strength_factor == 1
        assert metrics.finite
    for found, norm, network in [
        (metrics.zeros["generator"], metrics.norms["generator"], reference.generator),
        (metrics.zeros["discriminator"], metrics.norms["discriminator"], reference.discriminator),
    ]:
        kernels = np.concatenate([kernel.reshape(-1) for kernel in network.weights[::2]])
        assert found == np.float32(np.mean(kernels == 0))
        assert norm == pytest.approx(np.linalg.norm(kernels.astype(np.float64)), rel=1e-5)
    has_zeros = form == "l1_ball" or coupling == "proximal"
    assert (metrics.zeros["discriminator"] > 0) == has_zeros
    assert state.averages == {}


def test_two_d_steps_an_average_and_uniform_latents_are_those_of_the_reference() -> None:
    gan = changed_gan(program().architecture, latent_distribution="uniform", discriminator_steps=2)
    penalised = regularised("power", 1.25).methods
    given = program(ema=True, architecture=gan, methods=penalised)
    penalties = [{"strength": 0.02, "order": 1.25}, {"strength": 0.03, "order": 1.25}]
    scalars = hyperparameters("power", *penalties)
    state = init_member(given, scalars, KEY)
    assert bits_of(state.averages["generator"].params) == bits_of(
        state.networks["generator"].params
    )
    reference = Reference(state, given, "power", penalties)
    for number in range(3):
        expected = reference.step(number)
        state, losses = one_step(given, 0, state, scalars, DATA, KEY)
        np.testing.assert_allclose([losses.players[name] for name in NAMES], expected, rtol=1e-5)
        assert_same_member(state, reference)
        assert_close(state.averages["generator"].params, reference.average)
    assert reference.discriminator.count == 6


def test_the_derivatives_of_the_reference_are_those_of_its_losses() -> None:
    """Central differences in float64, on random weights: the reference vouches for itself."""
    draw = np.random.default_rng(1)
    state = init_member(program(), hyperparameters(), KEY)
    network = Layers(state.networks["discriminator"].params)
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


def after_a_chunk(given: Program, scalars: Hyperparameters) -> Any:
    state = init_member(given, scalars, KEY)
    state, metrics = one_chunk(given, state, scalars, DATA, KEY)
    return state.networks["generator"], state.networks["discriminator"], metrics


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
    given = regularised(form, zero.get("order"))
    assert given == program(), "not the same program: its bits may differ"
    unpenalised = after_a_chunk(given, hyperparameters(form, zero, zero))
    assert bits_of(unpenalised) == bits_of(after_a_chunk(program(), hyperparameters()))


@pytest.mark.parametrize(
    ("form", "off"),
    [("norm", {"strength": 0.0, "order": 2.0}), ("l1_ball", {"radius": np.inf})],
)
def test_any_regulariser_without_strength_is_the_baseline(form: str, off: dict[str, Any]) -> None:
    given = regularised(form, off.get("order"))
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        after_a_chunk(given, hyperparameters(form, off, off)),
        after_a_chunk(program(), hyperparameters()),
    )


def after_a_step(scalars: Hyperparameters, pattern: str = "kernel$") -> MemberState:
    given = program(methods=(Method(weights=pattern),))
    state = init_member(given, scalars, KEY)
    state, _ = one_step(given, 0, state, scalars, DATA, KEY)
    return state


STRONG = {"strength": 0.5, "order": 2.0}


def test_a_penalty_on_one_network_leaves_the_other_s_first_step_alone() -> None:
    none = after_a_step(hyperparameters()).networks
    on_generator = after_a_step(hyperparameters("power", STRONG, None)).networks
    on_discriminator = after_a_step(hyperparameters("power", None, STRONG)).networks
    assert bits_of(on_generator["discriminator"]) == bits_of(none["discriminator"])
    assert bits_of(on_generator["generator"]) != bits_of(none["generator"])
    assert bits_of(on_discriminator["discriminator"]) != bits_of(none["discriminator"])


@pytest.mark.parametrize(("pattern", "chosen"), [("kernel$", {0, 2, 4}), ("layers/1/", {2, 3})])
def test_the_pattern_says_which_weights_are_penalised(pattern: str, chosen: set[int]) -> None:
    """After one step, Adam's first moment is the gradient times 1 − β₁."""
    begin = Layers(
        init_member(program(), hyperparameters(), KEY).networks["discriminator"].params
    ).weights
    without, penalised = (
        Layers(adam_state(state.optimizers["discriminator"]).mu["discriminator"]).weights
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
    given = regularised("power", 1.5)
    scalars = hyperparameters("power", {"strength": 0.1, "order": 1.5}, None, rates)
    state = init_member(given, scalars, KEY)
    _, metrics = hasty_chunk(given, state, scalars, DATA, KEY)
    assert not metrics.finite


def test_weights_that_blow_up_in_the_last_step_are_not_finite_though_the_losses_are() -> None:
    gan = changed_gan(program().architecture, generator_hidden=(), discriminator_hidden=())
    given = program(chunk_steps=1, architecture=gan)
    scalars = hyperparameters(rates=(float("nan"), RATES[1]))
    state = init_member(given, scalars, KEY)
    _, metrics = hasty_chunk(given, state, scalars, DATA, KEY)
    assert all(np.isfinite(loss) for loss in metrics.losses.values())
    assert not metrics.finite


def test_the_initial_state_depends_on_the_key_and_on_no_hyperparameter() -> None:
    one = init_member(program(), hyperparameters(), KEY)
    elastic = hyperparameters("elastic", {"l1": 1, "l2": 2}, None, (0.5, 0.5))
    assert bits_of(one) == bits_of(init_member(program(), elastic, KEY))
    other = init_member(program(), elastic, member_key(np.uint32(3), np.int32(2)))
    assert bits_of(one.networks["generator"]) != bits_of(other.networks["generator"])


def test_a_chunk_draws_no_network_anew_to_see_which_units_are_in_use(monkeypatch) -> None:
    given = program(masked=True)
    h = make_numbers(generator_units=5, discriminator_units=3)
    state = jax.eval_shape(partial(init, given), h, KEY)

    def drawn(**streams: Any) -> None:
        raise AssertionError("weights are drawn")

    monkeypatch.setattr(architecture, "nnx", SimpleNamespace(Rngs=drawn))
    with pytest.raises(AssertionError, match="weights are drawn"):
        jax.eval_shape(partial(init, given), h, KEY)
    after, _ = jax.eval_shape(partial(train_chunk, given), state, h, DATA, KEY)
    assert jax.tree.structure(after.in_use) == jax.tree.structure(state.in_use)
    assert jax.tree.leaves(after.in_use)


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
    begun = state.networks["generator"]
    shifted = jax.tree.map(lambda leaf: leaf + np.float32(0.5), begun.params)
    averages = {"generator": begun._replace(params=shifted)} if ema else {}
    state = state._replace(averages=averages)
    latent = np.asarray(jax.random.normal(jax.random.fold_in(KEY, 2), (9, 4)), np.float64)
    expected = np.tanh(Layers(shifted if ema else begun.params).forward(latent)[0])
    images = jax.jit(partial(sample, given, count=9))(state, hyperparameters(), DATA, KEY)
    np.testing.assert_allclose(images, expected.reshape(9, 3, 2, 1), rtol=1e-5, atol=1e-6)


def test_samples_are_normalised_by_the_stored_statistics_and_not_by_those_of_their_batch() -> None:
    gan = changed_gan(program().architecture, generator_normalisation="batch")
    given = program(architecture=gan)
    state = init_member(given, hyperparameters(), KEY)
    before = state.networks["generator"]
    stats = jax.tree.map(lambda leaf: leaf + np.float32(0.5), before.stats)
    state = state._replace(networks=state.networks | {"generator": before._replace(stats=stats)})
    latent = jax.random.normal(jax.random.fold_in(KEY, 2), (9, 4))
    images = sample(given, state, hyperparameters(), DATA, KEY, 9)
    apply = networks(gan).apply["generator"]
    alone = [apply(state.networks["generator"], each[None], Mode())[0][0] for each in latent]
    np.testing.assert_allclose(images, np.stack(alone), rtol=1e-5, atol=1e-6)
    assert np.std(images, axis=0).min() > 1e-3
