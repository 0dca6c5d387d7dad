"""Feature maps of colour images and of 32 × 32 pixels: convolutions, on patches of photographs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_sample_images

from normsweep.objectives.distances import frechet_distance
from normsweep.objectives.distances.reach import FARTHEST, multiple, reach
from normsweep.objectives.features import (
    FEATURE_MAPS,
    accuracy,
    class_logits,
    class_probabilities_of_features,
    classifier,
    convolutions,
    layers,
)

DIMENSION = 16
MAPS = ("classifier", "random")
every_map = pytest.mark.parametrize("name", MAPS)


@pytest.fixture(scope="module")
def patches():
    """Of two photographs, each cut into four classes: 260 patches to fit to, as many to judge."""
    images, labels = [], []
    for label, photograph in enumerate(load_sample_images().images):
        rows, columns = (side // 32 for side in photograph.shape[:2])
        cut = photograph[: rows * 32, : columns * 32].reshape(rows, 32, columns, 32, 3)
        cut = cut.transpose(0, 2, 1, 3, 4)
        for half in range(4):
            part = cut[:, half * columns // 4 : (half + 1) * columns // 4].reshape(-1, 32, 32, 3)
            images.append(part)
            labels.append(np.full(len(part), 4 * label + half))
    order = np.random.default_rng(0).permutation(sum(map(len, labels)))
    pixels = (np.concatenate(images)[order] / 127.5 - 1).astype(np.float32)
    names = np.concatenate(labels)[order].astype(np.int32)
    return (pixels[:260], names[:260]), (pixels[260:], names[260:])


@pytest.fixture(scope="module", autouse=True)
def trained_shortly():
    """A fifth of the steps is enough for these few images, of both kinds of classifiers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(classifier, "CONVOLUTIONAL", classifier.Training(200, 64))
        patched.setattr(classifier, "DENSE", classifier.Training(200, 128))
        yield


@pytest.fixture(scope="module")
def fitted(patches, trained_shortly):
    return {
        name: FEATURE_MAPS[name].fit(jax.random.key(0), *patches[0], DIMENSION) for name in MAPS
    }


def features_of(name, params, images):
    return np.asarray(jax.jit(FEATURE_MAPS[name].apply)(params, jnp.asarray(images, jnp.float32)))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28, 1), False),
        ((8, 8, 1), False),
        ((31, 64, 1), False),
        ((32, 32, 1), True),
        ((64, 64, 3), True),
        ((8, 8, 3), True),
        ((8, 8, 2), True),
    ],
)
def test_colour_and_sides_of_32_pixels_make_the_maps_convolutional(shape, expected):
    assert convolutions.convolutional(jnp.zeros((2, *shape))) is expected
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(classifier, "CONVOLUTIONAL", classifier.Training(1, 2))
        patched.setattr(classifier, "DENSE", classifier.Training(1, 2))
        params = jax.eval_shape(
            lambda key, images: FEATURE_MAPS["random"].fit(key, images, None, 2),
            jax.random.key(0),
            jax.ShapeDtypeStruct((4, *shape), jnp.float32),
        )
    assert ("stages" in params) is expected


def test_windows_are_those_of_a_convolution_with_zeros_around():
    rng = np.random.default_rng(0)
    for shape, stride in (((2, 7, 10, 3), 2), ((1, 5, 4, 2), 1), ((2, 12, 9, 1), 3)):
        images = rng.normal(size=shape).astype(np.float32)
        kernel = rng.normal(size=(2 * stride, 2 * stride, shape[3], 5)).astype(np.float32)
        expected = jax.lax.conv_general_dilated(
            images, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        # Block by block, as the windows are.
        blocks = kernel.reshape(2, stride, 2, stride, shape[3], 5).transpose(0, 2, 1, 3, 4, 5)
        found = convolutions._windows(jnp.asarray(images), stride) @ blocks.reshape(-1, 5)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 3, 2), (33, 47, 1), (64, 64, 3), (16, 1, 4)])
def test_any_size_is_pooled_to_as_many_outputs(shape):
    images = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (3, *shape)), jnp.float32)
    stages = convolutions.initial_stages(jax.random.key(0), images)
    found = jax.jit(convolutions.pooled)(stages, images)
    assert found.shape == (3, convolutions.WIDTHS[-1])
    assert np.isfinite(found).all()


