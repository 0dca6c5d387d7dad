"""What a step does beside two losses and an optimiser, against dense layers in float64.

Under gradient descent without momentum a step is −rate·gradient, so that each part can be written
down by itself. JAX differentiates the reference and draws its random numbers, no more.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from normsweep.models import (
    Data,
    Hyperparameters,
    LearningRateSchedule,
    MemberState,
    Method,
    Program,
    init,
    member_key,
    networks,
    sample,
    train_step,
)
from normsweep.models.method import NetworkPenalty
from normsweep.objectives.adversarial import ADVERSARIAL_LOSSES
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from normsweep.objectives.schedules import STRENGTH_SCHEDULES
from tests.gans import NAMES, changed_gan, make_gan, make_numbers
from tests.haste import IN_HASTE

BATCH, SHAPE = 8, (3, 2, 1)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
TRAIN = np.array([1, 4, 5, 9, 11, 12, 20, 21, 22, 28], np.int32)
VALIDATION = np.array([0, 2, 3, 7, 8, 29], np.int32)
DATA = Data(IMAGES, TRAIN, VALIDATION)
KEY = member_key(np.uint32(3), np.int32(1))
RATES = (0.5, 0.25)
NETWORKS = make_gan(SHAPE, latent=4, generator_hidden=(7,), discriminator_hidden=(6,))
Weights = list[Any]

init_member = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
one_step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def program(method: Method | None = None, **changed: Any) -> Program:
    settings: dict[str, Any] = {
        "architecture": NETWORKS,
        "batch": BATCH,
        "steps": 4,
        "chunk_steps": 2,
        "samples": 2,
        "optimizer": "sgd",
        "methods": (method or Method(),),
    }
    return Program(**(settings | changed))


def scalars(**changed: Any) -> Hyperparameters:
    rates = {"generator_learning_rate": RATES[0], "discriminator_learning_rate": RATES[1]}
    counts = ("gradient_penalty_every", "generator_units", "discriminator_units")
    numbers = {
        name: value
        if isinstance(value, NetworkPenalty)
        else (np.int32 if name in counts else np.float32)(value)
        for name, value in (rates | changed).items()
    }
    return make_numbers(**numbers)


def begun(given: Program) -> MemberState:
    return init_member(given, scalars(), KEY)


def weights_of(params: Any) -> Weights:
    layers = params["network"]["layers"]
    return [np.float64(layers[index][name]) for index in (0, 1) for name in ("kernel", "bias")]


def dense(weights: Weights, x: Any, mask: Any = None) -> Any:
    """Two layers with a leaky ReLU between them, of which the mask scales each unit."""
    hidden = x @ weights[0] + weights[1][None]
    hidden = jnp.where(hidden > 0, hidden, 0.2 * hidden)
    if mask is not None:
        hidden = hidden * mask
    return hidden @ weights[2] + weights[3][None]


class Reference:
    """A member of dense layers under gradient descent. What a test is about, it overrides."""

    def __init__(self, state: MemberState) -> None:
        self.generator = weights_of(state.networks["generator"].params)
        self.discriminator = weights_of(state.networks["discriminator"].params)

    def seen(self, key: jax.Array, images: Any, fake: int) -> Any:
        return images

    def masks(self, key: jax.Array, network: int) -> Any:
        return None

    def discriminator_loss(self, real: Any, fake: Any) -> Any:
        return jnp.mean(jnp.logaddexp(0, -real)) + jnp.mean(jnp.logaddexp(0, fake))

    def generator_loss(self, fake: Any) -> Any:
        return jnp.mean(jnp.logaddexp(0, -fake))

    def extra(self, weights: Weights, network: int, number: int, about: Any) -> Any:
        """What is added to a network's loss; `about` are D's real and fake images, the key of their
        augmentation, and that of the points."""
        return 0.0

    def judge(self, weights: Weights, images: Any, mask: Any = None) -> Any:
        return dense(weights, images.reshape(images.shape[0], -1), mask)[:, 0]

    def make(self, weights: Weights, latent: Any, mask: Any = None) -> Any:
        return jnp.tanh(dense(weights, latent, mask)).reshape(-1, *SHAPE)

    def latent(self, key: jax.Array) -> np.ndarray:
        return np.float64(jax.random.normal(key, (BATCH, 4), np.float32))

    def real(self, key: jax.Array, among: np.ndarray = TRAIN) -> np.ndarray:
        drawn = jax.random.randint(key, (BATCH,), 0, len(among), np.int32)
        return np.float64(IMAGES[among[np.asarray(drawn)]])

    def step(self, number: int) -> None:
        step_key = jax.random.fold_in(jax.random.fold_in(KEY, 1), number)
        d_key, g_key = jax.random.split(step_key, 2)
        self._discriminator_turn(number, d_key)
        self._generator_turn(number, jax.random.split(g_key, 4))

    def _discriminator_turn(self, number: int, key: jax.Array) -> None:
        keys = jax.random.split(key, 8)
        real, latent = self.real(keys[0]), self.latent(keys[1])
        drops = self.masks(keys[2], 0), self.masks(keys[4], 1), self.masks(keys[5], 1)
        with jax.enable_x64(True):
            fake = self.make(self.generator, latent, drops[0])
            seen = self.seen(keys[3], real, 0), self.seen(keys[3], fake, 1)

            def loss(weights: Weights) -> Any:
                logits = [self.judge(weights, *each) for each in zip(seen, drops[1:], strict=True)]
                extra = self.extra(weights, 1, number, (real, fake, keys[3], keys[6]))
                return self.discriminator_loss(*logits) + extra

            slopes = jax.grad(loss)(self.discriminator)
        pairs = zip(self.discriminator, slopes, strict=True)
        self.discriminator = [w - RATES[1] * np.asarray(slope) for w, slope in pairs]

    def _generator_turn(self, number: int, keys: jax.Array) -> None:
        latent = self.latent(keys[0])
        drops = self.masks(keys[1], 0), self.masks(keys[3], 1)
        with jax.enable_x64(True):

            def loss(weights: Weights) -> Any:
                fake = self.seen(keys[2], self.make(weights, latent, drops[0]), 1)
                logits = self.judge(self.discriminator, fake, drops[1])
                return self.generator_loss(logits) + self.extra(weights, 0, number, None)

            slopes = jax.grad(loss)(self.generator)
        pairs = zip(self.generator, slopes, strict=True)
        self.generator = [w - RATES[0] * np.asarray(slope) for w, slope in pairs]


def assert_follows(reference: Reference, given: Program, h: Hyperparameters, steps: int = 2) -> Any:
    """The state and the strength's factors after steps in which both agree."""
    state, factors = begun(given), []
    for number in range(steps):
        reference.step(number)
        state, losses = one_step(given, 0, state, h, DATA, KEY)
        factors.append(float(losses.strength_factor))
        for found, expected in [
            (state.networks["generator"], reference.generator),
            (state.networks["discriminator"], reference.discriminator),
        ]:
            for one, other in zip(weights_of(found.params), expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    return state, factors


def test_gradient_descent_on_both_losses() -> None:
    assert_follows(Reference(begun(program())), program(), scalars())


LOSSES: dict[str, tuple[Any, Any]] = {
    "minimax": (
        lambda real, fake: jnp.mean(jnp.logaddexp(0, -real)) + jnp.mean(jnp.logaddexp(0, fake)),
        lambda fake: -jnp.mean(jnp.logaddexp(0, fake)),
    ),
    "hinge": (
        lambda real, fake: jnp.mean(jnp.maximum(0, 1 - real)) + jnp.mean(jnp.maximum(0, 1 + fake)),
        lambda fake: -jnp.mean(fake),
    ),
    "wasserstein": (
        lambda real, fake: jnp.mean(fake) - jnp.mean(real),
        lambda fake: -jnp.mean(fake),
    ),
    "least_squares": (
        lambda real, fake: jnp.mean((real - 1) ** 2) / 2 + jnp.mean(fake**2) / 2,
        lambda fake: jnp.mean((fake - 1) ** 2) / 2,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_descended_by_its_player(name: str) -> None:
    given = program(architecture=changed_gan(NETWORKS, loss=name))
    reference = Reference(begun(given))
    reference.discriminator_loss, reference.generator_loss = LOSSES[name]  # type: ignore[method-assign]
    assert_follows(reference, given, scalars())


def test_every_loss_is_tried() -> None:
    assert {*LOSSES, "non_saturating"} == set(ADVERSARIAL_LOSSES)


def test_label_smoothing_is_on_the_real_labels_alone() -> None:
    class Smoothed(Reference):
        def discriminator_loss(self, real: Any, fake: Any) -> Any:
            on_real = 0.8 * jnp.logaddexp(0, -real) + 0.2 * jnp.logaddexp(0, real)
            return jnp.mean(on_real) + jnp.mean(jnp.logaddexp(0, fake))

    assert_follows(Smoothed(begun(program())), program(), scalars(label_smoothing=0.2))


class Penalised(Reference):
    """Strength · E[term(‖∇ₓD‖²)], where `points` puts it, for D alone, each `every` steps."""

    strength, every, kind = 0.3, 1, "r1"
    at_seen = False

    def points(self, real: Any, fake: Any, key: jax.Array) -> Any:
        shares = jax.random.uniform(key, (BATCH, 1, 1, 1), np.float32).astype(np.float64)
        if self.kind == "dragan":
            noise_key, share_key = jax.random.split(key)
            noise = jax.random.uniform(noise_key, real.shape, np.float32).astype(np.float64)
            shares = jax.random.uniform(share_key, (BATCH, 1, 1, 1), np.float32).astype(np.float64)
            return real + shares * np.std(real) / 2 * noise
        return {"r1": real, "r2": fake}.get(self.kind, shares * real + (1 - shares) * fake)

    def extra(self, weights: Weights, network: int, number: int, about: Any) -> Any:
        if network == 0 or number % self.every:
            return 0.0
        real, fake, augment_key, key = about
        point_key, _ = jax.random.split(key)
        if self.at_seen:
            real, fake = self.seen(augment_key, real, 0), self.seen(augment_key, fake, 1)

        def judged(images: Any) -> Any:
            if not self.at_seen:
                images = self.seen(augment_key, images, int(self.kind == "r2"))
            return jnp.sum(self.judge(weights, images))

        slopes = jax.grad(judged)(self.points(real, fake, point_key))
        squares = jnp.sum(slopes**2, axis=(1, 2, 3))
        if self.kind in ("wgan_gp", "dragan"):
            terms = (jnp.sqrt(squares) - 1) ** 2
        else:
            terms = squares if self.kind == "zero_centred" else squares / 2
        return self.every * self.strength * jnp.mean(terms)


@pytest.mark.parametrize("name", GRADIENT_PENALTIES)
def test_a_gradient_penalty_is_part_of_the_discriminator_s_loss(name: str) -> None:
    given = program(Method(gradient_penalty=GRADIENT_PENALTIES[name]))
    reference = Penalised(begun(given))
    reference.kind = name
    assert_follows(reference, given, scalars(gradient_penalty_strength=0.3))


@pytest.mark.parametrize("every", [2, 3])
def test_a_lazy_gradient_penalty_is_rare_and_as_much_stronger(every: int) -> None:
    given = program(Method(gradient_penalty=GRADIENT_PENALTIES["r1"]))
    reference = Penalised(begun(given))
    reference.every, reference.strength = every, 0.1
    h = scalars(gradient_penalty_strength=0.1, gradient_penalty_every=every)
    assert_follows(reference, given, h, steps=4)


def test_adam_makes_up_for_the_steps_without_a_lazy_penalty_in_d_alone() -> None:
    """Its rate times c and its betas to the power c, c = k/(k + 1) (arXiv:1912.04958, app. B)."""
    r1 = Method(gradient_penalty=GRADIENT_PENALTIES["r1"])
    plain, rescaled = (
        program(replace(r1, rescale_adam=rescale), optimizer="adam") for rescale in (False, True)
    )
    start, every = begun(plain), 3
    share = every / (every + 1)
    given = {"gradient_penalty_strength": 0.3, "gradient_penalty_every": every}
    betas = {"beta1": 0.5, "beta2": 0.9}
    by_hand = {name: beta**share for name, beta in betas.items()}
    by_hand["discriminator_learning_rate"] = share * RATES[1]
    found, _ = one_step(rescaled, 0, start, scalars(**given, **betas), DATA, KEY)
    wanted, _ = one_step(plain, 0, start, scalars(**given, **by_hand), DATA, KEY)
    close = partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-6)
    for part in ("networks", "optimizers"):
        jax.tree.map(close, *(getattr(s, part)["discriminator"] for s in (found, wanted)))
    # G's moments are of the same gradient, with betas of the config.
    moments, others = (state.optimizers["generator"][0] for state in (found, wanted))
    for one, other, beta in [
        (moments.mu, others.mu, betas["beta1"]),
        (moments.nu, others.nu, betas["beta2"]),
    ]:
        scale = (1 - beta) / (1 - beta**share)
        jax.tree.map(lambda a, b, scale=scale: close(a, scale * np.asarray(b)), one, other)
    always = scalars(gradient_penalty_strength=0.3, gradient_penalty_every=1, **betas)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-6),
        one_step(rescaled, 0, start, always, DATA, KEY)[0].networks,
        one_step(plain, 0, start, always, DATA, KEY)[0].networks,
    )


