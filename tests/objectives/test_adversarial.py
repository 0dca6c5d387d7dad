"""Adversarial losses against their definition by probabilities, in NumPy and float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit

from normsweep.objectives.adversarial import ADVERSARIAL_LOSSES, adversarial_loss

from .trees import few_lists

LABELLED = sorted(name for name, loss in ADVERSARIAL_LOSSES.items() if loss.labels)
every_loss = pytest.mark.parametrize("name", sorted(ADVERSARIAL_LOSSES))
every_labelled_loss = pytest.mark.parametrize("name", LABELLED)
logit_lists = few_lists(st.floats(-30, 30, width=32))

# Real and generated logits of TF-GAN's `losses_impl_test`, and what it expects to five decimals:
# the generator's loss, then the discriminator's. Its cross-entropy has a label smoothing of 0.25
# on both sides of ½, which leaves the real label at 1 − 0.125; its minimax generator's loss
# carries the constant of a real logit of 1.
TF_GAN_REAL = (-5.0, 1.4, 12.5, 2.7)
TF_GAN_FAKE = (10.0, 4.4, -5.5, 3.6)
TF_GAN_VALUES = {
    "non_saturating": (1.38582, 6.19637),
    "minimax": (-4.82408 - log_expit(1.0), 6.19637),
    "least_squares": (17.69625, 41.73375),
    "wasserstein": (-3.125, 0.225),
    "hinge": (-3.125, 6.75),
}


def reference(name, real, fake, smoothing=0.0):
    """Both losses in float64, from the papers' formulas in terms of probabilities."""
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    label = 1 - smoothing
    # log(1 - D) = log D of the opposite logit.
    cross_entropy = -(label * log_expit(real) + smoothing * log_expit(-real)).mean()
    cross_entropy -= log_expit(-fake).mean()
    return {
        "non_saturating": (-log_expit(fake).mean(), cross_entropy),
        "minimax": (log_expit(-fake).mean(), cross_entropy),
        "least_squares": (
            0.5 * ((fake - 1) ** 2).mean(),
            0.5 * ((real - label) ** 2).mean() + 0.5 * (fake**2).mean(),
        ),
        "wasserstein": (-fake.mean(), fake.mean() - real.mean()),
        "hinge": (
            -fake.mean(),
            np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        ),
    }[name]


@every_loss
def test_losses_reach_the_published_numbers_of_tf_gan(name):
    loss = adversarial_loss(name)
    real, fake = jnp.float32(TF_GAN_REAL), jnp.float32(TF_GAN_FAKE)
    generator, discriminator = TF_GAN_VALUES[name]
    np.testing.assert_allclose(loss.generator(fake), generator, atol=6e-6)
    arguments = (real, fake, 0.125) if name in ("minimax", "non_saturating") else (real, fake)
    np.testing.assert_allclose(loss.discriminator(*arguments), discriminator, atol=6e-6)


def test_wasserstein_losses_are_differences_of_means():
    loss = adversarial_loss("wasserstein")
    real, fake = jnp.float32([1.3, 2.9, 8.4, 6.3]), jnp.float32([4.8, 1.2, -3.5, 5.9])
    assert loss.generator(fake) == pytest.approx(-2.1)
    assert loss.discriminator(real, fake) == pytest.approx(-2.625)


@every_loss
@given(real=logit_lists, fake=logit_lists)
def test_losses_are_those_of_the_definition_in_float64(name, real, fake):
    loss = adversarial_loss(name)
    generator, discriminator = reference(name, real, fake)
    real, fake = jnp.float32(real), jnp.float32(fake)
    np.testing.assert_allclose(loss.generator(fake), generator, rtol=2e-6, atol=1e-5)
    np.testing.assert_allclose(loss.discriminator(real, fake), discriminator, rtol=2e-6, atol=1e-5)


@every_labelled_loss
@given(real=logit_lists, fake=logit_lists, smoothing=st.floats(0, 1, width=32))
def test_smoothing_lowers_the_label_of_the_real_images_alone(name, real, fake, smoothing):
    _, expected = reference(name, real, fake, smoothing)
    discriminator = adversarial_loss(name).discriminator
    value = discriminator(jnp.float32(real), jnp.float32(fake), jnp.float32(smoothing))
    np.testing.assert_allclose(value, expected, rtol=5e-6, atol=2e-5)


