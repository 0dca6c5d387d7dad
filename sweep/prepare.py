"""Everything of a study that is the same for all of its trials, made from its spec."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from models.gan import networks
from objectives.features import FEATURE_MAPS
from objectives.features import classifier as classifier_map
from objectives.selection import count_selected, parameter_paths, select
from sweep.data import Dataset, FoldPlan, load_dataset, plan_folds
from sweep.data.fingerprint import fingerprint
from sweep.engine.population import Features, Shared
from sweep.engine.settings import program_of
from sweep.errors import UserError
from sweep.judge import Judge, make_judge
from sweep.search.space import middle, resolve
from sweep.spec.spec import Spec

MOST_SAMPLES = 2048
"""How many images of a fold are compared where the spec does not say: the KID's time and memory
grow with the square, and the bias of the Fréchet distance is small by then."""


@dataclass(frozen=True)
class Setup:
    """Data, fold plan, feature map and judge of a study. All of it follows from the spec alone."""

    dataset: Dataset
    plan: FoldPlan
    features: Features
    feature_params: Any
    feature_fingerprint: str
    feature_accuracy: float | None
    samples: int
    judge: Judge

    def shared(self, seed: int) -> Shared:
        """What the members of a population read, for training with this seed."""
        return Shared(
            images=self.dataset.images,
            train=self.plan.train,
            feature_params=self.feature_params,
            seed=np.uint32(seed),
        )

    def fingerprints(self) -> dict[str, Any]:
        """What must be equal for two scores to be comparable, by name."""
        return {
            "data": self.dataset.fingerprint,
            "folds": self.plan.fingerprint,
            "features": self.feature_fingerprint,
            "samples": self.samples,
        }


def prepare(spec: Spec) -> Setup:
    """Loads the data, draws the folds, fits the feature map on images set aside, and judges none.

    Raises `UserError` for data that are missing, damaged or too few, with the field that says so.
    """
    data, score = spec.data, spec.score
    dataset = load_dataset(data.source, path=data.path, limit=data.limit, split=data.split)
    plan = plan_folds(
        dataset.labels,
        len(dataset.images),
        folds=score.folds,
        feature_share=score.feature_share,
        seed=data.seed,
    )
    samples = _samples(spec, plan)
    _check_penalised(spec, dataset)
    feature_map = FEATURE_MAPS[score.features]
    labels = dataset.labels
    if feature_map.needs_labels and labels is None:
        free = ", ".join(name for name, entry in FEATURE_MAPS.items() if not entry.needs_labels)
        raise UserError(
            f"score.features = {score.features!r} needs labels, and the data have none; "
            f"accepted without labels: {free}"
        )
    aside = plan.feature_indices
    try:
        # The keys that JAX derives depend on this setting, which is the user's to choose.
        with jax.threefry_partitionable(True):
            params = feature_map.fit(
                jax.random.key(data.seed, impl="threefry2x32"),
                dataset.images[aside],
                None if labels is None else labels[aside],
                score.dimension,
            )
    except ValueError as error:
        raise UserError(f"score.features = {score.features!r}: {error}") from error
    params = jax.tree.map(np.asarray, params)
    held_out = [
        feature_values(feature_map.apply, params, dataset.images[row[:samples]])
        for row in plan.held_out
    ]
    accuracy = None
    if labels is not None and score.features == "classifier":
        unseen = plan.held_out.reshape(-1)
        accuracy = classifier_map.accuracy(params, dataset.images[unseen], labels[unseen])
    named = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]
    }
    return Setup(
        dataset=dataset,
        plan=plan,
        features=feature_map.apply,
        feature_params=params,
        feature_fingerprint=fingerprint(**named),
        feature_accuracy=accuracy,
        samples=samples,
        judge=make_judge(held_out),
    )


def feature_values(features: Features, params: Any, images: np.ndarray) -> np.ndarray:
    """Features of images [n, h, w, c], as [n, d] float32 on the host."""
    return np.asarray(_jitted(features)(params, images))


@lru_cache(maxsize=8)
def _jitted(features: Features) -> Any:
    return jax.jit(features)


def _check_penalised(spec: Spec, dataset: Dataset) -> None:
    """A pattern that matches nothing would train a whole study without its penalty, unnoticed."""
    config = resolve(spec, lambda path, asked: middle(asked))
    shape = dataset.images.shape[1:]
    gan = program_of(config, (shape[0], shape[1], shape[2]), 1).gan
    for params in jax.eval_shape(networks(gan).init, jax.random.key(0)):
        if not count_selected(select(params, spec.penalty.weights)):
            paths = jax.tree.leaves(parameter_paths(params))
            raise UserError(
                f"penalty.weights = {spec.penalty.weights!r} matches no weight; "
                f"there are: {', '.join(paths)}"
            )


def _samples(spec: Spec, plan: FoldPlan) -> int:
    in_fold = plan.held_out.shape[1]
    samples = min(in_fold, MOST_SAMPLES) if spec.score.samples is None else spec.score.samples
    if samples > in_fold:
        raise UserError(
            f"score.samples = {samples}: accepted are at most the {in_fold} images of a fold"
        )
    if samples <= spec.score.dimension:
        raise UserError(
            f"score.dimension = {spec.score.dimension}: accepted are fewer features than the "
            f"{samples} images compared in a fold (more images, fewer folds or fewer features)"
        )
    return samples