class Brightened(Reference):
    """Each image gets a number from ±0.3 added, with draws of their own for real and fake."""

    fakes = True

    def seen(self, key: jax.Array, images: Any, fake: int) -> Any:
        if fake and not self.fakes:
            return images
        own = jax.random.fold_in(jax.random.fold_in(key, fake), 0)
        amount = jax.random.uniform(own, (BATCH, 1, 1, 1), np.float32, -0.5, 0.5)
        return images + 0.6 * np.float64(amount)


@pytest.mark.parametrize("fakes", [True, False])
def test_the_discriminator_sees_augmented_images_in_both_turns(fakes: bool) -> None:
    given = program(Method(augmentation=("brightness",), augment_fakes=fakes))
    reference = Brightened(begun(given))
    reference.fakes = fakes
    assert_follows(reference, given, scalars(augment_strength=0.6))


class CutOut(Penalised):
    """A rectangle of 0 in each image, of 0.4 of each side, with draws of its own."""

    fakes = True

    def seen(self, key: jax.Array, images: Any, fake: int) -> Any:
        if fake and not self.fakes:
            return images
        own = jax.random.fold_in(jax.random.fold_in(key, fake), 2)
        centres = np.float64(jax.random.uniform(own, (2, BATCH), np.float32))
        holes = [
            np.abs(np.arange(side) - (centre[:, None] * side - 0.5)) < 0.8 * side / 4
            for side, centre in zip(SHAPE, centres, strict=False)
        ]
        return images * np.float64(~(holes[0][:, :, None, None] & holes[1][:, None, :, None]))


