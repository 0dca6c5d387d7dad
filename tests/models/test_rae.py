"""The regularised autoencoder: its loss and its decoder's slope against NumPy, and its samples."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from normsweep.models import (
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
from normsweep.models.families.rae import RAE
from normsweep.models.training import measured
from tests.haste import IN_HASTE

SHAPE, LATENT, RATE = (3, 2, 1), 2, 0.01
IMAGES = np.random.default_rng(0).uniform(-1, 1, (30, *SHAPE)).astype(np.float32)
DATA = Data(IMAGES, np.arange(20, dtype=np.int32), np.arange(20, 30, dtype=np.int32))
KEY = member_key(np.uint32(3), np.int32(1))

begin = jax.jit(init, static_argnums=0, compiler_options=IN_HASTE)
step = jax.jit(train_step, static_argnums=(0, 1), compiler_options=IN_HASTE)


def program(law: str = "gaussian", batch: int = 8) -> Program:
    networks = (("encoder", MLP(())), ("decoder", MLP(())))
    architecture = Architecture(RAE(LATENT, law), SHAPE, networks)
    return Program(architecture, batch=batch, steps=4, chunk_steps=2, samples=2, optimizer="sgd")


def numbers(**coefficients: float) -> Hyperparameters:
    rates = {"autoencoder": RATE}
    return hyperparameters(RAE(), learning_rates=rates, coefficients=coefficients)


def stepped(batch: int = 8, **coefficients: float) -> tuple[MemberState, MemberState, float]:
    h = numbers(**coefficients)
    state = begin(program(batch=batch), h, KEY)
    after, losses = step(program(batch=batch), 0, state, h, DATA, KEY)
    return state, after, float(losses.players["autoencoder"])


def layer(state: MemberState, network: str) -> dict[str, np.ndarray]:
    found = state.networks[network].params["network"]["layers"][0]
    return {name: np.asarray(leaf, np.float64) for name, leaf in found.items()}


def mapped(state: MemberState, network: str, x: np.ndarray) -> np.ndarray:
    own = layer(state, network)
    found: np.ndarray = x @ own["kernel"] + own["bias"]
    return found


def test_the_loss_is_of_an_image_its_squared_error_and_half_the_square_of_its_code() -> None:
    before, _, loss = stepped(code_weight=0.5)
    key = jax.random.split(jax.random.fold_in(jax.random.fold_in(KEY, 1), 0), 1)[0]
    rows = np.asarray(jax.random.randint(jax.random.split(key, 4)[0], (8,), 0, 20, np.int32))
    x = IMAGES[rows].reshape(8, 6).astype(np.float64)
    codes = mapped(before, "encoder", x)
    error = ((mapped(before, "decoder", codes) - x) ** 2).sum(axis=1)
    wanted = (error + 0.5 * 0.5 * (codes**2).sum(axis=1)).mean()
    assert loss == pytest.approx(wanted, rel=1e-5)


def test_the_slope_of_the_decoder_is_penalised_without_bias_and_moves_nothing_else() -> None:
    """For a linear decoder the term is weight · ‖W‖², with the gradient 2 · weight · W."""
    weight, batch = 2.0, 20_000
    before, plain, loss = stepped(batch, code_weight=0.0)
    _, after, same = stepped(batch, code_weight=0.0, jacobian_weight=weight)
    assert loss == same
    moved = layer(plain, "decoder")["kernel"] - layer(after, "decoder")["kernel"]
    wanted = RATE * 2 * weight * layer(before, "decoder")["kernel"]
    np.testing.assert_allclose(moved, wanted, atol=0.04 * np.abs(wanted).max())
    for name in ("kernel", "bias"):
        now, then = layer(after, "encoder")[name], layer(plain, "encoder")[name]
        np.testing.assert_array_equal(now, then)


def test_without_a_weight_the_slope_adds_exactly_nothing() -> None:
    _, plain, _ = stepped()
    _, after, _ = stepped(jacobian_weight=0.0)
    for name in ("encoder", "decoder"):
        np.testing.assert_array_equal(layer(plain, name)["kernel"], layer(after, name)["kernel"])


def test_samples_are_decoded_from_the_law_of_the_training_images_codes() -> None:
    h, made = numbers(), program()
    state = begin(made, h, KEY)
    draw = jax.jit(partial(sample, made), static_argnums=4, compiler_options=IN_HASTE)
    images = np.asarray(draw(state, h, DATA, KEY, 40_000)).reshape(-1, 6)
    codes = mapped(state, "encoder", IMAGES[:20].reshape(20, 6).astype(np.float64))
    decoder = layer(state, "decoder")
    mean = mapped(state, "decoder", codes.mean(axis=0))
    covariance = decoder["kernel"].T @ np.cov(codes.T, bias=True) @ decoder["kernel"]
    np.testing.assert_allclose(images.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(images.T), covariance, atol=0.05 * covariance.max())


@pytest.mark.parametrize("law", ["gaussian", "mixture"])
def test_what_was_fitted_samples_as_the_images_that_it_was_fitted_to(law: str) -> None:
    family, h = RAE(LATENT, law), numbers()
    state = begin(program(), h, KEY)

    def apply(network: str, inputs: Any) -> jax.Array:
        return mapped(state, network, np.asarray(inputs).reshape(len(inputs), -1)).astype(
            np.float32
        )

    key = jax.random.key(5)
    fitted = family.fitted(apply, jax.random.split(key)[0], DATA)
    assert {name: leaf.dtype for name, leaf in fitted.items()} == dict.fromkeys(
        ("weights", "means", "factors"), np.float32
    )
    np.testing.assert_array_equal(
        family.sample(apply, key, 6, fitted), family.sample(apply, key, 6, DATA)
    )


def test_the_error_is_of_a_pixel_of_the_images_held_out() -> None:
    h = numbers()
    state = begin(program(), h, KEY)
    unseen = DATA._replace(train=DATA.validation)
    found = measured(program(), state, h, unseen, KEY)
    x = IMAGES[20:].reshape(10, 6).astype(np.float64)
    wanted = np.mean((mapped(state, "decoder", mapped(state, "encoder", x)) - x) ** 2, axis=1)
    error = found["reconstruction_error"]
    assert float(error.value) == pytest.approx(wanted.mean(), rel=1e-5)
    np.testing.assert_allclose(error.each, wanted, rtol=1e-5)
