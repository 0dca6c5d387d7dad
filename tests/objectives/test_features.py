"""Feature maps on the 8x8 digits of scikit-learn: shapes, determinism, scale, and their errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from normsweep.objectives.distances import frechet_distance
from normsweep.objectives.distances.reach import FARTHEST, multiple, reach
from normsweep.objectives.features import (
    FEATURE_MAPS,
    MAXIMUM_DIMENSION,
    accuracy,
    class_logits,
    class_probabilities_of_features,
)
from normsweep.objectives.features.layers import scaled_gaussian_layer, standardisation

DIMENSION = 32
every_map = pytest.mark.parametrize("name", sorted(FEATURE_MAPS))


@pytest.fixture(scope="module")
def digits():
    """600 images to fit on and 1197 to judge by, shuffled: (images, labels) each."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = (bunch.images[order, :, :, None] / 8 - 1).astype(np.float32)
    labels = bunch.target[order]
    images, labels = jnp.asarray(images), jnp.asarray(labels, jnp.int32)
    return (images[:600], labels[:600]), (images[600:], labels[600:])


@pytest.fixture(scope="module")
def fitted(digits):
    """The parameters of every map, fitted on the first 600 digits."""
    images, labels = digits[0]
    return {
        name: feature_map.fit(jax.random.key(0), images, labels, DIMENSION)
        for name, feature_map in FEATURE_MAPS.items()
    }


@every_map
def test_features_are_finite_float32_and_the_same_under_jit(name, digits, fitted):
    images = digits[1][0]
    features = FEATURE_MAPS[name].apply(fitted[name], images)
    assert features.shape == (len(images), DIMENSION) and features.dtype == jnp.float32
    assert np.isfinite(features).all()
    jitted = jax.jit(FEATURE_MAPS[name].apply)(fitted[name], images)
    np.testing.assert_allclose(jitted, features, rtol=1e-4, atol=1e-4)


@every_map
def test_fitting_again_gives_the_same_parameters_to_the_bit(name, digits, fitted):
    images, labels = digits[0]
    again = FEATURE_MAPS[name].fit(jax.random.key(0), images, labels, DIMENSION)
    jax.tree.map(np.testing.assert_array_equal, again, fitted[name])


@every_map
def test_noise_is_further_from_the_digits_than_other_digits_are(name, digits, fitted):
    images = digits[1][0]
    noise = jax.random.uniform(jax.random.key(1), (598, 8, 8, 1), jnp.float32, -1, 1)
    features = [
        np.asarray(FEATURE_MAPS[name].apply(fitted[name], batch))
        for batch in (images[:598], images[598:1196], noise)
    ]
    digits_apart = frechet_distance(features[0], features[1])
    assert frechet_distance(features[0], features[2]) > 5 * digits_apart


@every_map
def test_no_picture_is_too_far_from_the_digits_to_be_scored(name, digits, fitted):
    real = reach(np.asarray(FEATURE_MAPS[name].apply(fitted[name], digits[1][0][:300])))
    white = np.ones((300, 8, 8, 1), np.float32)
    noise = np.random.default_rng(0).choice(np.float32([-1, 1]), white.shape)
    for images in (white, -white, 0 * white, noise, 0.5 * noise):
        features = np.asarray(FEATURE_MAPS[name].apply(fitted[name], jnp.asarray(images)))
        assert multiple(real, features) < FARTHEST / 2


@pytest.mark.parametrize("name", ["classifier", "random"])
def test_features_are_standardised_over_the_fitting_images(name, digits, fitted):
    features = np.asarray(FEATURE_MAPS[name].apply(fitted[name], digits[0][0]))
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-3)


def test_the_classifier_knows_digits_that_it_has_not_seen(digits, fitted):
    images, labels = digits[1]
    assert accuracy(fitted["classifier"], images, labels) >= 0.93
    assert class_logits(fitted["classifier"], images).shape == (len(images), 10)


def test_its_probabilities_are_the_same_from_features_as_from_images(digits, fitted):
    images = digits[1][0]
    features = FEATURE_MAPS["classifier"].apply(fitted["classifier"], images)
    expected = softmax(np.asarray(class_logits(fitted["classifier"], images), np.float64), axis=1)
    for function in (class_probabilities_of_features, jax.jit(class_probabilities_of_features)):
        probabilities = function(fitted["classifier"], features)
        assert probabilities.dtype == jnp.float32
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_pca_is_that_of_scikit_learn_up_to_signs(digits, fitted):
    images = np.asarray(digits[0][0], np.float64).reshape(600, -1)
    expected = PCA(DIMENSION, svd_solver="full").fit(images).transform(images)
    features = np.asarray(FEATURE_MAPS["pca"].apply(fitted["pca"], digits[0][0]))
    np.testing.assert_allclose(np.abs(features), np.abs(expected), atol=1e-4)