@pytest.mark.parametrize(
    ("name", "at_seen"), [("wgan_gp", False), ("wgan_gp", True), ("r2", False)]
)
def test_a_slope_is_that_in_raw_images_through_the_augmentation_or_in_augmented_ones(
    name: str, at_seen: bool
) -> None:
    """D's program of arXiv:2006.06676 differentiates in the images that it then augments."""
    method = Method(
        gradient_penalty=GRADIENT_PENALTIES[name],
        augmentation=("cutout",),
        slope_at_seen=at_seen,
    )
    given = program(method)
    reference = CutOut(begun(given))
    reference.kind, reference.at_seen = name, at_seen
    h = scalars(gradient_penalty_strength=0.3, augment_strength=0.8)
    assert_follows(reference, given, h, steps=1)


def test_a_slope_at_generated_images_goes_through_no_augmentation_if_they_have_none() -> None:
    method = Method(
        gradient_penalty=GRADIENT_PENALTIES["r2"], augmentation=("cutout",), augment_fakes=False
    )
    reference = CutOut(begun(program(method)))
    reference.kind, reference.fakes = "r2", False
    h = scalars(gradient_penalty_strength=0.3, augment_strength=0.8)
    assert_follows(reference, program(method), h, steps=1)


class Dropped(Reference):
    rates = (0.25, 0.5)

    def masks(self, key: jax.Array, network: int) -> Any:
        kept, width = 1 - self.rates[network], (7, 6)[network]
        own = jax.random.fold_in(key, 0)
        return np.float64(jax.random.bernoulli(own, np.float32(kept), (BATCH, width))) / kept


