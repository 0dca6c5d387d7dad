"""Mixtures of normal laws, against scikit-learn in float64."""

import subprocess
import sys
from functools import partial

import jax
import numpy as np
import pytest
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from normsweep.objectives.mixture import (
    RIDGE,
    Mixture,
    _spread,
    drawn_from,
    fitted_mixture,
    mixture_log_density,
)
from tests.haste import IN_HASTE

KEY = jax.random.key(0)
CENTRES = np.array([[0, 0, 0], [3, 0, 1], [0, 4, -2]])
DRAW = np.random.default_rng(0)
POINTS = np.concatenate(
    [
        DRAW.normal(centre, 1, (count, 3)) @ (np.eye(3) + 0.3 * DRAW.normal(size=(3, 3)))
        for centre, count in zip(CENTRES, (150, 100, 50), strict=True)
    ]
).astype(np.float32)

fit = jax.jit(fitted_mixture, static_argnums=2, compiler_options=IN_HASTE)
spread = jax.jit(_spread, static_argnums=2, compiler_options=IN_HASTE)


def covariances(mixture: Mixture) -> np.ndarray:
    factors = np.asarray(mixture.factors, np.float64)
    found: np.ndarray = factors @ factors.transpose(0, 2, 1)
    return found


@pytest.mark.parametrize("steps", [1, 7, 50])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_em_is_that_of_scikit_learn_from_the_same_start(steps: int) -> None:
    points = POINTS.astype(np.float64)
    ridge = RIDGE * points.var(axis=0).mean()
    whole = np.cov(points.T, bias=True) + ridge * np.eye(3)
    start = np.asarray(spread(KEY, POINTS, 3), np.float64)
    other = GaussianMixture(
        3,
        max_iter=steps,
        tol=0,
        reg_covar=ridge,
        weights_init=np.full(3, 1 / 3),
        means_init=start,
        precisions_init=np.repeat(np.linalg.inv(whole)[None], 3, axis=0),
    ).fit(points)
    found = fit(KEY, POINTS, 3, steps)
    np.testing.assert_allclose(found.weights, other.weights_, rtol=2e-3)
    np.testing.assert_allclose(found.means, other.means_, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(covariances(found), other.covariances_, rtol=5e-3, atol=5e-3)
    density = mixture_log_density(found, POINTS)
    np.testing.assert_allclose(density, other.score_samples(points), rtol=1e-3, atol=1e-2)


def test_one_component_has_the_moments_of_the_points() -> None:
    found = fit(KEY, POINTS, 1, 0)
    points = POINTS.astype(np.float64)
    ridge = RIDGE * points.var(axis=0).mean()
    wanted = np.cov(points.T, bias=True) + ridge * np.eye(3)
    np.testing.assert_allclose(found.means[0], points.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(covariances(found)[0], wanted, rtol=1e-5, atol=1e-6)
    density = multivariate_normal(points.mean(axis=0), wanted).logpdf(points)
    np.testing.assert_allclose(mixture_log_density(found, POINTS), density, rtol=1e-4)


def test_the_start_is_at_points_that_lie_apart() -> None:
    far = np.repeat(np.array([[0.0, 0], [100, 0], [0, 100]], np.float32), 20, axis=0)
    for seed in range(5):
        found = np.asarray(spread(jax.random.key(seed), far, 3))
        assert len(np.unique(found, axis=0)) == 3


def test_draws_have_the_mixture_s_shares_and_moments() -> None:
    mixture = Mixture(
        np.array([0.75, 0.25, 0.0], np.float32),
        np.array([[0, 0], [50, 0], [0, 900]], np.float32),
        np.array([[[1, 0], [2, 3]], [[0.5, 0], [0, 0.5]], [[1, 0], [0, 1]]], np.float32),
    )
    drawn = np.asarray(jax.jit(partial(drawn_from, count=20_000))(mixture, KEY), np.float64)
    first = drawn[:, 0] < 25
    assert first.mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_allclose(np.cov(drawn[first].T), [[1, 2], [2, 13]], atol=0.4)
    np.testing.assert_allclose(drawn[~first].mean(axis=0), [50, 0], atol=0.05)
    assert drawn[:, 1].max() < 100


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1.0, 1e12])
@pytest.mark.parametrize(("count", "dimension"), [(300, 3), (4, 3), (12, 16)])
def test_points_of_any_size_and_number_are_fitted(scale: float, count: int, dimension: int) -> None:
    points = (scale * np.random.default_rng(1).normal(size=(count, dimension))).astype(np.float32)
    found = fit(KEY, points, 5, 10)
    assert all(np.isfinite(leaf).all() for leaf in found)
    assert float(found.weights.sum()) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(drawn_from(found, KEY, 10)).all()


def test_a_fit_ends_on_several_devices_at_once() -> None:
    """A triangular solve of a batch of matrices never did."""
    devices = jax.devices()
    mesh, split = Mesh(np.array(devices), ("members",)), PartitionSpec("members")
    points = np.random.default_rng(1).normal(size=(2 * len(devices), 719, 16)).astype(np.float32)

    def members(points: jax.Array) -> Mixture:
        found: Mixture = lax.map(lambda own: fitted_mixture(KEY, own, 10, 5), points)
        return found

    mapped = jax.shard_map(members, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
    found = jax.jit(mapped)(points)
    assert all(np.isfinite(leaf).all() for leaf in found)


ON_TWO_DEVICES = """
import jax, numpy as np
from jax.sharding import Mesh, PartitionSpec
from normsweep.objectives.mixture import fitted_mixture

jax.config.update("jax_num_cpu_devices", 2)
fit = lambda points: jax.lax.map(lambda own: fitted_mixture(jax.random.key(0), own, 10, 5), points)
split = PartitionSpec("members")
mesh = Mesh(np.array(jax.local_devices()), ("members",))
points = np.random.default_rng(0).normal(size=(2, 600, 64)).astype(np.float32)
sharded = jax.shard_map(fit, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)
print(np.isfinite(jax.jit(sharded)(points).factors).all())
"""


def test_laws_of_many_dimensions_are_fitted_on_two_cpu_devices_at_once() -> None:
    """Each batch of factorisations would wait for a thread that the other one has, for ever."""
    called = [sys.executable, "-c", ON_TWO_DEVICES]
    done = subprocess.run(called, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