@every_labelled_loss
def test_no_smoothing_has_the_bits_of_a_loss_without_it(name):
    real, fake = jnp.float32(np.random.default_rng(1).normal(size=(2, 33)) * 9)

    def least_squares(real, fake):
        return (jnp.mean(jnp.square(real - 1)) + jnp.mean(jnp.square(fake))) / 2

    def cross_entropy(real, fake):
        return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))

    plain = least_squares if name == "least_squares" else cross_entropy
    smoothed = jax.jit(jax.value_and_grad(adversarial_loss(name).discriminator, argnums=(0, 1)))
    bare = jax.jit(jax.value_and_grad(plain, argnums=(0, 1)))
    for ours, theirs in zip(
        jax.tree.leaves(smoothed(real, fake, jnp.float32(0))),
        jax.tree.leaves(bare(real, fake)),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


@every_labelled_loss
def test_the_best_logit_of_a_real_image_is_that_of_the_smoothed_label(name):
    best = {"least_squares": 0.9}.get(name, np.log(0.9 / 0.1))
    slope = jax.grad(adversarial_loss(name).discriminator)
    at_best = slope(jnp.float32([best]), jnp.float32([0.0]), 0.1)
    np.testing.assert_allclose(at_best, 0, atol=1e-6)
    assert slope(jnp.float32([best + 1]), jnp.float32([0.0]), 0.1) > 0


@every_loss
def test_smoothing_is_an_argument_where_there_are_labels_and_nowhere_else(name):
    loss = ADVERSARIAL_LOSSES[name]
    logits = jnp.float32([0.5])
    if loss.labels:
        assert np.isfinite(loss.discriminator(logits, logits, 0.1))
    else:
        with pytest.raises(TypeError):
            loss.discriminator(logits, logits, 0.1)


def test_the_generator_still_has_a_gradient_where_the_discriminator_is_sure():
    generator = adversarial_loss("non_saturating").generator
    assert jax.grad(generator)(jnp.float32(-50.0)) == pytest.approx(-1.0)


def test_the_minimax_generator_has_none_there():
    slope = jax.grad(adversarial_loss("minimax").generator)
    assert slope(jnp.float32(-50.0)) == pytest.approx(-expit(-50.0))


def test_the_hinge_has_no_gradient_beyond_its_margin_nor_at_it():
    slopes = jax.grad(adversarial_loss("hinge").discriminator, argnums=(0, 1))
    real, fake = slopes(jnp.float32([0.0, 1.0, 2.0]), jnp.float32([0.0, -1.0, -2.0]))
    np.testing.assert_allclose(real, [-1 / 3, 0, 0])
    np.testing.assert_allclose(fake, [1 / 3, 0, 0])


@every_loss
def test_losses_and_gradients_are_finite_float32_scalars_at_extreme_logits(name):
    loss = ADVERSARIAL_LOSSES[name]
    logits = jnp.asarray([-1e4, -50.0, 0.0, 50.0, 1e4], jnp.float32)
    generator, generator_slope = jax.value_and_grad(loss.generator)(logits)
    discriminator, slopes = jax.value_and_grad(loss.discriminator, argnums=(0, 1))(logits, logits)
    for scalar in (generator, discriminator):
        assert scalar.shape == () and scalar.dtype == jnp.float32
    for array in (generator, discriminator, generator_slope, *slopes):
        assert np.isfinite(array).all()


@every_loss
def test_each_player_gains_by_pulling_the_fake_logits_its_own_way(name):
    loss = ADVERSARIAL_LOSSES[name]
    real, fake = jnp.asarray([0.5, 0.8]), jnp.asarray([-0.5, 0.2])
    # The discriminator of least squares pulls to 0, not to −∞.
    pulled = jnp.abs(fake) if name == "least_squares" else fake
    generator_slope = jax.grad(loss.generator)(fake)
    real_slope, fake_slope = jax.grad(loss.discriminator, argnums=(0, 1))(real, pulled)
    assert (generator_slope < 0).all()
    assert (real_slope < 0).all() and (fake_slope > 0).all()


@every_loss
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_losses_keep_the_dtype_of_the_logits_and_take_any_shape(name, dtype):
    loss = ADVERSARIAL_LOSSES[name]
    real, fake = jnp.ones((3, 1), dtype), jnp.zeros((2, 4, 4), dtype)
    arguments = (real, fake, jnp.float32(0.1)) if loss.labels else (real, fake)
    assert loss.generator(fake).dtype == loss.discriminator(*arguments).dtype == dtype


@every_loss
def test_a_batch_of_losses_is_the_losses_of_each(name):
    loss = ADVERSARIAL_LOSSES[name]
    real, fake = np.random.default_rng(2).normal(size=(2, 3, 5)) * 3
    generators = jax.jit(jax.vmap(loss.generator))(jnp.float32(fake))
    discriminators = jax.jit(jax.vmap(loss.discriminator))(jnp.float32(real), jnp.float32(fake))
    expected = np.transpose([reference(name, r, f) for r, f in zip(real, fake, strict=True)])
    np.testing.assert_allclose((generators, discriminators), expected, rtol=1e-5)


@every_loss
def test_a_logit_that_is_not_a_number_shows_in_the_loss(name):
    loss = ADVERSARIAL_LOSSES[name]
    logits = jnp.float32([0.0, np.nan])
    assert np.isnan(loss.generator(logits))
    assert np.isnan(loss.discriminator(logits, jnp.float32([0.0])))


def test_an_unknown_loss_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'hinge2'; accepted: non_saturating"):
        adversarial_loss("hinge2")
