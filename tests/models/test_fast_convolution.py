"""The convolution that layers of Flax take in place of that of JAX."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from normsweep.models import fast_convolution

X = jnp.asarray(np.random.default_rng(2).normal(size=(2, 6, 6, 2)), np.float32)
LAYERS: dict[str, dict[str, Any]] = {
    "same": {},
    "down": {"strides": (2, 2)},
    "valid": {"strides": (2, 2), "padding": "VALID"},
    "up": {"input_dilation": (2, 2), "padding": ((2, 2), (2, 2))},
    # These go to JAX.
    "uneven": {"strides": (2, 1)},
    "wide": {"kernel_dilation": (2, 2)},
    "grouped": {"feature_group_count": 2},
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_nnx_gives_the_same_with_it(name: str) -> None:
    ours, theirs = (
        nnx.Conv(2, 4, (4, 4), rngs=nnx.Rngs(0), **LAYERS[name], **convolution)
        for convolution in ({"conv_general_dilated": fast_convolution}, {})
    )
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-5, atol=1e-5)


def test_a_layer_of_linen_gives_the_same_with_it() -> None:
    layers = [
        nn.Conv(4, (4, 4), **LAYERS["up"], **convolution)
        for convolution in ({"conv_general_dilated": fast_convolution}, {})
    ]
    variables = layers[0].init(jax.random.key(0), X)
    found, wanted = (layer.apply(variables, X) for layer in layers)
    assert found.shape == (2, 12, 12, 4)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
