"""A small classifier, trained on labelled images; its features are its bottleneck's outputs.

pixels → 256 GELUs → `dimension` linear outputs (the features) → GELU → classes. Of colour images,
and from 32 × 32 pixels, convolutions (`convolutions.py`) stand for the 256 GELUs. What tells the
classes apart is what a distance in these features attends to, as in the Inception network of FID,
but fitted to the images at hand and in seconds.

References:
  Heusel et al. 2017, arXiv:1706.08500 (distances in a classifier's features); Loshchilov and
  Hutter 2017, arXiv:1711.05101 (AdamW).
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.convolutions import (
    WIDTHS,
    convolutional,
    initial_stages,
    pooled,
)
from normsweep.objectives.features.layers import (
    BLOCK,
    dense,
    flatten,
    in_blocks,
    large,
    scaled_gaussian_layer,
    standardisation,
    standardise,
)

HIDDEN_WIDTH = 256
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2


class Training(NamedTuple):
    """How many steps a classifier is trained, on batches of so many images."""

    steps: int
    batch: int


DENSE = Training(1500, 128)
CONVOLUTIONAL = Training(1000, 64)

_State = tuple[PyTree, PyTree]
"""A network and its optimiser's state."""


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns a trained classifier and the scale of its bottleneck on `images`.

    Labels are integers from 0; there are as many classes as the largest one says, and at least 2.
    Raises `ValueError` for a label below 0.
    """
    if labels is None or int(np.min(labels)) < 0:
        raise ValueError("labels must be integers from 0 for the classifier's features")
    class_count = max(2, int(np.max(labels)) + 1)
    labels = jnp.asarray(labels, jnp.int32)
    training = CONVOLUTIONAL if convolutional(images) else DENSE
    if large(images):
        return _train_on_parts(key, images, labels, dimension, class_count, training)
    whole = jnp.asarray(images[:], jnp.float32)
    return _train(key, whole, labels, dimension, class_count, training)


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the standardised outputs of the bottleneck, float32 of shape `[n, dimension]`."""
    return standardise(params["scale"], _bottleneck(params, images))


