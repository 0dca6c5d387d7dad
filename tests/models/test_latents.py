"""Latent vectors against the distributions of SciPy."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from normsweep.models.latents import LATENTS

MANY = 20_000
DISTRIBUTIONS: dict[str, Any] = {"normal": stats.norm(), "uniform": stats.uniform(-1, 2)}


def key(seed: int) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def test_every_distribution_has_a_reference() -> None:
    assert set(LATENTS) == set(DISTRIBUTIONS)
    assert all(draw.__doc__ for draw in LATENTS.values())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_latents_have_the_moments_and_the_shape_of_their_distribution(name: str) -> None:
    drawn = np.asarray(jax.jit(LATENTS[name], static_argnums=1)(key(11), (MANY // 4, 4)))
    assert drawn.shape == (MANY // 4, 4)
    assert drawn.dtype == np.float32
    flat = drawn.astype(np.float64).reshape(-1)
    distribution = DISTRIBUTIONS[name]
    assert abs(flat.mean()) < 4 * distribution.std() / np.sqrt(MANY)
    assert flat.std() == pytest.approx(distribution.std(), rel=0.02)
    assert stats.kstest(flat, distribution.cdf).pvalue > 1e-3
    correlation = np.corrcoef(drawn.astype(np.float64), rowvar=False) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(MANY / 4)


def test_uniform_latents_stay_in_their_interval() -> None:
    drawn = np.asarray(LATENTS["uniform"](key(1), (10 * MANY,)))
    assert -1 <= drawn.min() < -0.999
    assert 0.999 < drawn.max() < 1


def test_normal_latents_are_finite() -> None:
    assert np.isfinite(np.asarray(LATENTS["normal"](key(2), (10 * MANY,)))).all()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("shape", [(), (0, 3), (1, 1)])
def test_latents_of_no_and_of_one_number_have_their_shape(
    name: str, shape: tuple[int, ...]
) -> None:
    assert LATENTS[name](key(0), shape).shape == shape


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_latents_follow_from_the_key_alone_and_from_under_vmap(name: str) -> None:
    draw = LATENTS[name]
    keys = jax.random.split(key(3), 3)
    mapped = np.asarray(jax.vmap(lambda one: draw(one, (5, 2)))(keys))
    for one, drawn in zip(keys, mapped, strict=True):
        np.testing.assert_array_equal(draw(one, (5, 2)), drawn)
    assert not np.array_equal(mapped[0], mapped[1])
