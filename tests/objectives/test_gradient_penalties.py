"""Gradient penalties against closed forms, and against finite differences in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normsweep.objectives.gradient_penalties import (
    GRADIENT_PENALTIES,
    gradient_penalty,
    gradient_penalty_value,
    squared_norms,
)

SHAPE = (6, 2, 3, 1)
PIXELS = 6
every_penalty = pytest.mark.parametrize("name", sorted(GRADIENT_PENALTIES))

TERMS = {
    "wgan_gp": lambda norm: (norm - 1) ** 2,
    "r1": lambda norm: norm**2 / 2,
    "r2": lambda norm: norm**2 / 2,
    "dragan": lambda norm: (norm - 1) ** 2,
    "zero_centred": lambda norm: norm**2,
}
"""The papers' formulas in terms of the norm of the gradient."""


def batches(seed=0, n=SHAPE[0]):
    rng = np.random.default_rng(seed)
    real, fake = rng.uniform(-1, 1, size=(2, n, *SHAPE[1:]))
    return jnp.float32(real), jnp.float32(fake)


def linear_critic(direction):
    return lambda images: images.reshape(images.shape[0], -1) @ direction


def value(name, critic, real, fake, seed=0):
    return gradient_penalty_value(gradient_penalty(name), critic, real, fake, jax.random.key(seed))


@every_penalty
@pytest.mark.parametrize("length", [1e-15, 1e-3, 0.5, 1.0, 7.0, 1e15])
def test_a_linear_critic_is_judged_by_the_length_of_its_direction(name, length):
    direction = np.random.default_rng(1).normal(size=PIXELS)
    direction *= length / np.linalg.norm(direction)
    result = jax.jit(lambda a: value(name, linear_critic(a), *batches()))(jnp.float32(direction))
    assert result.shape == () and result.dtype == jnp.float32
    # At a norm of 1 the distance to 1 is all rounding.
    np.testing.assert_allclose(result, TERMS[name](length), rtol=1e-5, atol=1e-12)


@every_penalty
def test_a_quadratic_critic_is_judged_by_the_lengths_of_its_gradients_at_the_points(name):
    real, fake = batches()
    root = np.random.default_rng(2).normal(size=(PIXELS, PIXELS))
    matrix = root + root.T
    key = jax.random.key(3)

    def critic(images):
        x = images.reshape(images.shape[0], -1)
        return jnp.sum(x * (x @ jnp.float32(matrix)), axis=1) / 2

    points = np.asarray(gradient_penalty(name).points(key, real, fake), np.float64)
    norms = np.linalg.norm(points.reshape(len(points), -1) @ matrix, axis=1)
    result = gradient_penalty_value(gradient_penalty(name), critic, real, fake, key)
    np.testing.assert_allclose(result, TERMS[name](norms).mean(), rtol=1e-5)


def weights(seed=4, hidden=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(PIXELS, hidden)), rng.normal(size=hidden), rng.normal(size=hidden)


def mlp_critic(params):
    first, bias, last = params

    def critic(images):
        x = images.reshape(images.shape[0], -1)
        return jnp.tanh(x @ first + jnp.expand_dims(bias, 0)) @ last

    return critic


def mlp_norms(params, points):
    """‖∇D‖ in float64, by central differences over the pixels."""
    first, bias, last = params
    x = np.asarray(points, np.float64).reshape(len(points), -1)
    step = 1e-6 * np.eye(PIXELS)

    def logits(x):
        return np.tanh(x @ first + bias) @ last

    slopes = [(logits(x + e) - logits(x - e)) / 2e-6 for e in step]
    return np.linalg.norm(slopes, axis=0)


@every_penalty
def test_the_gradient_norms_of_a_network_are_those_of_finite_differences(name):
    params, (real, fake), key = weights(), batches(), jax.random.key(5)
    points = gradient_penalty(name).points(key, real, fake)
    critic = mlp_critic(jax.tree.map(jnp.float32, params))
    np.testing.assert_allclose(
        squared_norms(critic, points), mlp_norms(params, points) ** 2, rtol=2e-5
    )
    result = gradient_penalty_value(gradient_penalty(name), critic, real, fake, key)
    np.testing.assert_allclose(result, TERMS[name](mlp_norms(params, points)).mean(), rtol=2e-5)


@every_penalty
def test_the_slope_in_the_critics_weights_is_that_of_finite_differences(name):
    params, (real, fake), key = weights(), batches(), jax.random.key(6)
    points = gradient_penalty(name).points(key, real, fake)

    def penalty(params):
        critic = mlp_critic(params)
        return gradient_penalty_value(gradient_penalty(name), critic, real, fake, key)

    slopes = jax.jit(jax.grad(penalty))(jax.tree.map(jnp.float32, params))
    direction = weights(seed=7)

    def moved(size):
        shifted = [p + size * d for p, d in zip(params, direction, strict=True)]
        return TERMS[name](mlp_norms(shifted, points)).mean()

    expected = (moved(1e-4) - moved(-1e-4)) / 2e-4
    along = sum(np.vdot(s, d) for s, d in zip(slopes, direction, strict=True))
    np.testing.assert_allclose(along, expected, rtol=1e-4)


