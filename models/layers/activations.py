"""The activations that a spec can name; each docstring ends with the source in brackets."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp

Activation = Callable[[jax.Array], jax.Array]


def relu(x: jax.Array) -> jax.Array:
    """max(x, 0) (Nair and Hinton, ICML 2010)."""
    return jax.nn.relu(x)


def leaky_relu(x: jax.Array) -> jax.Array:
    """max(x, 0.2·x), the slope of DCGAN's discriminator (arXiv:1511.06434, sec. 3)."""
    return jax.nn.leaky_relu(x, 0.2)


def elu(x: jax.Array) -> jax.Array:
    """x above 0, exp(x) − 1 below (Clevert et al. 2015, arXiv:1511.07289)."""
    return jax.nn.elu(x)


def gelu(x: jax.Array) -> jax.Array:
    """x·Φ(x), by its tanh approximation (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""
    return jax.nn.gelu(x)


def silu(x: jax.Array) -> jax.Array:
    """x·sigmoid(x) (Elfwing et al. 2017, arXiv:1702.03118)."""
    return jax.nn.silu(x)


def tanh(x: jax.Array) -> jax.Array:
    """tanh(x) (LeCun et al., Efficient BackProp, 1998, sec. 4.4)."""
    return jnp.tanh(x)


def sigmoid(x: jax.Array) -> jax.Array:
    """1/(1 + exp(−x)) (Rumelhart et al., Nature 323, 1986)."""
    return jax.nn.sigmoid(x)


def tanh_image(x: jax.Array) -> jax.Array:
    """tanh(x), the output of DCGAN's generator (arXiv:1511.06434, sec. 3)."""
    return jnp.tanh(x)


def identity(x: jax.Array) -> jax.Array:
    """x, pixels without a bound."""
    return x


def sigmoid_image(x: jax.Array) -> jax.Array:
    """2·sigmoid(x) − 1 = tanh(x/2), a sigmoid on the pixel scale (arXiv:1406.2661, sec. 5)."""
    return jnp.tanh(0.5 * x)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": relu,
        "leaky_relu": leaky_relu,
        "elu": elu,
        "gelu": gelu,
        "silu": silu,
        "tanh": tanh,
        "sigmoid": sigmoid,
    }
)
"""Activations of hidden layers by name."""

IMAGE_OUTPUTS: Mapping[str, Activation] = MappingProxyType(
    {"tanh": tanh_image, "sigmoid": sigmoid_image, "linear": identity}
)
"""What a generator puts behind its last layer, by name; pixels lie in [−1, 1]."""
