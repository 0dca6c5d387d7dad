"""The GAN whose generator is a decoder too: its loss, against a GAN's and NumPy."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from normsweep.models import (
    GAN,
    MLP,
    Architecture,
    Data,
    Hyperparameters,
    MemberState,
    Program,
    hyperparameters,
    init,
    member_key,
    sample,
    train_step,
)
from normsweep.models.families.autoencoder import Autoencoder
from normsweep.models.member import Variables
from normsweep.models.method import Method
from normsweep.models.training import measured
from normsweep.objectives.gradient_penalties import GRADIENT_PENALTIES
from tests.haste import IN_HASTE

SHAPE, LATENT, RATE = (3, 2, 1), 2, 0.01
IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
DATA = Data(IMAGES, np.arange(20, dtype=np.int32), np.arange(20, 30, dtype=np.int32))
KEY = member_key(np.uint32(3), np.int32(1))
NAMES = Autoencoder.networks()
FAMILY = Autoencoder(LATENT)
PROGRAM = Program(
    Architecture(FAMILY, SHAPE, tuple((name, MLP(())) for name in NAMES)),
    batch=8,
    steps=4,
    chunk_steps=2,
    samples=2,
    optimizer="sgd",
)

begin = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def numbers(**coefficients: float) -> Hyperparameters:
    rates = dict.fromkeys(FAMILY.players, RATE)
    return hyperparameters(FAMILY, learning_rates=rates, coefficients=coefficients)


def stepped(program: Program = PROGRAM, **coefficients: float) -> tuple[MemberState, ...]:
    h = numbers(**coefficients)
    state = begin(program, h, KEY)
    return state, *step(program, 0, state, h, DATA, KEY)


def mapped(variables: Variables, x: np.ndarray) -> np.ndarray:
    own = variables.params["network"]["layers"][0]
    kernel, bias = np.asarray(own["kernel"], np.float64), np.asarray(own["bias"], np.float64)
    found: np.ndarray = x.reshape(len(x), -1) @ kernel + bias
    return found


def test_there_are_three_networks_and_two_players() -> None:
    assert NAMES == ("encoder", "generator", "discriminator")
    turns = Autoencoder(discriminator_steps=2).turns()
    assert turns == ("discriminator", "discriminator", "autoencoder")


def test_the_loss_is_the_generator_s_with_the_error_and_the_length_of_codes() -> None:
    before, after, losses = stepped(reconstruction_weight=3.0, code_weight=0.5)
    key = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), 0), 2)[1]
    keys = jax.random.split(key, 4)
    rows = np.asarray(jax.random.randint(keys[1], (8,), 0, 20, np.int32))
    x = IMAGES[rows].reshape(8, 6).astype(np.float64)
    codes = mapped(before.networks["encoder"], x)
    error = np.mean((mapped(before.networks["generator"], codes) - x) ** 2)
    # The discriminator has had its turn.
    noise = jax.random.normal(jax.random.split(keys[0], 4)[0], (8, LATENT), np.float32)
    fake = mapped(before.networks["generator"], np.asarray(noise, np.float64))
    logits = mapped(after.networks["discriminator"], fake)
    adversarial = np.mean(np.log1p(np.exp(-logits)))
    wanted = adversarial + 3 * error + 0.5 * 0.5 * (codes**2).sum(axis=1).mean()
    assert float(losses.players["autoencoder"]) == pytest.approx(wanted, rel=1e-5)


def test_the_discriminator_descends_what_a_gan_s_does_with_its_gradient_penalty() -> None:
    methods = (Method(gradient_penalty=GRADIENT_PENALTIES["r1"]),)
    program = replace(PROGRAM, methods=methods)
    h = numbers()._replace(gradient_penalty_strength=np.float32(2))
    state = begin(program, h, KEY)
    key = jax.random.split(KEY, 1)[0]
    both = []
    for family in (FAMILY, GAN(LATENT)):
        networks = tuple((name, MLP(())) for name in family.networks())
        own = replace(program, architecture=Architecture(family, SHAPE, networks))
        rates = dict.fromkeys(family.players, RATE)
        other = hyperparameters(family, learning_rates=rates)
        other = other._replace(gradient_penalty_strength=np.float32(2))
        begun = begin(own, other, KEY)
        begun = begun._replace(networks={n: state.networks[n] for n in family.networks()})
        after, losses = step(own, 0, begun, other, DATA, key)
        kernel = after.networks["discriminator"].params["network"]["layers"][0]["kernel"]
        both.append((float(losses.players["discriminator"]), np.asarray(kernel)))
    assert both[0][0] == pytest.approx(both[1][0], rel=1e-6)
    np.testing.assert_allclose(both[0][1], both[1][1], rtol=1e-5, atol=1e-7)


def test_without_weights_the_encoder_stays_as_it_is() -> None:
    before, after, _ = stepped(reconstruction_weight=0.0, code_weight=0.0)
    for leaf, other in zip(
        jax.tree.leaves(before.networks["encoder"]),
        jax.tree.leaves(after.networks["encoder"]),
        strict=True,
    ):
        np.testing.assert_array_equal(leaf, other)


def test_samples_are_of_noise_and_the_error_of_images_held_out() -> None:
    h = numbers()
    state = begin(PROGRAM, h, KEY)
    images = np.asarray(sample(PROGRAM, state, h, DATA, KEY, 5)).reshape(5, 6)
    noise = np.asarray(jax.random.normal(jax.random.fold_in(KEY, 2), (5, LATENT)), np.float64)
    wanted = mapped(state.networks["generator"], noise)
    np.testing.assert_allclose(images, wanted, rtol=1e-4, atol=1e-5)
    found = measured(PROGRAM, state, h, DATA._replace(train=DATA.validation), KEY)
    x = IMAGES[20:].reshape(10, 6).astype(np.float64)
    decoded = mapped(state.networks["generator"], mapped(state.networks["encoder"], x))
    error, wanted = found["reconstruction_error"], np.mean((decoded - x) ** 2, axis=1)
    assert float(error.value) == pytest.approx(wanted.mean(), rel=1e-5)
    np.testing.assert_allclose(error.each, wanted, rtol=1e-5)
