"""Feature maps of many images take some at a time, to the same bits."""

import jax
import numpy as np
import pytest

from normsweep.objectives.features import FEATURE_MAPS, accuracy, classifier, layers, pca

IMAGES = np.random.default_rng(0).uniform(-1, 1, (300, 8, 8, 1)).astype(np.float32)
LABELS = (np.arange(300) % 3).astype(np.int32)
BLOCK = 64 * 130


class Sliced:
    """Images of which no more are read at a time than a block."""

    shape, ndim = IMAGES.shape, IMAGES.ndim

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index):
        found = IMAGES[index]
        assert found.size <= BLOCK
        return found


@pytest.fixture
def in_blocks(monkeypatch):
    monkeypatch.setattr(layers, "LARGE", 0)
    monkeypatch.setattr(layers, "BLOCK", BLOCK)
    monkeypatch.setattr(classifier, "BLOCK", BLOCK)
    monkeypatch.setattr(pca, "LARGE", 8 * BLOCK)


@pytest.mark.parametrize("name", ["classifier", "random"])
def test_some_at_a_time_make_the_same_map(name: str, in_blocks, monkeypatch) -> None:
    key = jax.random.key(1)
    found = FEATURE_MAPS[name].fit(key, Sliced(), LABELS, 4)
    monkeypatch.setattr(layers, "LARGE", 2**30)
    whole = FEATURE_MAPS[name].fit(key, IMAGES, LABELS, 4)
    # Sums over all images may be rounded otherwise, in the last bit.
    scale, of_all = found.pop("scale"), whole.pop("scale")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), scale, of_all)
    jax.tree.map(np.testing.assert_array_equal, found, whole)


def test_components_of_some_at_a_time_are_those_of_all(in_blocks, monkeypatch) -> None:
    found = FEATURE_MAPS["pca"].fit(jax.random.key(1), Sliced(), None, 4)
    monkeypatch.setattr(pca, "LARGE", 2**40)
    whole = FEATURE_MAPS["pca"].fit(jax.random.key(1), IMAGES, None, 4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, whole)


def test_the_accuracy_is_counted_some_at_a_time(in_blocks) -> None:
    params = FEATURE_MAPS["classifier"].fit(jax.random.key(1), IMAGES, LABELS, 4)
    logits = classifier.class_logits(params, IMAGES)
    assert accuracy(params, Sliced(), LABELS) == np.mean(np.argmax(logits, axis=1) == LABELS)
