"""Everything of a study that is the same for all of its trials, made from its spec."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from models.gan import networks
from objectives.distances import DISTANCES, Samples
from objectives.distances.contract import CLASSES, TRAINING
from objectives.features import classifier as classifier_map
from objectives.selection import count_selected, keep, parameter_paths, select
from sweep.data import Dataset, FoldPlan, load_dataset, plan_folds
from sweep.engine.population import Features, Shared
from sweep.engine.settings import program_of
from sweep.errors import UserError
from sweep.features import (
    CLASSIFIER,
    FittedFeatures,
    class_probabilities,
    feature_values,
    fit_features,
)
from sweep.judge import Judge, make_judge, recorded_metrics
from sweep.plugins import check_penalty, is_plugin
from sweep.search.space import middle, resolve
from sweep.spec.ranges import each
from sweep.spec.spec import Spec

MOST_SAMPLES = 2048
"""How many images of a fold are compared where the spec does not say: the KID's time and memory
grow with the square, and the bias of the Fréchet distance is small by then."""

TRAINING_VERSION = 3
"""Grows whenever the same config comes to train to other bits by our doing: random numbers drawn
otherwise, for instance. It is stored with the fingerprints; 0.1 had none."""


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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.dataset.images.shape[1:]
        return height, width, channels

    def shared(self, seed: int) -> Shared:
        """What the members of a population read, for training with this seed."""
        return Shared(
            images=self.dataset.images,
            train=self.plan.train,
            validation=self.plan.feature_indices,
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
            "training": TRAINING_VERSION,
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
    _check_metrics(spec, samples)
    _check_penalised(spec, dataset)
    features = fit_features(score, dataset, plan.feature_indices, data.seed, samples)
    accuracy = None
    if dataset.labels is not None and score.features == CLASSIFIER:
        unseen = plan.held_out.reshape(-1)
        accuracy = classifier_map.accuracy(
            features.params, dataset.images[unseen], dataset.labels[unseen]
        )
    return Setup(
        dataset=dataset,
        plan=plan,
        features=features.apply,
        feature_params=features.params,
        feature_fingerprint=features.fingerprint,
        feature_accuracy=accuracy,
        samples=samples,
        judge=_judge(spec, dataset, plan, features, samples),
    )


def _judge(
    spec: Spec, dataset: Dataset, plan: FoldPlan, features: FittedFeatures, samples: int
) -> Judge:
    """The judge by the first held-out images of each fold, in the order that `data.seed` drew.

    What looks for copies looks at all images that were trained on: among fewer it would miss most.
    """
    metrics = recorded_metrics(spec)
    needs = {need for name in metrics for need in DISTANCES[name].needs}

    def values(row: np.ndarray) -> np.ndarray:
        found = feature_values(features.apply, features.params, dataset.images[row])
        return found.astype(np.float64)

    def blocks(row: np.ndarray) -> list[np.ndarray]:
        # As many at a time as are held out: no more memory, and mostly no other program.
        return np.split(row, range(samples, len(row), samples))

    folds = [
        Samples(
            held_out=values(held_out[:samples]),
            training=np.concatenate([values(block) for block in blocks(train)])
            if TRAINING in needs
            else None,
            classes=class_probabilities(features.params) if CLASSES in needs else None,
        )
        for held_out, train in zip(plan.held_out, plan.train, strict=True)
    ]
    return make_judge(folds, metrics)


def _check_metrics(spec: Spec, samples: int) -> None:
    score = spec.score
    for name in recorded_metrics(spec):
        entry = DISTANCES[name]
        if samples < entry.fewest:
            raise UserError(
                f"score.samples = {samples}: accepted for {name} are {entry.fewest} or more images "
                "compared in a fold"
            )
        if CLASSES in entry.needs and score.features != CLASSIFIER:
            field = "metric" if name == score.metric else "second" if name == score.second else None
            free = ", ".join(name for name, e in DISTANCES.items() if CLASSES not in e.needs)
            raise UserError(
                f"score.{field or 'record'}: {name!r} needs score.features = {CLASSIFIER!r}, got "
                f"{score.features!r}; accepted with it: {free}"
            )


def _check_penalised(spec: Spec, dataset: Dataset) -> None:
    """A pattern that matches nothing would train a whole study without its penalty, unnoticed."""
    height, width, channels = dataset.images.shape[1:]
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        config, _ = resolve(alternative, lambda path, asked: middle(asked))
        pattern = alternative.penalty.weights
        gan = program_of(config, (height, width, channels), 1).gan
        for variables in jax.eval_shape(networks(gan).init, jax.random.key(0)):
            mask = select(variables.params, pattern)
            if not count_selected(mask):
                field = "penalty.weights" if method is None else f"methods.{method}.penalty.weights"
                paths = jax.tree.leaves(parameter_paths(variables.params))
                raise UserError(
                    f"{field} = {pattern!r} matches no weight; there are: {', '.join(paths)}"
                )
            for form in filter(is_plugin, each(alternative.penalty.form)):
                check_penalty(form, keep(variables.params, mask))


def _samples(spec: Spec, plan: FoldPlan) -> int:
    in_fold = plan.held_out.shape[1]
    samples = min(in_fold, MOST_SAMPLES) if spec.score.samples is None else spec.score.samples
    if samples > in_fold:
        raise UserError(
            f"score.samples = {samples}: accepted are at most the {in_fold} images of a fold"
        )
    return samples
