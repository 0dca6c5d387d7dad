"""Principal components: the pixels, centred and projected on their directions of most variance.

Not whitened: whitening would give the faintest component the weight of the strongest, and the
distance would mostly measure pixel noise. As it is, Fréchet distances keep the units of pixels
squared.

References:
  Hotelling, "Analysis of a complex of statistical variables into principal components", Journal
  of Educational Psychology 24, 1933.
"""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.layers import flatten

LARGE = 2**29
"""Bytes of pixels as float64 from which the sums are over some images at a time."""


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns the mean image and the leading components, computed in float64 by NumPy.

    The key and the labels play no part. Raises `ValueError` for a dimension above the number of
    pixels or above the number of images less 1: there are no more directions than that.
    """
    del key, labels
    count, size = len(images), math.prod(images.shape[1:])
    available = min(size, count - 1)
    if dimension > available:
        raise ValueError(
            f"dimension must be at most {available} for {count} images of {size} pixels, "
            f"got {dimension}"
        )
    if size <= count and 8 * count * size >= LARGE:
        mean, products = _moments(images, size)
        components = _signed(_last_eigenvectors(products, dimension))
    else:
        pixels = np.array(images, dtype=np.float64).reshape(count, size)
        mean = pixels.mean(axis=0)
        pixels -= mean
        components = _leading_components(pixels, dimension)
    return {
        "mean": jnp.asarray(mean, jnp.float32),
        "components": jnp.asarray(components, jnp.float32),
    }


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns (pixels - mean) · components, float32 of shape `[n, dimension]`."""
    centred = flatten(images) - jnp.expand_dims(params["mean"], 0)
    return jnp.matmul(centred, params["components"], precision=jax.lax.Precision.HIGHEST)


def _moments(images: jax.Array, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of the pixels and their centred sum of products, from some images at a time.

    The products are one triangle of the matrix, the lower.
    """
    rows = max(1, LARGE // 64 // (8 * size))

    def blocks() -> Iterator[NDArray[np.float64]]:
        for begin in range(0, len(images), rows):
            block = np.asarray(images[begin : begin + rows], dtype=np.float64)
            yield block.reshape(len(block), size)

    # Adds to one triangle, where it lies.
    from scipy.linalg.blas import dsyrk

    mean = np.zeros(size)
    for block in blocks():
        mean += block.sum(axis=0) / len(images)
    products = np.zeros((size, size), order="F")
    for block in blocks():
        block -= mean
        products = dsyrk(1.0, block.T, beta=1.0, c=products, overwrite_c=True, lower=True)
    return mean, products


def _leading_components(centred: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Returns orthonormal columns of shape `[pixels, dimension]`, by falling variance.

    A component's sign is arbitrary; here its entry of largest magnitude is positive.
    """
    samples, pixels = centred.shape
    # The smaller of XᵀX and XXᵀ has the same eigenvalues; QR makes orthonormal columns of either.
    if pixels <= samples:
        leading = _eigenvectors(centred.T @ centred, dimension)
    else:
        weights = _eigenvectors(centred @ centred.T, dimension)
        leading = np.linalg.qr(centred.T @ weights)[0]
    return _signed(leading)


def _eigenvectors(products: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Those of the largest eigenvalues, as columns."""
    found: NDArray[np.float64] = np.linalg.eigh(products)[1][:, ::-1][:, :count]
    return found


def _last_eigenvectors(products: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The same of a lower triangle, in the memory of it and of so many columns alone."""
    from scipy.linalg import eigh

    last = (len(products) - count, len(products) - 1)
    found: NDArray[np.float64] = eigh(
        products, lower=True, subset_by_index=last, overwrite_a=True, check_finite=False
    )[1]
    return found[:, ::-1]


def _signed(leading: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same directions, each with the sign that makes its largest entry positive."""
    dimension = leading.shape[1]
    largest = np.abs(leading).argmax(axis=0)
    signs: NDArray[np.float64] = np.sign(leading[largest, np.arange(dimension)])
    return leading * signs


PCA = feature_map(
    fit,
    apply,
    needs_labels=False,
    in_blocks=True,
    summary="projection on the leading principal components of the pixels",
    source="Hotelling, J. Educ. Psychol. 24, 1933",
)
