"""Likelihoods and the divergence of codes, against SciPy in float64."""

import jax
import numpy as np
import pytest
from scipy.special import rel_entr
from scipy.stats import bernoulli, logistic, norm

from normsweep.objectives.likelihoods import LIKELIHOODS, SURE, divergence, log_likelihood

SHAPE = (5, 3, 2, 1)
DRAW = np.random.default_rng(0)
LEVELS = (DRAW.integers(0, 256, SHAPE) / 127.5 - 1).astype(np.float32)
DECODED = DRAW.uniform(-0.95, 0.95, SHAPE).astype(np.float32)

likelihood = jax.jit(log_likelihood, static_argnums=0)


def found(name: str, images: np.ndarray, decoded: np.ndarray, scale: float) -> np.ndarray:
    value = likelihood(name, images, decoded, np.float32(scale))
    assert value.dtype == np.float32 and value.shape == images.shape[:1]
    return np.asarray(value)


def summed(pixels: np.ndarray) -> np.ndarray:
    total: np.ndarray = pixels.reshape(len(pixels), -1).sum(axis=1)
    return total


def test_bernoulli_of_black_and_white_is_that_of_scipy() -> None:
    images = np.where(LEVELS > 0, 1, -1).astype(np.float32)
    p = (DECODED.astype(np.float64) + 1) / 2
    expected = summed(bernoulli.logpmf((images + 1) / 2, p))
    np.testing.assert_allclose(found("bernoulli", images, DECODED, 1), expected, rtol=1e-5)


def test_bernoulli_of_grey_is_the_cross_entropy_of_both_colours() -> None:
    x, p = ((values.astype(np.float64) + 1) / 2 for values in (LEVELS, DECODED))
    entropy = -(rel_entr(x, np.ones_like(x)) + rel_entr(1 - x, np.ones_like(x)))
    apart = rel_entr(x, p) + rel_entr(1 - x, 1 - p)
    wanted = -summed(entropy + apart)
    np.testing.assert_allclose(found("bernoulli", LEVELS, DECODED, 1), wanted, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.01, 0.25, 3.0])
def test_gaussian_is_that_of_scipy(scale: float) -> None:
    wanted = summed(norm.logpdf(LEVELS.astype(np.float64), DECODED.astype(np.float64), scale))
    np.testing.assert_allclose(found("gaussian", LEVELS, DECODED, scale), wanted, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.05, 0.25, 3.0])
def test_logistic_is_the_share_of_each_level(scale: float) -> None:
    images = np.concatenate([LEVELS, np.ones((1, 3, 2, 1)), -np.ones((1, 3, 2, 1))])
    images, decoded = images.astype(np.float32), np.concatenate([DECODED, DECODED[:2]])
    x, m = images.astype(np.float64), decoded.astype(np.float64)
    law = logistic(m, scale)
    share = law.cdf(x + 1 / 255) - law.cdf(x - 1 / 255)
    share = np.where(x > 1 - 1e-6, law.sf(x - 1 / 255), share)
    share = np.where(x < -1 + 1e-6, law.cdf(x + 1 / 255), share)
    np.testing.assert_allclose(
        found("logistic", images, decoded, scale), summed(np.log(share)), rtol=1e-4
    )


def test_the_shares_of_all_levels_are_one() -> None:
    levels = (np.arange(256) / 127.5 - 1).astype(np.float32).reshape(256, 1, 1, 1)
    shares = np.exp(found("logistic", levels, np.full_like(levels, 0.9), 0.1).astype(np.float64))
    assert shares.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("decoded", [-1e6, -1.0, 0.0, 1.0, 1e6])
def test_extremes_have_a_finite_value_and_gradient(name: str, scale: float, decoded: float) -> None:
    images = np.array([-1, 0, 1], np.float32).reshape(3, 1, 1, 1)
    far = np.full_like(images, decoded)

    def total(decoded: jax.Array) -> jax.Array:
        return log_likelihood(name, images, decoded, np.float32(scale)).sum()

    value, slope = jax.value_and_grad(total)(far)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_a_pixel_that_is_surely_wrong_costs_so_much_and_can_still_learn() -> None:
    wrong = np.full((1, 1, 1, 1), -1, np.float32)
    assert found("bernoulli", -wrong, wrong, 1)[0] == pytest.approx(np.log(SURE), rel=1e-5)
    slope = jax.grad(lambda decoded: log_likelihood("bernoulli", -wrong, decoded).sum())(
        np.full((1, 1, 1, 1), -0.999999, np.float32)
    )
    assert slope.item() > 1e4


def test_the_divergence_is_that_of_two_normal_laws() -> None:
    """By quadrature of ∫ q·log(q/p)."""
    x = np.linspace(-40, 40, 200_001)
    for mean, deviation in [(0.0, 1.0), (1.5, 0.3), (-2.0, 2.0)]:
        q = norm.pdf(x, mean, deviation)
        apart = norm.logpdf(x, mean, deviation) - norm.logpdf(x)
        wanted = np.trapezoid(q * apart, x)
        got = divergence(np.float32(mean), np.float32(2 * np.log(deviation)))
        assert float(got) == pytest.approx(wanted, rel=1e-5, abs=1e-7)


def test_the_divergence_is_never_below_0_and_finite() -> None:
    numbers = np.concatenate([np.linspace(-1e-3, 1e-3, 2001), [-1e6, -80, 80]]).astype(np.float32)
    found = np.asarray(divergence(np.zeros_like(numbers), numbers))
    assert (found >= 0).all() and np.isfinite(found).all()
    assert divergence(np.float32(0), np.float32(0)) == 0
    assert np.isfinite(divergence(np.float32(1e18), np.float32(0)))
