"""Principal components: the pixels, centred and projected on their directions of most variance.

Not whitened: whitening would give the faintest component the weight of the strongest, and the
distance would mostly measure pixel noise. As it is, Fréchet distances keep the units of pixels
squared.

References:
  Hotelling, "Analysis of a complex of statistical variables into principal components", Journal
  of Educational Psychology 24, 1933.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features.contract import feature_map
from normsweep.objectives.features.layers import flatten


def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> PyTree:
    """Returns the mean image and the leading components, computed in float64 by NumPy.

    The key and the labels play no part. Raises `ValueError` for a dimension above the number of
    pixels or above the number of images less 1: there are no more directions than that.
    """
    del key, labels
    pixels = np.asarray(images, dtype=np.float64).reshape(len(images), -1)
    available = min(pixels.shape[1], len(pixels) - 1)
    if dimension > available:
        raise ValueError(
            f"dimension must be at most {available} for {len(pixels)} images of "
            f"{pixels.shape[1]} pixels, got {dimension}"
        )
    mean = pixels.mean(axis=0)
    components = _leading_components(pixels - mean, dimension)
    return {
        "mean": jnp.asarray(mean, jnp.float32),
        "components": jnp.asarray(components, jnp.float32),
    }


def apply(params: PyTree, images: jax.Array) -> jax.Array:
    """Returns (pixels - mean) · components, float32 of shape `[n, dimension]`."""
    centred = flatten(images) - jnp.expand_dims(params["mean"], 0)
    return jnp.matmul(centred, params["components"], precision=jax.lax.Precision.HIGHEST)


def _leading_components(centred: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Returns orthonormal columns of shape `[pixels, dimension]`, by falling variance.

    A component's sign is arbitrary; here its entry of largest magnitude is positive.
    """
    samples, pixels = centred.shape
    # The smaller of XᵀX and XXᵀ has the same eigenvalues; QR makes orthonormal columns of either.
    if pixels <= samples:
        leading = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimension]
    else:
        weights = np.linalg.eigh(centred @ centred.T)[1][:, ::-1][:, :dimension]
        leading = np.linalg.qr(centred.T @ weights)[0]
    largest = np.abs(leading).argmax(axis=0)
    signs: NDArray[np.float64] = np.sign(leading[largest, np.arange(dimension)])
    return leading * signs


PCA = feature_map(
    fit,
    apply,
    needs_labels=False,
    summary="projection on the leading principal components of the pixels",
    source="Hotelling, J. Educ. Psychol. 24, 1933",
)