def test_each_network_drops_its_units_anew_for_each_batch() -> None:
    given = program(Method(dropout=True))
    h = scalars(generator_dropout=0.25, discriminator_dropout=0.5)
    assert_follows(Dropped(begun(given)), given, h)


class Decayed(Reference):
    """0.2·factor·Σw² on the kernels of both networks, the factor by step."""

    factors: Any = (1.0,) * 4

    def extra(self, weights: Weights, network: int, number: int, about: Any) -> Any:
        squares = jnp.sum(weights[0] ** 2) + jnp.sum(weights[2] ** 2)
        return 0.2 * self.factors[number] * squares


def decayed(**changed: Any) -> Hyperparameters:
    penalty = NetworkPenalty(l2=np.float32(0.2))
    return scalars(generator_penalty=penalty, discriminator_penalty=penalty, **changed)


# By step, of 4 in all: from 0.5 to 2 between a quarter and three quarters of the training.
FACTORS = {
    "constant": (1.0, 1.0, 1.0, 1.0),
    "linear": (0.5, 0.5, 1.25, 2.0),
    "cosine": (0.5, 0.5, 1.25, 2.0),
    "step": (0.5, 2.0, 2.0, 2.0),
}


@pytest.mark.parametrize("name", STRENGTH_SCHEDULES)
def test_a_schedule_scales_the_penalty_of_both_networks_by_its_factor(name: str) -> None:
    given = program(Method(schedule=name))
    reference = Decayed(begun(given))
    reference.factors = FACTORS[name]
    h = decayed(schedule_start=0.5, schedule_end=2, schedule_begin=0.25, schedule_finish=0.75)
    _, factors = assert_follows(reference, given, h, steps=4)
    np.testing.assert_allclose(factors, FACTORS[name], rtol=1e-6)


