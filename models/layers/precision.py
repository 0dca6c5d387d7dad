"""The numbers that networks compute with; their weights and all else are float32 in each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx

FLOAT32 = "float32"


class Precision(NamedTuple):
    """An entry of `PRECISIONS`: layers with a kernel compute with numbers of the type `dtype`."""

    summary: str
    source: str
    dtype: jnp.dtype


PRECISIONS: Mapping[str, Precision] = MappingProxyType(
    {
        FLOAT32: Precision("all is float32", "IEEE 754-2008", jnp.dtype(jnp.float32)),
        "bfloat16": Precision(
            "matrix products of bfloat16; weights, normalisations, losses and scores are float32",
            "Kalamkar et al. 2019, arXiv:1905.12322",
            jnp.dtype(jnp.bfloat16),
        ),
    }
)
"""Precisions by name."""

_KERNELS = (nnx.Linear, nnx.Conv, nnx.ConvTranspose)
_NORMALISING = (nnx.BatchNorm, nnx.LayerNorm, nnx.GroupNorm, nnx.InstanceNorm)


def set_precision(module: nnx.Module, precision: str) -> None:
    """Makes the layers of a module compute in a precision; writes only how they are described.

    Kernels are cast where they are multiplied: what weight and spectral norm make of them is
    computed before that, in float32. Layers that normalise activations return float32.
    """
    for _, layer in nnx.iter_modules(module):
        if isinstance(layer, _KERNELS):
            layer.dtype = PRECISIONS[precision].dtype
        elif isinstance(layer, _NORMALISING):
            layer.dtype = jnp.dtype(jnp.float32)
