"""A random network: fixed Gaussian weights, one hidden layer of ReLUs, standardised outputs.

Of colour images, and from 32 × 32 pixels, convolutions stand for the hidden layer
(`convolutions.py`).

It needs neither labels nor training, favours no class, and sees what a linear map cannot.

References:
  Naeem et al. 2020, arXiv:2002.09797 (random embeddings for judging generators).
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.convolutions import (
    WIDTHS,
    convolutional,
    initial_stages,
    pooled,
)
from normsweep.objectives.features.layers import (
    dense,
    flatten,
    in_blocks,
    scaled_gaussian_layer,
    standardisation,
    standardise,
)

HIDDEN_WIDTH = 512


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns weights drawn with `key`, and the scale of their outputs on `images`.

    The labels play no part.
    """
    del labels
    hidden_key, bias_key, output_key = jax.random.split(key, 3)
    network: PyTree
    if convolutional(images):
        stages = initial_stages(hidden_key, images)
        biases = zip(stages, jax.random.split(bias_key, len(WIDTHS)), strict=True)
        network = {"stages": [_biased(stage, each) for stage, each in biases]}
        width = WIDTHS[-1]
    else:
        pixels, width = math.prod(images.shape[1:]), HIDDEN_WIDTH
        hidden = scaled_gaussian_layer(hidden_key, pixels, width, variance=2.0)
        network = {"hidden": _biased(hidden, bias_key)}
    network["output"] = scaled_gaussian_layer(output_key, width, dimension, variance=1.0)
    outputs = partial(_outputs, network)
    # Operation by operation the convolutions of many images would take as long as a study.
    of_all = in_blocks(jax.jit(outputs) if convolutional(images) else outputs, images)
    return network | {"scale": standardisation(of_all)}


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the network's standardised outputs, float32 of shape `[n, dimension]`."""
    return standardise(params["scale"], _outputs(params, images))


def _outputs(network: PyTree, images: jax.Array) -> jax.Array:
    if "stages" in network:
        return dense(network["output"], pooled(network["stages"], images))
    return dense(network["output"], jax.nn.relu(dense(network["hidden"], flatten(images))))


def _biased(layer: PyTree, key: jax.Array) -> PyTree:
    """Without biases the network would be homogeneous: a faint image and a bright one are alike."""
    return layer | {"bias": 0.5 * jax.random.normal(key, layer["bias"].shape, jnp.float32)}


RANDOM_NETWORK = feature_map(
    fit,
    apply,
    needs_labels=False,
    in_blocks=True,
    summary="standardised outputs of a fixed random network of ReLUs; convolutional of colour "
    "images and from 32 × 32 pixels",
    source="Naeem et al. 2020, arXiv:2002.09797",
)