@pytest.mark.parametrize("coupling", ["decoupled", "proximal"])
def test_other_couplings_follow_the_schedule_of_the_learning_rate(coupling: str) -> None:
    """At the rate's factor of 0, in the first step of a warm-up, no weight moves."""
    schedule = LearningRateSchedule("constant", warmup=0.5)
    given = program(Method(coupling=coupling), learning_rate_schedule=schedule)
    start = state = begun(given)
    state, _ = one_step(given, 0, state, decayed(), DATA, KEY)
    for now, before in [
        (state.networks["generator"].params, start.networks["generator"].params),
        (state.networks["discriminator"].params, start.networks["discriminator"].params),
    ]:
        jax.tree.map(np.testing.assert_array_equal, now, before)
    after, _ = one_step(given, 0, state, decayed(), DATA, KEY)
    plain, _ = one_step(given, 0, state, scalars(), DATA, KEY)
    shrunk, free = (weights_of(each.networks["discriminator"].params)[0] for each in (after, plain))
    rate = RATES[1] / 2
    before = weights_of(state.networks["discriminator"].params)[0]
    expected = free - rate * 0.4 * before if coupling == "decoupled" else free / (1 + rate * 0.4)
    np.testing.assert_allclose(shrunk, expected, rtol=1e-5, atol=1e-6)


def signal(state: MemberState, number: int, name: str, kind: type[Reference] = Reference) -> float:
    """How much the discriminator overfits before its update (arXiv:2006.06676, eq. 1).

    All three batches are seen as D sees images.
    """
    reference = kind(state)
    step_key = jax.random.fold_in(jax.random.fold_in(KEY, 1), number)
    key = jax.random.split(step_key, 2)[0]
    keys = jax.random.split(key, 8)
    latent = reference.latent(keys[1])
    draw_key, augment_key, _ = jax.random.split(keys[7], 3)
    validation = reference.real(draw_key, among=VALIDATION)
    with jax.enable_x64(True):
        fake = reference.make(reference.generator, latent)
        seen = (
            reference.seen(keys[3], reference.real(keys[0]), 0),
            reference.seen(keys[3], fake, 1),
            reference.seen(augment_key, validation, 0),
        )
        on_real, on_fake, on_validation = (
            np.asarray(reference.judge(reference.discriminator, images)) for images in seen
        )
    if name == "real_sign":
        return float(np.mean(np.sign(on_real)))
    gap = on_real.mean() - on_fake.mean()
    return float((on_real.mean() - on_validation.mean()) / gap)


