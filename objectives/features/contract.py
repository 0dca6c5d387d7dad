"""What a feature map is, and the checks that every one of them makes."""

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

import jax

from normsweep.objectives.aliases import PyTree
from normsweep.objectives.limits import MAXIMUM_DIMENSION

Fit = Callable[[jax.Array, jax.Array, jax.Array | None, int], PyTree]
Apply = Callable[[PyTree, jax.Array], jax.Array]


class FeatureMap(NamedTuple):
    """A map from images to features, in two pure functions.

    `fit(key, images, labels, dimension)` returns the parameters, a tree of arrays, learned from
    images of shape `[n, height, width, channels]` in [-1, 1] and, where `needs_labels`, integer
    labels of shape `[n]`; else labels are ignored and may be `None`. It is deterministic in its
    arguments. `apply(params, images)` returns float32 features of shape `[n, dimension]`; it may
    be jitted. Where `in_blocks`, `fit` reads the images by slices and indices of rows, and so need
    not be given an array.

    The features of a map must never be used to judge samples of the images it was fitted on.
    """

    fit: Fit
    apply: Apply
    needs_labels: bool
    summary: str
    source: str
    in_blocks: bool = False


def feature_map(
    fit: Fit,
    apply: Apply,
    *,
    needs_labels: bool,
    summary: str,
    source: str,
    in_blocks: bool = False,
) -> FeatureMap:
    """Returns a feature map whose `fit` raises `ValueError` for arguments outside the contract."""

    @wraps(fit)
    def checked_fit(
        key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int
    ) -> PyTree:
        if not 1 <= dimension <= MAXIMUM_DIMENSION:
            raise ValueError(
                f"dimension must be between 1 and {MAXIMUM_DIMENSION}, got {dimension}"
            )
        if images.ndim != 4 or len(images) < 2:
            raise ValueError(
                "images must have shape [n, height, width, channels] with n of 2 or more, "
                f"got {images.shape}"
            )
        if needs_labels and (labels is None or labels.shape != (len(images),)):
            raise ValueError(
                f"labels must have shape [{len(images)}], one for each image, "
                f"got {None if labels is None else labels.shape}"
            )
        return fit(key, images, labels, dimension)

    return FeatureMap(checked_fit, apply, needs_labels, summary, source, in_blocks)
