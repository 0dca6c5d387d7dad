"""A small classifier, trained on labelled images; its features are its bottleneck's outputs.

pixels → 256 GELUs → `dimension` linear outputs (the features) → GELU → classes. What tells the
classes apart is what a distance in these features attends to, as in the Inception network of FID,
but fitted to the images at hand and in seconds.

References:
  Heusel et al. 2017, arXiv:1706.08500 (distances in a classifier's features); Loshchilov and
  Hutter 2017, arXiv:1711.05101 (AdamW).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.layers import (
    dense,
    flatten,
    scaled_gaussian_layer,
    standardisation,
    standardise,
)

HIDDEN_WIDTH = 256
TRAINING_STEPS = 1500
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns a trained classifier and the scale of its bottleneck on `images`.

    Labels are integers from 0; there are as many classes as the largest one says, and at least 2.
    Raises `ValueError` for a label below 0.
    """
    if labels is None or int(np.min(labels)) < 0:
        raise ValueError("labels must be integers from 0 for the classifier's features")
    class_count = max(2, int(np.max(labels)) + 1)
    return _train(key, flatten(images), jnp.asarray(labels, jnp.int32), dimension, class_count)


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the standardised outputs of the bottleneck, float32 of shape `[n, dimension]`."""
    return standardise(params["scale"], _bottleneck(params, flatten(images)))


def class_logits(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the classifier's logits for images, float32 of shape `[n, classes]`."""
    return _logits(params, flatten(images))


def class_probabilities_of_features(params: PyTree, features: jax.Array) -> jax.Array:
    """Returns the classifier's probabilities for features of `apply`, float32 `[n, classes]`.

    The features are the bottleneck's outputs but for their scale, so no image is needed.
    """
    scale = params["scale"]
    outputs = features * jnp.expand_dims(scale["std"], 0) + jnp.expand_dims(scale["mean"], 0)
    return jax.nn.softmax(_classes(params, outputs), axis=1)


def accuracy(params: PyTree, images: jax.Array, labels: jax.Array) -> float:
    """Returns the fraction of images whose largest logit is that of their label."""
    predicted = jnp.argmax(class_logits(params, images), axis=1)
    return float(np.mean(np.asarray(predicted) == np.asarray(labels)))


def _bottleneck(network: PyTree, pixels: jax.Array) -> jax.Array:
    return dense(network["bottleneck"], jax.nn.gelu(dense(network["hidden"], pixels)))


def _logits(network: PyTree, pixels: jax.Array) -> jax.Array:
    return _classes(network, _bottleneck(network, pixels))


def _classes(network: PyTree, outputs: jax.Array) -> jax.Array:
    return dense(network["classes"], jax.nn.gelu(outputs))


def _initial_network(key: jax.Array, widths: tuple[int, int, int, int]) -> PyTree:
    names = ("hidden", "bottleneck", "classes")
    keys = jax.random.split(key, len(names))
    layers = zip(names, keys, widths[:-1], widths[1:], strict=True)
    return {
        name: scaled_gaussian_layer(layer_key, inputs, outputs, variance=1.0)
        for name, layer_key, inputs, outputs in layers
    }


@partial(jax.jit, static_argnums=(3, 4))
def _train(
    key: jax.Array, pixels: jax.Array, labels: jax.Array, dimension: int, class_count: int
) -> PyTree:
    network_key, batch_key = jax.random.split(key)
    network = _initial_network(network_key, (pixels.shape[1], HIDDEN_WIDTH, dimension, class_count))
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, TRAINING_STEPS)
    optimiser = optax.adamw(schedule, weight_decay=WEIGHT_DECAY)

    def loss(candidate: PyTree, batch: jax.Array) -> jax.Array:
        logits = _logits(candidate, pixels[batch])
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch]))

    def step(carry: tuple[PyTree, PyTree], batch: jax.Array) -> tuple[tuple[PyTree, PyTree], None]:
        current, optimiser_state = carry
        gradient = jax.grad(loss)(current, batch)
        # Optax's Adam raises a float to an integer power, which strict promotion forbids.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimiser_state = optimiser.update(gradient, optimiser_state, current)
        return (optax.apply_updates(current, updates), optimiser_state), None

    # Indices fit 32 bits whether or not JAX's 64-bit mode is on.
    batches = jax.random.randint(batch_key, (TRAINING_STEPS, BATCH_SIZE), 0, len(pixels), jnp.int32)
    (network, _), _ = jax.lax.scan(step, (network, optimiser.init(network)), batches)
    return network | {"scale": standardisation(_bottleneck(network, pixels))}


CLASSIFIER = feature_map(
    fit,
    apply,
    needs_labels=True,
    summary="standardised bottleneck of a classifier trained on labelled images",
    source="after Heusel et al. 2017, arXiv:1706.08500",
)
