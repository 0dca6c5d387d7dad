"""The distributions of the latent vector that a spec can name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import numpy as np

Draw = Callable[[jax.Array, tuple[int, ...]], jax.Array]


def normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """float32 standard normal, from a typed key (Karras et al. 2018, arXiv:1812.04948)."""
    return jax.random.normal(key, shape, np.float32)


def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """float32 uniform on [−1, 1), from a typed key (DCGAN, arXiv:1511.06434, sec. 4)."""
    return jax.random.uniform(key, shape, np.float32, minval=-1, maxval=1)


LATENTS: Mapping[str, Draw] = MappingProxyType({"normal": normal, "uniform": uniform})
"""Distributions of the latent vector by name; each takes a key and a shape."""