def test_pca_of_fewer_images_than_pixels_keeps_all_their_variance(digits):
    images = digits[0][0][:20]
    feature_map = FEATURE_MAPS["pca"]
    params = feature_map.fit(jax.random.key(0), images, None, 19)
    components = np.asarray(params["components"], np.float64)
    np.testing.assert_allclose(components.T @ components, np.eye(19), atol=1e-5)
    variance = np.asarray(feature_map.apply(params, images)).var(axis=0)
    total = np.asarray(images, np.float64).reshape(20, -1).var(axis=0).sum()
    assert variance.sum() == pytest.approx(total, rel=1e-5)
    assert (np.diff(variance) <= 1e-6).all()


@every_map
def test_constant_images_give_finite_features(name):
    images, labels = jnp.zeros((40, 4, 4, 1)), jnp.arange(40) % 2
    feature_map = FEATURE_MAPS[name]
    params = feature_map.fit(jax.random.key(0), images, labels, 4)
    assert np.isfinite(feature_map.apply(params, images + 0.5)).all()


def test_weights_of_the_classifier_that_no_image_moves_decay():
    """By AdamW's (1 - rate · 0.01) in each of 1,500 steps, with a rate that falls as a cosine."""
    key, (images, labels) = jax.random.key(0), (jnp.zeros((40, 4, 4, 1)), jnp.arange(40) % 2)
    found = FEATURE_MAPS["classifier"].fit(key, images, labels, 4)["hidden"]["kernel"]
    layer_key = jax.random.split(jax.random.split(key)[0], 3)[0]
    begun = scaled_gaussian_layer(layer_key, 16, 256, variance=1.0)["kernel"]
    rates = 2e-3 * (1 + np.cos(np.pi * np.arange(1500) / 1500)) / 2
    np.testing.assert_allclose(found / begun, np.prod(1 - 1e-2 * rates), rtol=1e-4)


def test_an_output_that_hardly_moves_is_no_louder_than_a_hundredth_of_the_others():
    outputs = np.random.default_rng(0).normal(size=(500, 3)) * [1.0, 2.0, 1e-6]
    found = standardisation(jnp.asarray(outputs, jnp.float32))["std"]
    expected = outputs.std(axis=0)
    expected[2] = 0.01 * np.sqrt(np.mean(expected**2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_random_network_tells_a_faint_image_from_a_bright_one(digits, fitted):
    """Its biases are not 0: without them it would be the same but for a factor."""
    params = fitted["random"]
    assert np.std(params["hidden"]["bias"]) == pytest.approx(0.5, rel=0.15)
    std, mean = (np.asarray(params["scale"][name]) for name in ("std", "mean"))
    bright, faint = (
        np.asarray(FEATURE_MAPS["random"].apply(params, images)) * std + mean
        for images in (digits[1][0][:20], 0.1 * digits[1][0][:20])
    )
    assert np.abs(faint - 0.1 * bright).max() > 0.1


@every_map
@pytest.mark.parametrize("dimension", [0, 65])
def test_a_dimension_out_of_bounds_is_an_error_that_names_both(name, dimension):
    assert MAXIMUM_DIMENSION == 64
    images, labels = jnp.zeros((100, 10, 10, 1)), jnp.zeros(100, jnp.int32)
    with pytest.raises(ValueError, match=f"between 1 and 64, got {dimension}"):
        FEATURE_MAPS[name].fit(jax.random.key(0), images, labels, dimension)


def test_arguments_outside_the_contract_are_errors():
    key, images = jax.random.key(0), jnp.zeros((5, 2, 2, 1))
    with pytest.raises(ValueError, match="at most 4 for 5 images of 4 pixels, got 5"):
        FEATURE_MAPS["pca"].fit(key, images, None, 5)
    with pytest.raises(ValueError, match=r"labels must have shape \[5\].* got None"):
        FEATURE_MAPS["classifier"].fit(key, images, None, 2)
    with pytest.raises(ValueError, match="integers from 0"):
        FEATURE_MAPS["classifier"].fit(key, images, jnp.full(5, -1), 2)
    with pytest.raises(ValueError, match=r"\[n, height, width, channels\]"):
        FEATURE_MAPS["random"].fit(key, images[..., 0], None, 2)
