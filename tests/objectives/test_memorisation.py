"""Copying, authenticity and the generalisation gap: what each says of copies and of new data."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from normsweep.objectives.distances import (
    authenticity,
    copying_statistic,
    frechet_distance,
    generalisation_gap,
    nearest,
)
from normsweep.objectives.distances.copying import copying_reference


def gaussians(seed: int, *sizes: int, features: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(size, features)) for size in sizes]


def z_score(generated: np.ndarray, held_out: np.ndarray, training: np.ndarray) -> float:
    nearest = [cdist(points, training).min(axis=1) for points in (generated, held_out)]
    n, m = len(held_out), len(generated)
    u = mannwhitneyu(*nearest).statistic
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def test_in_one_cell_it_is_the_z_score_of_mann_and_whitney():
    generated, held_out, training = gaussians(0, 60, 80, 150)
    for scale in (0.5, 1.0, 2.0):
        assert copying_statistic(scale * generated, held_out, training, cells=1) == pytest.approx(
            z_score(scale * generated, held_out, training), rel=1e-9
        )


def test_cells_are_tested_apart_and_weigh_by_their_held_out_samples():
    """Four clusters so far apart that k-means has no choice; the last lacks generated samples."""
    centres = 100.0 * np.eye(4)
    sizes = {"generated": (40, 90, 20, 19), "held_out": (50, 30, 20, 80), "training": (60,) * 4}
    rng = np.random.default_rng(1)
    cells = [
        {name: rng.normal(size=(counts[i], 4)) + centre for name, counts in sizes.items()}
        for i, centre in enumerate(centres)
    ]
    for cell in cells[1:2]:
        cell["generated"] = cell["training"][:40] + 1e-3
    whole = [np.concatenate([cell[name] for cell in cells]) for name in sizes]
    scores = [z_score(**cell) for cell in cells[:3]]
    expected = np.average(scores, weights=(50, 30, 20))
    assert copying_statistic(*whole, cells=4) == pytest.approx(expected, rel=1e-9)


def test_each_cell_looks_for_the_nearest_of_its_own_training_points():
    _, held_out, training = gaussians(5, 1, 300, 200)
    reference = copying_reference(held_out, training, cells=5)
    of_held_out, of_training = (
        cdist(points, reference.centres).argmin(axis=1) for points in (held_out, training)
    )
    nearer_in_another = 0
    for cell, found in enumerate(reference.held_out_distances):
        distances = cdist(held_out[of_held_out == cell], training[of_training == cell]).min(axis=1)
        np.testing.assert_allclose(found, distances, rtol=1e-9)
        anywhere = cdist(held_out[of_held_out == cell], training).min(axis=1)
        nearer_in_another += int((anywhere < 0.999 * distances).sum())
    assert nearer_in_another > 10


@pytest.mark.parametrize(("held_out", "cells"), [(49, 1), (99, 1), (100, 2), (499, 9), (900, 10)])
def test_there_is_a_cell_for_each_fifty_held_out_samples_and_ten_at_most(held_out, cells):
    _, few, training = gaussians(6, 1, held_out, 100)
    assert len(copying_reference(few, training).centres) == cells


def test_of_new_data_it_is_standard_normal():
    scores = [copying_statistic(*gaussians(seed, 60, 60, 120), cells=1) for seed in range(150)]
    assert abs(np.mean(scores)) < 4 / np.sqrt(150)
    assert np.std(scores) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("cells", [None, 1, 5])
def test_copies_are_far_below_zero_and_strangers_far_above(cells):
    new, held_out, training = gaussians(2, 300, 300, 600)
    copies = training[:300] + 1e-3 * new
    assert copying_statistic(copies, held_out, training, cells) < -5
    assert copying_statistic(training[:300], held_out, training, cells) < -5
    assert copying_statistic(4 * new, held_out, training, cells) > 5
    assert abs(copying_statistic(new, held_out, training, cells)) < 3


def test_samples_collapsed_where_no_cell_can_be_tested_are_tested_in_one():
    new, held_out, training = gaussians(3, 10, 300, 600)
    found = copying_statistic(new, held_out, training, cells=5)
    assert found == pytest.approx(z_score(new, held_out, training), rel=1e-9)


def test_training_points_that_are_all_one_give_a_finite_statistic():
    found = copying_statistic(np.ones((60, 2)), np.zeros((60, 2)), np.zeros((120, 2)), cells=3)
    assert found > 5


def test_the_statistic_is_the_same_each_time():
    samples = gaussians(4, 500, 500, 1000)
    assert copying_statistic(*samples) == copying_statistic(*samples)


def naive_authenticity(generated: np.ndarray, training: np.ndarray) -> float:
    between, within = cdist(generated, training), cdist(training, training)
    np.fill_diagonal(within, np.inf)
    authentic = [row.min() > within[row.argmin()].min() for row in between]
    return float(np.mean(authentic))


@pytest.mark.parametrize(("n", "m", "features"), [(1 + 1, 2, 1), (50, 80, 3), (200, 400, 32)])
def test_authenticity_is_the_share_of_samples_beyond_the_spacing_of_their_neighbour(n, m, features):
    generated, training = gaussians(5, n, m, features=features)
    assert authenticity(generated, training) == naive_authenticity(generated, training)


def test_copies_are_not_authentic_and_strangers_are():
    new, training = gaussians(6, 100, 200)
    assert authenticity(training[:100], training) == 0
    assert authenticity(training[:100] + 1e-4 * new, training) == 0
    assert authenticity(new + 100, training) == 1


def test_copies_of_a_point_that_is_there_twice_are_not_authentic():
    training = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    assert authenticity(np.zeros((4, 2)), training) == 0


def test_the_gap_is_the_difference_of_distances_to_equal_numbers():
    generated, held_out, training = gaussians(7, 90, 80, 200)
    expected = frechet_distance(generated, held_out) - frechet_distance(generated, training[:80])
    assert generalisation_gap(generated, held_out, training) == pytest.approx(expected, rel=1e-9)


def test_the_gap_is_zero_on_average_for_new_data_and_above_for_copies():
    gaps = [generalisation_gap(*gaussians(seed, 50, 50, 100)) for seed in range(300)]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(len(gaps))
    _, held_out, training = gaussians(8, 50, 50, 100)
    copied = generalisation_gap(training[:50], held_out, training)
    assert copied == pytest.approx(frechet_distance(training[:50], held_out), rel=1e-6)


def test_samples_that_cannot_be_compared_are_errors():
    good = np.zeros((5, 2))
    with pytest.raises(ValueError, match="at least the 5 samples of held_out, got 4"):
        generalisation_gap(good, good, good[:4])
    with pytest.raises(ValueError, match="cells must be at least 1, got 0"):
        copying_statistic(good, good, good, cells=0)
    for measure in (copying_statistic, generalisation_gap):
        with pytest.raises(ValueError, match="as many features each"):
            measure(good, good, good[:, :1])
        with pytest.raises(ValueError, match="not finite"):
            measure(good * np.nan, good, good)
    with pytest.raises(ValueError, match="as many features each"):
        authenticity(good, good[:, :1])


def test_the_nearest_is_found_whatever_fits_into_memory(monkeypatch):
    points, others = gaussians(4, 90, 300)
    distances = cdist(points, others)
    among = cdist(others, others) + np.diag(np.full(300, np.inf))
    # Chunks of 43 rows.
    for memory in (nearest.MEMORY, 0.1):
        monkeypatch.setattr(nearest, "MEMORY", memory)
        for (indices, found), expected in (
            (nearest.nearest(points, others), distances),
            (nearest.nearest_other(others), among),
        ):
            np.testing.assert_array_equal(indices, expected.argmin(axis=1))
            np.testing.assert_allclose(found, expected.min(axis=1), rtol=1e-12)
