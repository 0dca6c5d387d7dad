"""Convolutions against those of JAX, in float64."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from normsweep.models.layers.convolution import Padding, convolve, convolve_transposed

DRAW = np.random.default_rng(3)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 1), (-1, 3))])
@pytest.mark.parametrize(("size", "stride"), [(4, 2), (3, 1), (5, 2)])
def test_convolutions_are_those_of_jax(size: int, stride: int, padding: Padding) -> None:
    with jax.enable_x64(True):
        x: Any = jnp.asarray(DRAW.normal(size=(2, 7, 6, 2)))
        kernel: Any = jnp.asarray(DRAW.normal(size=(size, size, 2, 3)))
        wanted = lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        found = jax.jit(lambda x, k: convolve(x, k, stride=stride, padding=padding))(x, kernel)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
        wanted = lax.conv_transpose(x, kernel, (stride, stride), padding)
        found = jax.jit(lambda x, k: convolve_transposed(x, k, stride=stride, padding=padding))(
            x, kernel
        )
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