@pytest.mark.parametrize("name", ["real_sign", "held_out"])
def test_an_adaptive_strength_moves_by_its_speed_towards_its_target(name: str) -> None:
    given = program(Method(schedule="adaptive", signal=name))
    start = begun(given)
    measured = signal(start, 0, name)
    for target, sign in [(measured + 0.01, -1), (measured - 0.01, 1)]:
        h = decayed(adaptive_target=target, adaptive_speed=0.3)
        state, first = one_step(given, 0, start, h, DATA, KEY)
        assert first.strength_factor == 1
        assert state.log_factor == pytest.approx(0.3 * sign, rel=1e-6)
        moved = np.sign(signal(state, 1, name) - target)
        after, second = one_step(given, 0, state, h, DATA, KEY)
        assert second.strength_factor == pytest.approx(np.exp(0.3 * sign), rel=1e-6)
        assert after.log_factor == pytest.approx(0.3 * (sign + moved), rel=1e-6, abs=1e-6)


def test_the_signal_is_of_images_as_the_discriminator_sees_them() -> None:
    """Validation images too: else what the augmentation hides would look learnt by heart."""
    given = program(Method(schedule="adaptive", signal="held_out", augmentation=("brightness",)))
    start = begun(given)
    measured = signal(start, 0, "held_out", Brightened)
    for target, sign in [(measured + 1e-3, -1), (measured - 1e-3, 1)]:
        h = decayed(adaptive_target=target, adaptive_speed=0.3, augment_strength=0.6)
        state, _ = one_step(given, 0, start, h, DATA, KEY)
        assert state.log_factor == pytest.approx(0.3 * sign, rel=1e-6)


def test_an_adaptive_strength_scales_the_penalty() -> None:
    given = program(Method(schedule="adaptive"))
    reference = Decayed(begun(given))
    # No signal is above 2: the strength falls in each step.
    reference.factors = np.exp([0.0, -0.5, -1.0])
    h = decayed(adaptive_target=2, adaptive_speed=0.5)
    _, factors = assert_follows(reference, given, h, steps=3)
    np.testing.assert_allclose(factors, reference.factors, rtol=1e-6)


def test_an_adaptive_strength_is_asked_in_every_turn_of_the_discriminator() -> None:
    given = program(
        Method(schedule="adaptive"), architecture=changed_gan(NETWORKS, discriminator_steps=3)
    )
    h = decayed(adaptive_target=2, adaptive_speed=0.5)
    state, losses = one_step(given, 0, begun(given), h, DATA, KEY)
    assert state.log_factor == -1.5
    assert losses.strength_factor == 1


def poisoned(*allowed: np.ndarray) -> Data:
    images = np.full_like(IMAGES, np.nan)
    for indices in allowed:
        images[indices] = IMAGES[indices]
    return DATA._replace(images=images)


def test_validation_images_move_the_strength_and_nothing_else() -> None:
    given = program(Method(schedule="adaptive", signal="held_out"))
    h = decayed(adaptive_target=0.1, adaptive_speed=0.3)
    clean, _ = one_step(given, 0, begun(given), h, poisoned(TRAIN, VALIDATION), KEY)
    whole, _ = one_step(given, 0, begun(given), h, DATA, KEY)
    jax.tree.map(np.testing.assert_array_equal, clean, whole)
    broken, _ = one_step(given, 0, begun(given), h, poisoned(TRAIN), KEY)
    assert clean.log_factor != 0
    assert broken.log_factor == 0
    jax.tree.map(np.testing.assert_array_equal, broken._replace(log_factor=clean.log_factor), clean)


def test_the_training_rates_follow_their_schedule() -> None:
    """Half-way down a line from 1 to 0 both players' steps are half as long."""
    given = program(learning_rate_schedule=LearningRateSchedule("linear"))
    start = begun(given)._replace(step=np.int32(2))
    halved, _ = one_step(given, 0, start, scalars(), DATA, KEY)
    whole, _ = one_step(program(), 0, start, scalars(), DATA, KEY)
    before, half, full = (
        weights_of(state.networks["discriminator"].params) for state in (start, halved, whole)
    )
    for w, one, other in zip(before, half, full, strict=True):
        np.testing.assert_allclose(one - w, (other - w) / 2, atol=1e-6)
    slow = scalars(generator_learning_rate=RATES[0] / 2, discriminator_learning_rate=RATES[1] / 2)
    direct, _ = one_step(program(), 0, start, slow, DATA, KEY)
    jax.tree.map(np.testing.assert_array_equal, halved, direct)