def test_images_are_taken_some_at_a_time(patches, fitted, monkeypatch):
    images = patches[1][0][:70]
    whole = features_of("classifier", fitted["classifier"], images)
    monkeypatch.setattr(convolutions, "_TOGETHER", 32)
    parts = jax.jit(lambda params, x: FEATURE_MAPS["classifier"].apply(params, x))
    np.testing.assert_allclose(parts(fitted["classifier"], images), whole, atol=1e-4)


def test_the_classifier_knows_patches_better_than_one_without_convolutions(patches, fitted):
    found = accuracy(fitted["classifier"], *patches[1])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(classifier, "convolutional", lambda images: False)
        params = FEATURE_MAPS["classifier"].fit(jax.random.key(0), *patches[0], DIMENSION)
    assert "hidden" in params
    assert found > accuracy(params, *patches[1]) + 0.05


def test_its_probabilities_are_the_same_from_features_as_from_images(patches, fitted):
    images = patches[1][0][:100]
    features = features_of("classifier", fitted["classifier"], images)
    logits = np.asarray(class_logits(fitted["classifier"], images), np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = class_probabilities_of_features(fitted["classifier"], features)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@every_map
def test_a_distance_grows_with_each_degradation(name, patches, fitted):
    images = patches[1][0]
    noise = np.random.default_rng(1).normal(size=images.shape)
    shift = np.array([1, -1, 1])
    degraded = {
        "blur": [gaussian_filter(images, (0, s, s, 0)) for s in (1, 2, 4)],
        "noise": [np.clip(images + s * noise, -1, 1) for s in (0.2, 0.4, 0.8)],
        "colour": [np.clip(images + s * shift, -1, 1) for s in (0.1, 0.3, 0.9)],
        "contrast": [images * factor for factor in (0.8, 0.5, 0.2)],
        "classes": [images[patches[1][1] >= first] for first in (2, 4, 7)],
    }
    real = features_of(name, fitted[name], images)
    for kind, by_strength in degraded.items():
        found = [frechet_distance(real, features_of(name, fitted[name], x)) for x in by_strength]
        assert found == sorted(found) and found[0] > 0, kind


@every_map
def test_no_picture_is_too_far_from_the_patches_to_be_scored(name, patches, fitted):
    real = reach(features_of(name, fitted[name], patches[1][0]))
    white = np.ones((100, 32, 32, 3), np.float32)
    noise = np.random.default_rng(0).choice(np.float32([-1, 1]), white.shape)
    stripes = white * np.resize(np.float32([1, -1]), 32)[None, :, None, None]
    magenta = white * np.float32([1, -1, 1])
    for images in (white, -white, 0 * white, noise, 0.5 * noise, stripes, magenta):
        assert multiple(real, features_of(name, fitted[name], images)) < FARTHEST / 2


@every_map
def test_some_at_a_time_make_the_same_map(name, patches, monkeypatch):
    images, labels = patches[0]
    monkeypatch.setattr(classifier, "CONVOLUTIONAL", classifier.Training(20, 8))
    whole = FEATURE_MAPS[name].fit(jax.random.key(1), images, labels, 4)
    again = FEATURE_MAPS[name].fit(jax.random.key(1), images, labels, 4)
    jax.tree.map(np.testing.assert_array_equal, whole, again)
    monkeypatch.setattr(layers, "LARGE", 0)
    monkeypatch.setattr(layers, "BLOCK", 3072 * 50)
    monkeypatch.setattr(classifier, "BLOCK", 3072 * 50)
    parts = FEATURE_MAPS[name].fit(jax.random.key(1), images, labels, 4)
    close = jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-5), parts, whole)
    assert jax.tree.all(close)


def test_constant_images_and_a_single_class_give_finite_features(monkeypatch):
    monkeypatch.setattr(classifier, "CONVOLUTIONAL", classifier.Training(20, 8))
    images, labels = jnp.zeros((40, 8, 8, 3)), jnp.zeros(40, jnp.int32)
    for name in MAPS:
        params = FEATURE_MAPS[name].fit(jax.random.key(0), images, labels, 4)
        assert np.isfinite(FEATURE_MAPS[name].apply(params, images + 0.5)).all()
