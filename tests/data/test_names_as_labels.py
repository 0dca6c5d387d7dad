"""Labels that are names rather than numbers: numbered anew, and refused where they are too many."""

import jax
import numpy as np
import pytest

from normsweep.data import make_dataset
from normsweep.errors import UserError
from normsweep.score import setup
from normsweep.score.features import fit_features
from normsweep.spec.sections import ScoreSection

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
NAMES = np.arange(40) % 4 * 600_000_000


@pytest.mark.parametrize("names", [NAMES, NAMES + 2**40, NAMES.astype(np.uint64) * 2**30])
def test_they_are_numbered_in_their_order_and_kept(names: np.ndarray) -> None:
    found = make_dataset("x", IMAGES, names)
    assert found.labels is not None and found.classes is not None
    np.testing.assert_array_equal(found.labels, np.arange(40) % 4)
    assert found.labels.dtype == np.int32
    np.testing.assert_array_equal(found.classes, names[:4])
    assert any("4 different labels of" in guess for guess in found.guesses)


@pytest.mark.parametrize("labels", [np.arange(40) % 4 * 100, np.arange(40) + 5, np.arange(40) * 25])
def test_numbers_with_gaps_stay_what_they_are(labels: np.ndarray) -> None:
    found = make_dataset("x", IMAGES, labels)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.classes is None


def test_more_classes_than_images_can_teach_are_refused_before_anything_is_compiled() -> None:
    data = make_dataset("x", IMAGES, np.arange(40) * 10**6)
    score = ScoreSection(features="classifier", dimension=4)
    with jax.log_compiles(False), pytest.raises(UserError) as caught:
        fit_features(score, data, np.arange(12), 0, 20)
    assert "40 classes of labels, and 12 images set aside to learn them" in str(caught.value)
    assert "pca" in str(caught.value)


@pytest.mark.parametrize(
    ("accuracy", "labels", "told"),
    [
        (0.25, np.arange(100) % 4, True),
        (0.30, np.arange(100) % 4, True),
        (0.50, np.arange(100) % 4, False),
        (0.92, np.arange(100) < 90, True),
        (1.00, np.zeros(100, int), True),
        (1.00, np.arange(100) < 90, False),
    ],
)
def test_labels_from_which_nothing_was_learnt_are_told(
    accuracy: float, labels: np.ndarray, told: bool
) -> None:
    warnings = setup._unlearnt(accuracy, labels)
    assert bool(warnings) is told
    assert all("has learnt nothing from these labels" in warning for warning in warnings)