def normalised(name: str, **changed: Any) -> Program:
    gan = make_gan(
        SHAPE,
        latent=4,
        generator_hidden=(7,),
        discriminator_hidden=(6,),
        generator_normalisation=name,
        discriminator_normalisation=name,
    )
    return program(architecture=changed_gan(gan, **changed))


RESTING = scalars(generator_learning_rate=0, discriminator_learning_rate=0)


def moving(before: np.ndarray, found: np.ndarray) -> np.ndarray:
    return 0.9 * before + 0.1 * found


def test_batch_statistics_are_averaged_over_the_own_turns_of_each_network() -> None:
    """D's over real and fake batches of its turns, not of the generator's, and G's the reverse."""
    given = normalised("batch", discriminator_steps=2)
    start = begun(given)
    state, _ = one_step(given, 0, start, RESTING, DATA, KEY)
    g, d = (
        [np.float64(net.params["network"]["layers"][index]["kernel"]) for index in (0, 1)]
        for net in (start.networks["generator"], start.networks["discriminator"])
    )
    bias = np.float64(start.networks["generator"].params["network"]["layers"][1]["bias"])
    keys = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), 0), 3)
    source = Reference.__new__(Reference)
    mean, variance = np.zeros(6), np.ones(6)
    for turn in (0, 1):
        draws = jax.random.split(keys[turn], 6)
        hidden = source.latent(draws[1]) @ g[0]
        hidden = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)
        fake = np.tanh(np.where(hidden > 0, hidden, 0.2 * hidden) @ g[1] + bias)
        for batch in (source.real(draws[0]).reshape(BATCH, -1), fake):
            mean = moving(mean, (batch @ d[0]).mean(0))
            variance = moving(variance, (batch @ d[0]).var(0))
    found = state.networks["discriminator"].stats["network"]["norms"][0]
    np.testing.assert_allclose(found["mean"], mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["var"], variance, rtol=1e-4)
    hidden = source.latent(jax.random.split(keys[2], 4)[0]) @ g[0]
    found = state.networks["generator"].stats["network"]["norms"][0]
    np.testing.assert_allclose(found["mean"], 0.1 * hidden.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * hidden.var(0), rtol=1e-4)


def test_spectral_normalisation_iterates_once_for_each_batch_of_the_own_turns() -> None:
    given = normalised("spectral")
    start = begun(given)
    state, _ = one_step(given, 0, start, RESTING, DATA, KEY)
    for name, iterations in [("generator", 1), ("discriminator", 2)]:
        before, after = start.networks[name], state.networks[name]
        jax.tree.map(np.testing.assert_array_equal, before.params, after.params)
        for index in (0, 1):
            layer = before.params["network"]["layers"][index]["layer_instance"]
            kernel = np.float64(layer["kernel"])
            stats = (
                each.stats["network"]["layers"][index]["batch_stats"] for each in (before, after)
            )
            u, found = (np.float64(each[("kernel", "u")]) for each in stats)
            for _ in range(iterations):
                u = u @ kernel.T @ kernel
                u = u / np.linalg.norm(u)
            np.testing.assert_allclose(found, u, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["batch", "spectral"])
def test_the_average_of_a_network_has_the_average_of_its_statistics(name: str) -> None:
    """Weights and statistics alike, over two steps; and it samples with them."""
    given = replace(normalised(name), ema=True)
    state, h = begun(given), scalars(ema_decay=0.75)
    for _ in range(2):
        before, average = state.networks["generator"], state.averages["generator"]
        state, _ = one_step(given, 0, state, h, DATA, KEY)
        wanted = jax.tree.map(
            lambda old, new: 0.75 * np.float64(old) + 0.25 * np.float64(new),
            average,
            state.networks["generator"],
        )
        found = state.averages["generator"]
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), found, wanted)
        for new, old in zip(*map(jax.tree.leaves, (found.stats, before.stats)), strict=True):
            assert not np.array_equal(new, old)
    latent = jax.random.normal(jax.random.fold_in(KEY, 2), (2, 4), np.float32)
    images, _ = networks(given.architecture).apply["generator"](found, latent)
    np.testing.assert_array_equal(sample(given, state, h, DATA, KEY, 2), images)


