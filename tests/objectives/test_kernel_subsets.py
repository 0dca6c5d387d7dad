"""Kernel distances of subsets and blocks against one distance at a time."""

import numpy as np
import pytest

from normsweep.objectives.distances import (
    DISTANCES,
    RealFeatures,
    kernel_distance,
    kernel_distance_blocks,
    kernel_distance_subsets,
    kernel_distance_to,
    kernel_reference,
)


def pair(n: int, m: int, features: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, features)), rng.normal(size=(m, features)) + 0.3


def test_a_reference_prepared_once_gives_the_same_distance():
    a, b = pair(70, 130)
    assert kernel_distance_to(kernel_reference(b), a) == kernel_distance(a, b)
    with pytest.raises(ValueError, match="as many features each, got 3 and 4"):
        kernel_distance_to(kernel_reference(b), a[:, :3])


@pytest.mark.parametrize(("n", "m", "block"), [(20, 20, 5), (23, 31, 7), (8, 4, 2)])
def test_blocks_are_distances_of_consecutive_samples(n, m, block):
    a, b = pair(n, m)
    distances = [
        kernel_distance(a[start : start + block], b[start : start + block])
        for start in range(0, min(n, m) - block + 1, block)
    ]
    estimate = kernel_distance_blocks(a, b, block)
    assert estimate.mean == pytest.approx(np.mean(distances), rel=1e-9, abs=1e-12)
    error = np.std(distances, ddof=1) / np.sqrt(len(distances))
    assert estimate.standard_error == pytest.approx(error, rel=1e-9, abs=1e-12)


def test_subsets_of_all_samples_are_each_the_whole_distance():
    a, b = pair(30, 30)
    estimate = kernel_distance_subsets(a, b, subsets=5, size=30)
    assert estimate.mean == pytest.approx(kernel_distance(a, b), rel=1e-9)
    assert estimate.standard_error == pytest.approx(0, abs=1e-12)


def test_subsets_are_distances_of_samples_drawn_without_replacement():
    a, b = pair(40, 50)
    orders = [
        np.argsort(np.random.PCG64(seed).random_raw(6 * count).reshape(6, count), axis=1)[:, :9]
        for seed, count in ((11, 40), (12, 50))
    ]
    distances = [kernel_distance(a[row_a], b[row_b]) for row_a, row_b in zip(*orders, strict=True)]
    estimate = kernel_distance_subsets(a, b, subsets=6, size=9, seed=11)
    assert estimate.mean == pytest.approx(np.mean(distances), rel=1e-9)
    error = np.std(distances, ddof=1) / np.sqrt(6)
    assert estimate.standard_error == pytest.approx(error, rel=1e-9)


def test_subsets_in_the_table_are_a_hundred_of_a_thousand_samples():
    generated, real = pair(2100, 2050, features=2)
    entry = DISTANCES["kid_subsets"]
    found = entry.value(entry.prepare(RealFeatures(real)), generated)
    assert found == kernel_distance_subsets(generated, real, 100, 1000).mean


def test_many_subsets_come_near_the_distance_of_all_samples():
    a, b = pair(60, 60)
    estimate = kernel_distance_subsets(a, b, subsets=4000, size=20)
    assert abs(estimate.mean - kernel_distance(a, b)) < 4 * estimate.standard_error


def test_the_standard_error_of_blocks_is_the_spread_over_new_samples():
    estimates = [kernel_distance_blocks(*pair(200, 200, seed=seed), 10) for seed in range(300)]
    spread = np.std([estimate.mean for estimate in estimates], ddof=1)
    stated = np.sqrt(np.mean([estimate.standard_error**2 for estimate in estimates]))
    assert stated == pytest.approx(spread, rel=0.15)


def test_arguments_out_of_bounds_are_errors():
    a, b = pair(10, 8)
    with pytest.raises(ValueError, match="subsets must be at least 2, got 1"):
        kernel_distance_subsets(a, b, 1, 4)
    for size in (1, 9):
        with pytest.raises(ValueError, match=f"size must be between 2 and 8, .* got {size}"):
            kernel_distance_subsets(a, b, 5, size)
    for block in (1, 5):
        with pytest.raises(ValueError, match=f"block must be between 2 and 4, .* got {block}"):
            kernel_distance_blocks(a, b, block)
    with pytest.raises(ValueError, match="features_b is not finite"):
        kernel_distance_blocks(a, b + np.inf, 2)
