"""The table of distances: every entry against the function that it names, and within its range."""

import numpy as np
import pytest
from scipy.special import softmax

from normsweep.objectives.distances import (
    DISTANCES,
    RealFeatures,
    authenticity,
    class_agreement,
    class_coverage,
    copying_statistic,
    cost,
    distance,
    frechet_distance,
    frechet_infinity,
    frechet_within_classes,
    inception_score,
    kernel_distance,
    kernel_distance_blocks,
    kernel_distance_subsets,
    precision_recall_density_coverage,
)

every_distance = pytest.mark.parametrize("name", DISTANCES)


def classes(features: np.ndarray) -> np.ndarray:
    return softmax(3 * features[:, :4], axis=1)


def samples(n: int = 120, features: int = 6, seed: int = 0) -> tuple[RealFeatures, np.ndarray]:
    rng = np.random.default_rng(seed)
    held_out, generated = rng.normal(size=(2, n, features))
    training = rng.normal(size=(2 * n, features))
    return RealFeatures(held_out, training, classes, labels_of(n)), 1.2 * generated + 0.1


def labels_of(n: int) -> np.ndarray:
    """Pairs of images of four classes in turn."""
    return np.arange(n) // 2 % 4


def value_of(name: str, given: RealFeatures, generated: np.ndarray) -> float:
    entry = distance(name)
    return entry.value(entry.prepare(given), generated, labels_of(len(generated)))


@every_distance
def test_an_entry_is_the_function_that_it_names(name):
    given, generated = samples()
    real, training = given.held_out, given.training
    four = precision_recall_density_coverage(real, generated, 5)
    subsets = kernel_distance_subsets(generated, real, 100, 60)
    blocks = kernel_distance_blocks(generated, real, 10)
    probabilities = classes(generated)
    near = frechet_distance(generated, training[:120])
    expected = {
        "fid": frechet_distance(real, generated),
        "fid_infinity": frechet_infinity(generated, real),
        "fid_training": near,
        "kid": kernel_distance(generated, real),
        "kid_subsets": subsets.mean,
        "kid_subsets_error": subsets.standard_error,
        "kid_blocks": blocks.mean,
        "kid_blocks_error": blocks.standard_error,
        "inception_score": inception_score(probabilities),
        "class_coverage": class_coverage(probabilities),
        "class_agreement": class_agreement(probabilities, labels_of(120)),
        "within_class_fid": frechet_within_classes(real, labels_of(120), generated, labels_of(120)),
        "fid_a": frechet_distance(*(x[labels_of(120) == 0] for x in (real, generated))),
        "fid_b": frechet_distance(*(x[labels_of(120) == 1] for x in (real, generated))),
        "generalisation_gap": frechet_distance(generated, real) - near,
        "copying": copying_statistic(generated, real, training),
        "authenticity": authenticity(generated, training),
        **four._asdict(),
    }
    value = value_of(name, given, generated)
    assert isinstance(value, float)
    assert value == pytest.approx(expected[name], rel=1e-9)


@every_distance
@pytest.mark.parametrize("features", [1, 6])
def test_the_fewest_samples_give_a_finite_value_in_range_and_one_less_an_error(name, features):
    entry = DISTANCES[name]
    given, generated = samples(entry.fewest_of(features), features)
    with np.errstate(all="raise"):
        value = value_of(name, given, generated)
    assert np.isfinite(value)
    if entry.range != "any real number":
        assert value >= 0
    if entry.range == "0 … 1":
        assert value <= 1
    if not entry.needs:
        given, generated = samples(entry.fewest_of(features) - 1, features)
        with pytest.raises(ValueError):
            value_of(name, given, generated)


@every_distance
@pytest.mark.parametrize("generated", [np.zeros((40, 3)), np.full((40, 3), 1e6)])
def test_generated_samples_collapsed_to_one_point_give_finite_values(name, generated):
    given, _ = samples(40, 3)
    assert np.isfinite(value_of(name, given, generated))


@every_distance
def test_the_better_of_two_samples_costs_less(name):
    """New data of the same distribution against a tenth of it, nearly copied; for the error, ten
    times as many."""
    entry = DISTANCES[name]
    given, _ = samples(400, 4, seed=1)
    rng = np.random.default_rng(2)
    good = rng.normal(size=(400, 4))
    bad = given.training[:10].repeat(40, axis=0) + 1e-3 * good
    if name == "recall":
        bad = 0.05 * bad
    if name in ("precision", "density", "authenticity"):
        bad = {"authenticity": bad}.get(name, 10 * good)
    if name in ("inception_score", "class_coverage"):
        bad = np.tile(good[:1], (400, 1))
    if name == "kid_subsets_error":
        bad = 3 * good
    labels = classes(good).argmax(axis=1) if name == "class_agreement" else labels_of(400)
    costs = [
        cost(name, entry.value(entry.prepare(given), points, labels)) for points in (good, bad)
    ]
    assert costs[0] < costs[1]


def test_what_is_minimised_is_the_value_its_negative_or_its_magnitude():
    assert cost("fid", 2.5) == 2.5
    assert cost("kid", -0.1) == -0.1
    assert cost("recall", 0.25) == -0.25
    assert cost("copying", -3.0) == cost("copying", 3.0) == 3.0


@every_distance
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_costs_more_than_all_others(name, value):
    assert cost(name, value) == np.inf


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown distance 'fud'; accepted: fid, fid_infinity, "):
        distance("fud")
    with pytest.raises(ValueError, match="unknown score 'fud'"):
        cost("fud", 1.0)


@every_distance
def test_what_an_entry_needs_is_asked_for_where_it_is_not_given(name):
    entry = DISTANCES[name]
    assert set(entry.needs) <= {"training", "classes", "labels"}
    assert entry.better in ("lower", "higher", "zero")
    bare = samples()[0]._replace(training=None, classes=None, labels=None)
    if not entry.needs:
        entry.prepare(bare)
    # Of generated samples the labels are needed whatever is prepared.
    for needed in set(entry.needs) - ({"labels"} if "classes" in entry.needs else set()):
        with pytest.raises(ValueError, match=f"samples.{needed} is needed"):
            entry.prepare(bare)
    if entry.labelled:
        given, generated = samples()
        with pytest.raises(ValueError, match="labels are needed for this distance, got None"):
            entry.value(entry.prepare(given), generated)


@every_distance
def test_entries_that_share_a_measurement_share_what_is_prepared(name):
    entry = DISTANCES[name]
    alike = [other for other in DISTANCES.values() if other.measure is entry.measure]
    assert all(other.prepare is entry.prepare for other in alike)
