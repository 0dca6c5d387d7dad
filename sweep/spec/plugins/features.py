"""A user's own feature map."""

from collections.abc import Hashable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from normsweep.errors import UserError
from normsweep.objectives.features import MAXIMUM_DIMENSION, FeatureMap
from normsweep.spec.plugins.load import in_one_line, load_plugin, plugin_content, plugin_path

FIELD = "score.features"
ACCEPTED = (
    "accepted is a function, in JAX, of images [n, height, width, channels] that returns features "
    f"[n, d] with d of 1 to {MAXIMUM_DIMENSION}, or a FeatureMap of such"
)


def plugin_feature_map(reference: str) -> FeatureMap:
    """The user's feature map: a `FeatureMap`, or a function of images alone.

    Such a function takes images [n, h, w, c] float32 in [-1, 1] to features [n, d] of any float
    type, in JAX: it runs inside a jitted program. It learns nothing, and d is what it returns,
    whatever `score.dimension` says. The same reference to the same content gives the same object.

    Raises:
        UserError: as `load_plugin` does, and for an object that is neither.
    """
    load_plugin(reference, FIELD)
    return _feature_map(reference, plugin_content(reference))


def check_features(reference: str, apply: Any, params: Any, images: np.ndarray) -> int:
    """The dimension of a plug-in's features, after tracing it once for images [n, h, w, c].

    At most 64 are accepted, as of our own maps: the bias of the Fréchet distance grows with them.

    Raises:
        UserError: it fails, or does not return [n, d] with d of 1 to 64.
    """
    where = f"{FIELD} = {reference!r}"
    try:
        shape = jax.eval_shape(apply, params, images).shape
    except Exception as error:
        raise UserError(
            f"{where}: {in_one_line(error, plugin_path(reference))}; {ACCEPTED}"
        ) from error
    if len(shape) != 2 or shape[0] != len(images) or not 1 <= shape[1] <= MAXIMUM_DIMENSION:
        raise UserError(
            f"{where}: returns the shape {list(shape)} for images {list(images.shape)}; {ACCEPTED}"
        )
    return int(shape[1])


@cache
def _feature_map(reference: str, content: Hashable) -> FeatureMap:
    # Programs are compiled once for each function: the wrapper must be the same one each time.
    del content
    found = load_plugin(reference, FIELD)
    if isinstance(found, FeatureMap):
        return found
    if not callable(found):
        kind = type(found).__name__
        raise UserError(f"{FIELD} = {reference!r}: it is of type {kind}; {ACCEPTED}")

    def fit(key: jax.Array, images: jax.Array, labels: jax.Array | None, dimension: int) -> Any:
        del key, images, labels, dimension
        return {}

    def apply(params: Any, images: jax.Array) -> jax.Array:
        del params
        return jnp.asarray(found(images)).astype(jnp.float32)

    name = getattr(found, "__name__", type(found).__name__)
    return FeatureMap(fit, apply, needs_labels=False, summary=name, source=reference)
