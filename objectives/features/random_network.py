"""A random network: fixed Gaussian weights, one hidden layer of ReLUs, standardised outputs.

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
    pixels = math.prod(images.shape[1:])
    hidden = scaled_gaussian_layer(hidden_key, pixels, HIDDEN_WIDTH, variance=2.0)
    # Without biases the network would be homogeneous: a faint image and a bright one are alike.
    hidden["bias"] = 0.5 * jax.random.normal(bias_key, (HIDDEN_WIDTH,), jnp.float32)
    output = scaled_gaussian_layer(output_key, HIDDEN_WIDTH, dimension, variance=1.0)
    network = {"hidden": hidden, "output": output}
    return network | {"scale": standardisation(in_blocks(partial(_outputs, network), images))}


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns the network's standardised outputs, float32 of shape `[n, dimension]`."""
    return standardise(params["scale"], _outputs(params, flatten(images)))


def _outputs(network: PyTree, pixels: jax.Array) -> jax.Array:
    return dense(network["output"], jax.nn.relu(dense(network["hidden"], pixels)))


RANDOM_NETWORK = feature_map(
    fit,
    apply,
    needs_labels=False,
    in_blocks=True,
    summary="standardised outputs of a fixed random network of ReLUs",
    source="Naeem et al. 2020, arXiv:2002.09797",
)