OFF: dict[str, tuple[Method, Hyperparameters]] = {
    "label smoothing": (Method(), scalars(label_smoothing=0)),
    "augmentation": (
        Method(augmentation=("translation", "cutout", "brightness")),
        scalars(augment_strength=0),
    ),
    "dropout": (Method(dropout=True), scalars(generator_dropout=0, discriminator_dropout=0)),
    "gradient penalty": (
        Method(gradient_penalty=GRADIENT_PENALTIES["wgan_gp"]),
        scalars(gradient_penalty_strength=0),
    ),
    "schedule": (Method(schedule="linear"), scalars()),
    "adaptive": (Method(schedule="adaptive"), scalars()),
}


@pytest.mark.parametrize("name", OFF)
def test_a_regulariser_of_strength_0_leaves_the_step_as_it_is(name: str) -> None:
    method, h = OFF[name]
    found, plain = (
        one_step(given, 0, begun(given), h, DATA, KEY)[0] for given in (program(method), program())
    )
    for name in NAMES:
        params = (each.networks[name].params for each in (found, plain))
        jax.tree.map(np.testing.assert_array_equal, *params)


def test_units_that_are_not_in_use_stay_0_under_every_part_of_a_step() -> None:
    method = Method(
        gradient_penalty=GRADIENT_PENALTIES["r1"], dropout=True, augmentation=("cutout",)
    )
    given = program(method, masked=True)
    h = decayed(
        gradient_penalty_strength=0.3,
        generator_dropout=0.2,
        discriminator_dropout=0.2,
        augment_strength=0.5,
        generator_units=5,
        discriminator_units=4,
    )
    state = init_member(given, h, KEY)
    for _ in range(3):
        state, _ = one_step(given, 0, state, h, DATA, KEY)
    for params, units in [
        (state.networks["generator"].params, 5),
        (state.networks["discriminator"].params, 4),
    ]:
        first, bias, last, _ = weights_of(params)
        for unused in (first[:, units:], bias[units:], last[units:]):
            assert not unused.any()
        for used in (first[:, :units], bias[:units], last[:units]):
            assert used.all()


def test_no_two_draws_of_a_step_share_a_key(monkeypatch) -> None:
    drawn: list[bytes] = []
    divided: list[bytes] = []

    def watch(name: str, used: list[bytes]) -> None:
        function = getattr(jax.random, name)

        def record(key: jax.Array, *arguments: Any, **options: Any) -> Any:
            used.append(np.asarray(jax.random.key_data(key)).tobytes())
            return function(key, *arguments, **options)

        monkeypatch.setattr(jax.random, name, record)

    method = Method(
        schedule="adaptive",
        signal="held_out",
        gradient_penalty=GRADIENT_PENALTIES["dragan"],
        augmentation=("brightness", "translation", "cutout"),
        dropout=True,
    )
    given = program(method, architecture=changed_gan(NETWORKS, discriminator_steps=2))
    h = scalars(generator_dropout=0.25, discriminator_dropout=0.5, augment_strength=0.5)
    state = init(given, h, KEY)
    # The modules' graphs are drawn once, when they are first called.
    jax.eval_shape(
        lambda *traced: train_step(given, 0, traced[0], h, *traced[1:]), state, DATA, KEY
    )
    for name in ("uniform", "normal", "randint", "bernoulli"):
        watch(name, drawn)
    for name in ("split", "fold_in"):
        watch(name, divided)
    with jax.disable_jit():
        for _ in range(2):
            state, _ = train_step(given, 0, state, h, DATA, KEY)
    # In each turn of D: batches and latents, 3 + 3 + 3 augmentations, and so on.
    assert len(drawn) > 2 * 2 * 14
    # The slope goes through the augmentation, by three draws, that D sees the real images by.
    again = [key for key, times in Counter(drawn).items() if times > 1]
    assert len(again) == len(drawn) - len(set(drawn)) == 2 * 2 * 3
    # The keys made from a key are the numbers that it would draw.
    assert not set(drawn) & set(divided)
