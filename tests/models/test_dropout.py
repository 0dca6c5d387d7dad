"""Dropout: what it does to numbers, and when it acts inside a network."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from normsweep.models.layers.dropout import dropout
from normsweep.models.layers.mode import Mode
from normsweep.models.networks.contract import Variables
from tests.gans import make_gan, pair_of

WIDTH = 16
# Ones through identity kernels: an image is the product of its dropout masks.
GAN_OF_ONES = make_gan(
    (4, 4, 1),
    latent=WIDTH,
    generator_hidden=(WIDTH, WIDTH),
    generator_activation="relu",
    generator_output="linear",
    discriminator_hidden=(WIDTH,),
)
ONES = np.ones((500, WIDTH), np.float32)


def key(seed: int = 0) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def identity_generator() -> Variables:
    generator, _ = jax.jit(pair_of(GAN_OF_ONES).init)(key())

    def value(leaf: Any) -> np.ndarray:
        return np.eye(*leaf.shape, dtype=np.float32) if leaf.ndim == 2 else np.zeros_like(leaf)

    return Variables(jax.tree.map(value, generator.params), {})


@jax.jit
def drop(x: jax.Array, rate: jax.Array, seed: jax.Array) -> jax.Array:
    return dropout(x, rate, jax.random.fold_in(key(), seed))


X = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)


@given(st.floats(0, 0.96875, width=32), st.integers(0, 2**31 - 1))
def test_each_number_is_dropped_or_divided_by_what_survives(rate: float, seed: int) -> None:
    dropped = np.asarray(drop(X, np.float32(rate), seed))
    survivors = dropped != 0
    kept = 1 - np.float64(np.float32(rate))
    np.testing.assert_allclose(dropped[survivors], X[survivors] / kept, rtol=1e-5)
    assert stats.binomtest(int((~survivors).sum()), X.size, 1 - kept).pvalue > 1e-6


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate: float) -> None:
    """The mean of n numbers x·b/(1 − rate) has a variance of x²·rate/((1 − rate)·n)."""
    numbers = np.full((400, 500), 3, np.float32)
    mean = np.asarray(drop(numbers, np.float32(rate), 1), np.float64).mean()
    assert mean == pytest.approx(3, abs=4 * 3 * np.sqrt(rate / (1 - rate) / numbers.size))


def test_dropout_at_rate_0_is_the_identity_to_the_bit() -> None:
    np.testing.assert_array_equal(drop(X, np.float32(0), 5).view(np.uint32), X.view(np.uint32))


def test_the_key_decides_which_numbers_are_dropped() -> None:
    half = np.float32(0.5)
    np.testing.assert_array_equal(drop(X, half, 1), drop(X, half, 1))
    assert not np.array_equal(drop(X, half, 1), drop(X, half, 2))


def test_gradients_pass_through_survivors_alone() -> None:
    gradient = jax.grad(lambda x: drop(x, np.float32(0.75), 3).sum())(X)
    np.testing.assert_array_equal(gradient, np.where(drop(X, np.float32(0.75), 3) != 0, 4, 0))


def test_dropout_maps_over_rates() -> None:
    rates = np.array([0, 0.5], np.float32)
    mapped = jax.vmap(lambda rate: dropout(X, rate, key()))(rates)  # type: ignore[arg-type]
    for rate, dropped in zip(rates, mapped, strict=True):
        np.testing.assert_array_equal(dropped, dropout(X, rate, key()))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float32])
def test_dropout_keeps_the_type_and_nan(dtype: Any) -> None:
    x = jnp.full((64,), np.nan, dtype)
    dropped = dropout(x, 0.5, key())
    assert dropped.dtype == dtype
    assert 0 < jnp.isnan(dropped).sum() < 64


def test_dropout_of_nothing_is_nothing() -> None:
    assert dropout(jnp.zeros((0, 3)), 0.5, key()).shape == (0, 3)


def test_hidden_layers_draw_independent_masks() -> None:
    """Two masks in a row let (1 − rate)² through; one mask used twice would let 1 − rate."""
    apply = pair_of(GAN_OF_ONES).generator
    images, _ = jax.jit(
        lambda variables, rate: apply(variables, ONES, Mode(True, dropout=rate, key=key()))
    )(identity_generator(), np.float32(0.4))
    survivors = np.asarray(images) != 0
    assert stats.binomtest(int(survivors.sum()), survivors.size, 0.6**2).pvalue > 1e-6
    np.testing.assert_allclose(images[survivors], 1 / 0.6**2, rtol=1e-6)


def test_evaluation_ignores_dropout() -> None:
    apply, generator = pair_of(GAN_OF_ONES).generator, identity_generator()
    images, _ = apply(generator, ONES, Mode(False, dropout=np.float32(0.5), key=key()))
    np.testing.assert_array_equal(images.reshape(ONES.shape), ONES)


def test_training_at_rate_0_is_training_without_dropout() -> None:
    """To the bit operation by operation; compiled as a whole, products may round otherwise."""
    pair = pair_of(GAN_OF_ONES)
    _, discriminator = jax.jit(pair.init)(key())
    images = np.random.default_rng(1).normal(size=(9, 4, 4, 1)).astype(np.float32)

    def logits(rate: np.float32 | None) -> jax.Array:
        mode = Mode(True, dropout=rate, key=key())
        return pair.discriminator(discriminator, images, mode)[0]

    np.testing.assert_array_equal(logits(np.float32(0)), logits(None))
    compiled = jax.jit(logits)(np.float32(0))
    np.testing.assert_allclose(compiled, logits(None), rtol=1e-5, atol=1e-6)
    assert not np.array_equal(logits(np.float32(0.5)), logits(None))


def test_dropout_in_training_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="dropout in training needs a key, got None"):
        pair_of(GAN_OF_ONES).generator(identity_generator(), ONES, Mode(True, dropout=0.5))
