"""The feature map of a study, fitted on the images set aside for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from normsweep.data import Dataset
from normsweep.data.fingerprint import fingerprint
from normsweep.data.pixels import Rows
from normsweep.engine.population import Features
from normsweep.errors import UserError
from normsweep.objectives.aliases import PyTree
from normsweep.objectives.features import FEATURE_MAPS, FeatureMap
from normsweep.objectives.features import classifier as classifier_map
from normsweep.objectives.features.layers import large
from normsweep.score.kept import keep_named, kept, kept_as_named
from normsweep.spec.plugins import check_features, is_plugin, plugin_feature_map
from normsweep.spec.plugins.load import in_one_line, plugin_path
from normsweep.spec.sections import ScoreSection

CLASSIFIER = "classifier"
_FITTING = 0x5EED
"""Sets the keys of the feature map apart from those of the members, which are of the fold."""

SEEN_BY_FINGERPRINT = 1024
"""On how many images a user's own map is told from another."""


@dataclass(frozen=True)
class FittedFeatures:
    """A feature map with its parameters, and a fingerprint that changes with what it computes.

    `dimension` is the number of features of an image.
    """

    apply: Features
    params: Any
    fingerprint: str
    dimension: int


def unheeded(params: PyTree) -> None:
    """What is told of parameters that nobody waits for."""
    del params


def fit_features(
    score: ScoreSection,
    dataset: Dataset,
    aside: np.ndarray,
    seed: int,
    samples: int,
    like: Callable[[PyTree], None] = unheeded,
    known: str | None = None,
) -> FittedFeatures:
    """Fits the feature map of a spec on the images at `aside`, or takes it as it was fitted before.

    Of the fingerprint that is `known` of it, where such a map is kept on this machine.

    `like` is called with arrays of the shapes and dtypes of its parameters: before it is fitted
    where these are known then, and with its parameters themselves.

    A user's own map has its features of these images in its fingerprint: a change of its code
    counts where it changes a number, and a comment does not.

    Raises:
        UserError: it needs labels and there are none, cannot be fitted, is no usable plug-in, or
            has as many features as there are `samples` to compare, or more.
    """
    name = score.features
    if not is_plugin(name):
        _check_dimension(f"score.dimension = {score.dimension}", score.dimension, samples)
        if name == CLASSIFIER and dataset.labels is not None:
            _check_classes(int(dataset.labels.max()) + 1, len(aside))
        of = FEATURE_MAPS[name], score.dimension, dataset, aside, seed

        def fit() -> PyTree:
            if (shapes := _like(*of)) is not None:
                like(shapes)
            return _fit(name, *of)

        what, facts = f"{name} map", {"of": dataset.fingerprint, "seed": seed}
        facts |= {"aside": fingerprint(aside=aside), "dimension": score.dimension}
        params = kept_as_named(what, facts | {"fingerprint": known})
        if params is None:
            params = kept(what, facts, fit)
        like(params)
        found = fingerprint(**_named(params))
        keep_named(what, facts | {"fingerprint": found}, params)
        return FittedFeatures(FEATURE_MAPS[name].apply, params, found, score.dimension)
    feature_map = plugin_feature_map(name)
    params = _fit(name, feature_map, score.dimension, dataset, aside, seed)
    like(params)
    dimension = check_features(name, feature_map.apply, params, dataset.images[:2])
    _check_dimension(f"score.features = {name!r} returns {dimension} features", dimension, samples)
    values = feature_values(feature_map.apply, params, dataset.images[aside[:SEEN_BY_FINGERPRINT]])
    if not np.isfinite(values).all():
        raise UserError(f"score.features = {name!r}: features of the data are not all finite")
    found = fingerprint(**_named(params), features=values)
    return FittedFeatures(feature_map.apply, params, found, dimension)


def feature_values(features: Features, params: Any, images: np.ndarray) -> np.ndarray:
    """Features of images [n, h, w, c], as [n, d] float32 on the host."""
    return np.asarray(_jitted(features)(params, images))


def class_probabilities(params: Any) -> Callable[[np.ndarray], np.ndarray]:
    """From features [n, d] of the classifier's map to its probabilities, [n, classes] float64."""
    probabilities = _jitted(classifier_map.class_probabilities_of_features)

    def of(features: np.ndarray) -> np.ndarray:
        return np.asarray(probabilities(params, features.astype(np.float32)), np.float64)

    return of


@lru_cache(maxsize=8)
def _jitted(function: Callable[..., Any]) -> Any:
    return jax.jit(function)


def _fit(
    name: str,
    feature_map: FeatureMap,
    dimension: int,
    dataset: Dataset,
    aside: np.ndarray,
    seed: int,
) -> Any:
    labels = dataset.labels
    if feature_map.needs_labels and labels is None:
        free = ", ".join(name for name, entry in FEATURE_MAPS.items() if not entry.needs_labels)
        raise UserError(
            f"score.features = {name!r} needs labels, and the data have none; "
            f"accepted without labels: {free}"
        )
    try:
        chosen: Any = Rows(dataset.images, aside)
        if not feature_map.in_blocks:
            chosen = np.asarray(chosen)
        # The keys that JAX derives depend on this setting, which is the user's to choose.
        with jax.threefry_partitionable(True):
            params = feature_map.fit(
                _key(seed), chosen, None if labels is None else labels[aside], dimension
            )
    except Exception as error:
        if is_plugin(name):
            raise UserError(
                f"score.features = {name!r}: {in_one_line(error, plugin_path(name))}"
            ) from error
        if isinstance(error, ValueError):
            raise UserError(f"score.features = {name!r}: {error}") from error
        raise
    return jax.tree.map(np.asarray, params)


def _like(
    feature_map: FeatureMap, dimension: int, dataset: Dataset, aside: np.ndarray, seed: int
) -> PyTree | None:
    """The shapes and dtypes of what `_fit` will give; None where only it can say.

    Such as where NumPy computes it, and where it cannot be fitted, which `_fit` tells.
    """
    labels = None if dataset.labels is None else dataset.labels[aside]
    images: Any = jax.ShapeDtypeStruct((len(aside), *dataset.images.shape[1:]), np.float32)
    if large(images):
        # A trace of all of its parts takes as long.
        return None
    try:
        with jax.threefry_partitionable(True):
            return jax.eval_shape(
                lambda images: feature_map.fit(_key(seed), images, labels, dimension), images
            )
    except Exception:
        return None


def _key(seed: int) -> jax.Array:
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), _FITTING)


def _check_dimension(what: str, dimension: int, samples: int) -> None:
    if samples <= dimension:
        raise UserError(
            f"{what}: accepted are fewer features than the {samples} images compared in a fold "
            "(more images, fewer folds or fewer features)"
        )


def _check_classes(classes: int, aside: int) -> None:
    if classes > 2 and 2 * classes > aside:
        free = ", ".join(name for name, entry in FEATURE_MAPS.items() if not entry.needs_labels)
        raise UserError(
            f"score.features = {CLASSIFIER!r}: {classes} classes of labels, and {aside} images set "
            f"aside to learn them; accepted: two images a class or more (score.feature_share, "
            f"data.limit), or features without labels: {free}"
        )


def _named(params: Any) -> dict[str, np.ndarray]:
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]
    }
