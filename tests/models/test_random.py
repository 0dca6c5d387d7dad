"""Random numbers of the training step, against those of JAX and the distributions of SciPy."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.random import LATENTS, bits, indices, normal, threefry2x32, uniform

MANY = 20_000


def key(seed: int) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


@pytest.mark.parametrize(
    ("secret", "counter", "hashed"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_hash_gives_the_known_answers_of_its_authors(
    secret: tuple[int, int], counter: tuple[int, int], hashed: tuple[int, int]
) -> None:
    """The vectors for threefry2x32 with 20 rounds in the file kat_vectors of Random123."""
    low, high = (np.array([half], np.uint32) for half in counter)
    result = threefry2x32(np.array(secret, np.uint32), low, high)  # type: ignore[arg-type]
    assert [int(half[0]) for half in result] == list(hashed)


@pytest.mark.parametrize("size", [0, 1, 2, 17, 1000])
def test_bits_are_those_of_jax_for_odd_and_even_sizes(size: int) -> None:
    with jax.threefry_partitionable(False):
        expected = jax.random.bits(key(7), (size,), np.uint32)
    np.testing.assert_array_equal(bits(key(7), size), expected)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_numbers_are_those_of_jax_for_any_seed(seed: int) -> None:
    with jax.threefry_partitionable(False):
        expected_normal = jax.random.normal(key(seed), (3, 5, 3), np.float32)
        expected_uniform = jax.random.uniform(key(seed), (3, 5, 3), np.float32, -1, 1)
    np.testing.assert_array_equal(normal(key(seed), (3, 5, 3)), expected_normal)
    np.testing.assert_array_equal(uniform(key(seed), (3, 5, 3)), expected_uniform)


def test_the_setting_of_jax_does_not_matter() -> None:
    drawn = []
    for partitionable in (False, True):
        with jax.threefry_partitionable(partitionable):
            drawn.append(np.asarray(bits(key(3), 17)))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [(normal, stats.norm()), (uniform, stats.uniform(-1, 2))],
    ids=["normal", "uniform"],
)
def test_numbers_have_the_moments_and_the_shape_of_their_distribution(
    draw: object, distribution: object
) -> None:
    assert callable(draw)
    numbers = np.asarray(draw(key(11), (MANY // 4, 4)))
    assert numbers.shape == (MANY // 4, 4)
    assert numbers.dtype == np.float32
    flat = numbers.astype(np.float64).reshape(-1)
    deviation = distribution.std()  # type: ignore[attr-defined]
    assert abs(flat.mean()) < 4 * deviation / np.sqrt(MANY)
    assert flat.std() == pytest.approx(deviation, rel=0.02)
    assert stats.kstest(flat, distribution.cdf).pvalue > 1e-3  # type: ignore[attr-defined]
    correlation = np.corrcoef(numbers.astype(np.float64), rowvar=False) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(MANY / 4)


def test_uniform_numbers_stay_in_their_interval() -> None:
    numbers = np.asarray(uniform(key(1), (10 * MANY + 1,)))
    assert numbers.min() >= -1
    assert numbers.max() < 1


def test_normal_numbers_are_finite() -> None:
    assert np.isfinite(np.asarray(normal(key(2), (10 * MANY + 1,)))).all()


def test_different_keys_give_different_numbers() -> None:
    assert not np.array_equal(normal(key(0), (3, 5, 3)), normal(key(1), (3, 5, 3)))


@pytest.mark.parametrize("below", [7, 64, 999])
def test_indices_are_uniform_from_0_to_below(below: int) -> None:
    drawn = np.asarray(indices(key(5), MANY, below))
    assert drawn.shape == (MANY,)
    assert drawn.dtype == np.int32
    counts = np.bincount(drawn, minlength=below)
    assert len(counts) == below
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("below", [1, 2, 2**23 - 1, 2**23])
def test_indices_stay_within_their_bounds(below: int) -> None:
    drawn = np.asarray(indices(key(9), MANY, below))
    assert drawn.min() >= 0
    assert drawn.max() < below
    assert drawn.max() >= (below - 1) * 0.99


@pytest.mark.parametrize("below", [0, -1, 2**23 + 1])
def test_indices_below_what_23_bits_can_tell_apart_are_refused(below: int) -> None:
    with pytest.raises(ValueError, match=f"below must lie in 1 … 2²³, got {below}"):
        indices(key(0), 3, below)


def test_latents_have_names() -> None:
    assert dict(LATENTS) == {"normal": normal, "uniform": uniform}
