"""What every distance asks of its two samples before it looks at a number."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.integer]


def as_features(name: str, features: ArrayLike) -> Float64Array:
    """Returns `features` as float64 of shape `[n, d]`, one row per sample.

    Raises `ValueError` for another number of dimensions, for fewer than 2 samples (no variance can
    be estimated), for no features at all, and for NaN or infinite entries.
    """
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape [samples, features], got {array.shape}")
    if array.shape[0] < 2 or array.shape[1] < 1:
        raise ValueError(
            f"{name} needs at least 2 samples and 1 feature, got the shape {array.shape}"
        )
    check_finite(name, array)
    return array


def feature_pair(features_a: ArrayLike, features_b: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Returns both samples checked; raises `ValueError` where they differ in their features."""
    a = as_features("features_a", features_a)
    b = as_features("features_b", features_b)
    check_alike(a.shape[1], b.shape[1])
    return a, b


def as_labels(name: str, labels: ArrayLike, count: int) -> IntArray:
    """Returns `labels` as integers of shape `[count]`; raises `ValueError` for anything else."""
    array = np.asarray(labels)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must be {count} integers, got {array.dtype} of shape {array.shape}"
        )
    return array


def check_alike(features_a: int, features_b: int) -> None:
    """Raises `ValueError` unless both sides have as many features."""
    if features_a != features_b:
        raise ValueError(
            f"both samples must have as many features each, got {features_a} and {features_b}"
        )


def check_finite(name: str, array: Float64Array) -> None:
    """Raises `ValueError` if any entry of `array` is NaN or infinite."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