@every_penalty
def test_a_flat_critic_has_a_finite_penalty_with_no_slope(name):
    def penalty(direction):
        return value(name, linear_critic(direction), *batches())

    result, slope = jax.value_and_grad(penalty)(jnp.zeros(PIXELS, np.float32))
    assert result == TERMS[name](0.0)
    np.testing.assert_array_equal(slope, np.zeros(PIXELS))


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_the_order_of_a_batch_does_not_matter(name):
    critic = mlp_critic(jax.tree.map(jnp.float32, weights()))
    real, fake = batches()
    order = np.random.default_rng(8).permutation(SHAPE[0])
    np.testing.assert_allclose(
        value(name, critic, real[order], fake[order]), value(name, critic, real, fake), rtol=1e-6
    )


@every_penalty
def test_changing_one_image_moves_no_other_images_point(name):
    real, fake = batches()
    key = jax.random.key(9)
    points = gradient_penalty(name).points
    before = np.asarray(points(key, real, fake))
    after = np.asarray(points(key, real.at[0].set(-real[0]), fake.at[0].set(0.5)))
    if name == "dragan":
        # Its noise has the scale of the whole batch, which mirroring one image may change.
        scale = np.std(np.asarray(real.at[0].set(-real[0]))) / np.std(np.asarray(real))
        expected = np.asarray(real)[1:] + scale * (before - np.asarray(real))[1:]
        np.testing.assert_allclose(after[1:], expected, atol=1e-6)
    else:
        np.testing.assert_array_equal(after[1:], before[1:])


@pytest.mark.parametrize("name", ["wgan_gp", "zero_centred"])
@given(seed=st.integers(0, 2**31 - 1), n=st.sampled_from([1, 2, 5]))
def test_the_points_lie_on_the_segments_from_fake_to_real(name, seed, n):
    real, fake = batches(seed, n)
    points = gradient_penalty(name).points(jax.random.key(seed), real, fake)
    real, fake, points = (np.asarray(x, np.float64).reshape(n, -1) for x in (real, fake, points))
    whole, part = real - fake, points - fake
    share = (part * whole).sum(1) / (whole**2).sum(1)
    assert ((share >= -1e-6) & (share <= 1 + 1e-6)).all()
    np.testing.assert_allclose(part, share[:, None] * whole, atol=1e-6)
    assert len(np.unique(share)) == n


def test_the_shares_are_uniform():
    real, fake = np.ones((4000, 1), np.float32), np.zeros((4000, 1), np.float32)
    shares = np.sort(gradient_penalty("wgan_gp").points(jax.random.key(0), real, fake)[:, 0])
    # Kolmogorov's distance at the level of one in a thousand.
    assert np.abs(shares - np.arange(4000) / 4000).max() < 1.95 / np.sqrt(4000)


@given(seed=st.integers(0, 2**31 - 1), n=st.sampled_from([1, 2, 5]))
def test_points_around_real_images_are_brighter_by_less_than_half_a_deviation(seed, n):
    real, fake = batches(seed, n)
    points = gradient_penalty("dragan").points(jax.random.key(seed), real, fake)
    offset = np.asarray(points, np.float64) - np.asarray(real, np.float64)
    assert offset.min() > -1e-6
    assert offset.max() < 0.5 * np.std(np.asarray(real, np.float64)) + 1e-6


def test_noise_around_real_images_has_its_mean_over_pixels_and_images():
    real = np.random.default_rng(0).normal(size=(4000, 8)).astype(np.float32)
    points = gradient_penalty("dragan").points(jax.random.key(0), real, real)
    # E[α·½·std·u] = std/8; E[u²α²] = 1/9 bounds the error of the mean.
    assert np.mean(points - real) == pytest.approx(np.std(real) / 8, rel=0.03)


def test_real_and_generated_images_are_points_as_they_are():
    real, fake = batches()
    key = jax.random.key(0)
    np.testing.assert_array_equal(gradient_penalty("r1").points(key, real, fake), real)
    np.testing.assert_array_equal(gradient_penalty("r2").points(key, real, fake), fake)


@every_penalty
def test_mapping_over_members_gives_the_penalty_of_each(name):
    real, fake = batches()
    directions = jnp.float32(np.random.default_rng(11).normal(size=(3, PIXELS)))
    mapped = jax.jit(jax.vmap(lambda a: value(name, linear_critic(a), real, fake)))(directions)
    norms = np.linalg.norm(np.asarray(directions, np.float64), axis=1)
    np.testing.assert_allclose(mapped, TERMS[name](norms), rtol=1e-5)


@every_penalty
def test_a_weight_that_is_not_a_number_shows_in_the_penalty(name):
    critic = linear_critic(jnp.full(PIXELS, np.nan, np.float32))
    assert np.isnan(value(name, critic, *batches()))


@every_penalty
def test_half_precision_is_kept(name):
    real, fake = (batch.astype(jnp.bfloat16) for batch in batches())
    assert value(name, linear_critic(jnp.ones(PIXELS, jnp.bfloat16)), real, fake).dtype == (
        jnp.bfloat16
    )


def test_an_unknown_gradient_penalty_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'r3'; accepted: wgan_gp, r1, r2, dragan, zero_centred"):
        gradient_penalty("r3")
