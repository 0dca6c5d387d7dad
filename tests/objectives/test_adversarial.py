"""Adversarial losses against their definition by probabilities, in NumPy and float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from objectives.adversarial import ADVERSARIAL_LOSSES, adversarial_loss

every_loss = pytest.mark.parametrize("name", sorted(ADVERSARIAL_LOSSES))


def test_non_saturating_losses_are_the_cross_entropies_of_the_probabilities():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 16, 1)) * 3
    probability_real, probability_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    loss = adversarial_loss("non_saturating")
    np.testing.assert_allclose(
        jax.jit(loss.generator)(jnp.float32(fake)), -np.log(probability_fake).mean(), rtol=1e-5
    )
    np.testing.assert_allclose(
        jax.jit(loss.discriminator)(jnp.float32(real), jnp.float32(fake)),
        -np.log(probability_real).mean() - np.log(1 - probability_fake).mean(),
        rtol=1e-5,
    )


def test_the_generator_still_has_a_gradient_where_the_discriminator_is_sure():
    generator = adversarial_loss("non_saturating").generator
    assert jax.grad(generator)(jnp.float32(-50.0)) == pytest.approx(-1.0)


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
    real, fake = jnp.asarray([0.5, 1.0]), jnp.asarray([-0.5, 0.2])
    assert (jax.grad(loss.generator)(fake) < 0).all()
    real_slope, fake_slope = jax.grad(loss.discriminator, argnums=(0, 1))(real, fake)
    assert (real_slope < 0).all() and (fake_slope > 0).all()


def test_an_unknown_loss_is_an_error_that_names_the_accepted_ones():
    with pytest.raises(ValueError, match="'hinge2'; accepted: non_saturating"):
        adversarial_loss("hinge2")