def class_logits(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the classifier's logits for images, float32 of shape `[n, classes]`."""
    return _logits(params, images)


def class_probabilities_of_features(params: PyTree, features: jax.Array) -> jax.Array:
    """Returns the classifier's probabilities for features of `apply`, float32 `[n, classes]`.

    The features are the bottleneck's outputs but for their scale, so no image is needed.
    """
    scale = params["scale"]
    outputs = features * jnp.expand_dims(scale["std"], 0) + jnp.expand_dims(scale["mean"], 0)
    return jax.nn.softmax(_classes(params, outputs), axis=1)


def accuracy(params: PyTree, images: jax.Array, labels: jax.Array) -> float:
    """Returns the fraction of images whose largest logit is that of their label.

    Takes no more of the images at once than a slice, and so need not be given an array.
    """
    rows = max(1, BLOCK // math.prod(images.shape[1:]))
    right = 0
    for begin in range(0, len(images), rows):
        part = slice(begin, begin + rows)
        predicted = _predicted(params, images[part])
        right += int(np.sum(np.asarray(predicted) == np.asarray(labels[part])))
    return right / len(images)


@jax.jit
def _predicted(params: PyTree, images: jax.Array) -> jax.Array:
    """The classes of largest logit. One program: call by call, each operation would be one."""
    return jnp.argmax(class_logits(params, images), axis=1)


def _bottleneck(network: PyTree, images: jax.Array) -> jax.Array:
    if "stages" in network:
        return dense(network["bottleneck"], pooled(network["stages"], images))
    hidden = dense(network["hidden"], flatten(images))
    return dense(network["bottleneck"], jax.nn.gelu(hidden))


def _logits(network: PyTree, images: jax.Array) -> jax.Array:
    return _classes(network, _bottleneck(network, images))


def _classes(network: PyTree, outputs: jax.Array) -> jax.Array:
    return dense(network["classes"], jax.nn.gelu(outputs))


def _initial_network(key: jax.Array, images: Any, dimension: int, class_count: int) -> PyTree:
    keys = jax.random.split(key, 3)
    network: PyTree
    if convolutional(images):
        network, width = {"stages": initial_stages(keys[0], images)}, WIDTHS[-1]
    else:
        pixels, width = math.prod(images.shape[1:]), HIDDEN_WIDTH
        network = {"hidden": scaled_gaussian_layer(keys[0], pixels, width, variance=1.0)}
    network["bottleneck"] = scaled_gaussian_layer(keys[1], width, dimension, variance=1.0)
    network["classes"] = scaled_gaussian_layer(keys[2], dimension, class_count, variance=1.0)
    return network


@partial(jax.jit, static_argnums=(3, 4, 5))
def _train(
    key: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    dimension: int,
    class_count: int,
    training: Training,
) -> PyTree:
    state, batches = _begin(key, images.shape, dimension, class_count, training)
    network, _ = _steps(training.steps, state, images, labels, batches)
    return network | {"scale": standardisation(_bottleneck(network, images))}


def _train_on_parts(
    key: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    dimension: int,
    class_count: int,
    training: Training,
) -> PyTree:
    """The same, with no more of the images on the device than some batches need."""
    state, batches = _begin(key, images.shape, dimension, class_count, training)
    batches = np.asarray(batches)
    size = math.prod(images.shape[1:])
    together = max(n for n in range(1, training.steps + 1) if _fits(n, size, training))
    within = np.arange(together * training.batch, dtype=np.int32).reshape(together, training.batch)
    for begin in range(0, training.steps, together):
        rows = batches[begin : begin + together]
        part = np.asarray(images[rows.reshape(-1)], np.float32)
        state = _steps_on_part(
            training.steps, state, part, labels[rows.reshape(-1)], within[: len(rows)]
        )
    network, _ = state
    outputs = in_blocks(jax.jit(partial(_bottleneck, network)), images)
    # Compiled, as it is where all is one program: the last bit of a deviation depends on it.
    return network | {"scale": jax.jit(standardisation)(outputs)}


def _fits(steps: int, size: int, training: Training) -> bool:
    """Whether so many steps are an equal part of all, with batches that fit in a block."""
    if training.steps % steps:
        return False
    return steps == 1 or steps * training.batch * size <= BLOCK


def _steps(
    of: int, state: _State, images: jax.Array, labels: jax.Array, batches: jax.Array
) -> _State:
    """Some steps `of` so many, with the images [n, h, w, c] at `batches` [steps, batch]."""

    def step(state: _State, batch: jax.Array) -> tuple[_State, None]:
        return _step(of, state, images[batch], labels[batch]), None

    return jax.lax.scan(step, state, batches)[0]


_steps_on_part = jax.jit(_steps, static_argnums=0, donate_argnums=1)


@partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _begin(
    key: jax.Array,
    shape: tuple[int, ...],
    dimension: int,
    class_count: int,
    training: Training,
) -> tuple[_State, jax.Array]:
    """The first state, and the images of each step's batch, for images of a shape [n, h, w, c]."""
    network_key, batch_key = jax.random.split(key)
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    network = _initial_network(network_key, images, dimension, class_count)
    # Indices fit 32 bits whether or not JAX's 64-bit mode is on.
    batches = jax.random.randint(batch_key, training, 0, shape[0], jnp.int32)
    return (network, _optimiser(training.steps).init(network)), batches


def _step(of: int, state: _State, images: jax.Array, labels: jax.Array) -> _State:
    current, optimiser_state = state

    def loss(candidate: PyTree) -> jax.Array:
        logits = _logits(candidate, images)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    gradient = jax.grad(loss)(current)
    # Optax's Adam raises a float to an integer power, which strict promotion forbids.
    with jax.numpy_dtype_promotion("standard"):
        updates, optimiser_state = _optimiser(of).update(gradient, optimiser_state, current)
    return optax.apply_updates(current, updates), optimiser_state


def _optimiser(steps: int) -> optax.GradientTransformation:
    schedule = optax.cosine_decay_schedule(LEARNING_RATE, steps)
    return optax.adamw(schedule, weight_decay=WEIGHT_DECAY)


CLASSIFIER = feature_map(
    fit,
    apply,
    needs_labels=True,
    in_blocks=True,
    summary="standardised bottleneck of a classifier trained on labelled images; convolutional of "
    "colour images and from 32 × 32 pixels",
    source="after Heusel et al. 2017, arXiv:1706.08500",
)
