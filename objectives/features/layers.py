"""The steps that several feature maps share: flat pixels, a dense layer, standardised outputs."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from normsweep.objectives.aliases import PyTree

LARGE = 2**25
"""Pixels from which images are taken some at a time; the last bits may depend on it."""
BLOCK = 2**22


def flatten(images: jax.Array) -> jax.Array:
    """Returns images of shape `[n, …]` as float32 pixels of shape `[n, pixels]`."""
    return images.reshape(len(images), -1).astype(jnp.float32)


def large(images: jax.Array) -> bool:
    """Whether images are so many that no array of floats is made of all."""
    return math.prod(images.shape) >= LARGE


def in_blocks(function: Callable[[jax.Array], jax.Array], images: jax.Array) -> jax.Array:
    """Returns `function` of images, `[n, d]`: of `large` ones some at a time.

    `images` are read by slices alone, and need not be an array.
    """
    rows = max(1, BLOCK // math.prod(images.shape[1:])) if large(images) else len(images)
    if rows >= len(images):
        return function(jnp.asarray(images[:], jnp.float32))
    slices = (images[begin : begin + rows] for begin in range(0, len(images), rows))
    return jnp.concatenate([function(jnp.asarray(each, jnp.float32)) for each in slices])


def dense(layer: PyTree, inputs: jax.Array) -> jax.Array:
    """Returns inputs · kernel + bias, with `kernel` of shape `[in, out]` and `bias` of `[out]`.

    Computed in full float32: accelerators would by default round the factors to 10 bits, and a
    score would then depend on the device.
    """
    product = jnp.matmul(inputs, layer["kernel"], precision=jax.lax.Precision.HIGHEST)
    return product + jnp.expand_dims(layer["bias"], 0)


def scaled_gaussian_layer(
    key: jax.Array, inputs: int, outputs: int, variance: float
) -> dict[str, jax.Array]:
    """Returns a layer of normal weights with variance `variance`/inputs, and biases of 0.

    A variance of 2 keeps the scale of activations through a ReLU, 1 through a linear layer.

    References:
      He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    kernel = jax.random.normal(key, (inputs, outputs), jnp.float32)
    return {
        "kernel": kernel * jnp.sqrt(variance / inputs).astype(jnp.float32),
        "bias": jnp.zeros((outputs,), jnp.float32),
    }


def standardisation(outputs: jax.Array) -> dict[str, jax.Array]:
    """Returns `mean` and `std` of shape `[d]` over outputs of shape `[n, d]`.

    The standard deviations are at least 1% of their root mean square: an output that hardly moves
    on these images must not become the loudest feature on others.
    """
    std = jnp.std(outputs, axis=0)
    floor = 0.01 * jnp.sqrt(jnp.mean(jnp.square(std)))
    # All outputs constant: any positive number serves, and the features are all 0.
    floor = jnp.where(floor > 0, floor, jnp.ones_like(floor))
    return {"mean": jnp.mean(outputs, axis=0), "std": jnp.maximum(std, floor)}


def standardise(scale: PyTree, outputs: jax.Array) -> jax.Array:
    """Returns outputs of shape `[n, d]` shifted and scaled by a `standardisation`."""
    centred = outputs - jnp.expand_dims(scale["mean"], 0)
    return centred / jnp.expand_dims(scale["std"], 0)
