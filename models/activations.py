"""The activations that a spec can name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp

Activation = Callable[[jax.Array], jax.Array]


def leaky_relu(x: jax.Array) -> jax.Array:
    """max(x, 0.2·x), the slope of DCGAN's discriminator (arXiv:1511.06434, sec. 3)."""
    return jax.nn.leaky_relu(x, 0.2)


def identity(x: jax.Array) -> jax.Array:
    """x."""
    return x


def sigmoid_image(x: jax.Array) -> jax.Array:
    """2·sigmoid(x) − 1 = tanh(x/2): a sigmoid output on the pixel scale [−1, 1]."""
    return jnp.tanh(0.5 * x)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": jax.nn.relu,
        "leaky_relu": leaky_relu,
        "elu": jax.nn.elu,
        "gelu": jax.nn.gelu,
        "silu": jax.nn.silu,
        "tanh": jnp.tanh,
        "sigmoid": jax.nn.sigmoid,
    }
)
"""Activations of hidden layers by name."""

IMAGE_OUTPUTS: Mapping[str, Activation] = MappingProxyType(
    {"tanh": jnp.tanh, "sigmoid": sigmoid_image, "linear": identity}
)
"""What a generator puts behind its last layer, by name; pixels lie in [−1, 1]."""
