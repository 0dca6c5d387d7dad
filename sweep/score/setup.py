"""Everything of a study that is the same for all of its trials, made from its spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from normsweep.data import Dataset, FoldPlan, plan_folds
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.fingerprint import fingerprint
from normsweep.data.pixels import BytePixels, Rows
from normsweep.data.stored import StoredBytes
from normsweep.engine.ahead import Ahead
from normsweep.engine.collection import uncollected
from normsweep.engine.population import Features, Shared
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.models.data import ByteImages, HostArray
from normsweep.objectives.distances import DISTANCES, RealFeatures
from normsweep.objectives.distances.contract import CLASSES, TRAINING
from normsweep.objectives.features import FEATURE_MAPS
from normsweep.objectives.features import classifier as classifier_map
from normsweep.score.features import CLASSIFIER, class_probabilities, feature_values, fit_features
from normsweep.score.first import compile_first
from normsweep.score.image_checks import (
    check_classes,
    check_final_look,
    check_labels,
    check_pairs,
    check_samples,
    fewest,
)
from normsweep.score.initial import Initial, check_initial, initial_fingerprint, load_initial
from normsweep.score.judge import Judge, make_judge, metrics_of_labels, recorded_metrics
from normsweep.score.kept import kept
from normsweep.score.own_networks import check_own_networks
from normsweep.score.training_version import training_version
from normsweep.score.weight_checks import check_networks, check_penalised
from normsweep.spec.images import load_images
from normsweep.spec.penalty_fields import check
from normsweep.spec.plugins import (
    is_plugin,
    load_plugin,
    look_again,
    plugin_fingerprint,
)
from normsweep.spec.ranges import each
from normsweep.spec.spec import Spec, path_in
from normsweep.study.records import Facts

MOST_SAMPLES = 2048
"""How many images of a fold are compared where the spec does not say: the KID's time and memory
grow with the square, and the bias of the Fréchet distance is small by then."""

LARGE = 2**26
"""Pixels of which features are taken at a time."""


@dataclass(frozen=True)
class Setup:
    """Data, fold plan, feature map and judge of a study. All of it follows from the spec alone.

    `own_files` are the fingerprints of the files of a user's own penalties, networks and images, by
    their path; `warnings` say what looks wrong with data, features and such networks. `initial` are
    the variables of networks that training begins with, None where they are drawn. `dimension` is
    how many features there are. `ahead` compiles a program meanwhile, if anything does.
    """

    dataset: Dataset
    plan: FoldPlan
    features: Features
    feature_params: Any
    feature_fingerprint: str
    feature_accuracy: float | None
    samples: int
    judge: Judge
    own_files: dict[str, str]
    training_version: int
    warnings: tuple[str, ...] = ()
    initial: Initial | None = None
    dimension: int = 0
    ahead: Ahead | None = field(default=None, compare=False)

    def with_plan(self, plan: FoldPlan) -> "Setup":
        """The same data and feature map with other folds, and a judge by these.

        As many images of a fold are compared as before, or all there are.
        """
        samples = min(self.samples, plan.held_out.shape[1])
        metrics = tuple(
            name
            for name in self.judge.metrics
            if samples >= DISTANCES[name].per_class * self.classes
        )
        judge = _judge(metrics, self.dataset, plan, self.features, self.feature_params, samples)
        return replace(self, plan=plan, samples=samples, judge=judge)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.dataset.images.shape[1:]
        return height, width, channels

    @property
    def classes(self) -> int:
        """How many classes the labels name; 0 without labels."""
        return self.dataset.class_count

    def shared(self, seed: int) -> Shared:
        """What the members of a population read, for training with this seed."""
        parts = self.dataset, self.plan, self.samples, self.initial
        return _shared(*parts, self.feature_params, seed)

    def facts(self) -> Facts:
        """What the database keeps of it."""
        height, width, _ = self.image_shape
        return Facts(
            fingerprints=self.fingerprints(),
            feature_accuracy=self.feature_accuracy,
            versions=versions(),
            warnings=self.warnings,
            classes=() if self.dataset.classes is None else tuple(self.dataset.classes.tolist()),
            pixels=height * width,
        )

    def fingerprints(self) -> dict[str, Any]:
        """What must be equal for two scores to be comparable, by name."""
        return {
            "data": self.dataset.fingerprint,
            "folds": self.plan.fingerprint,
            "features": self.feature_fingerprint,
            "samples": self.samples,
            "training": self.training_version,
            **({} if self.initial is None else {"initial": initial_fingerprint(self.initial)}),
            **self.own_files,
        }


def _shared(
    dataset: Dataset,
    plan: FoldPlan,
    samples: int,
    initial: Initial | None,
    feature_params: Any,
    seed: int,
) -> Shared:
    """What `Setup.shared` gives, which is known before the setup is."""
    images: Any = dataset.images
    if isinstance(images, BytePixels):
        held: Any = images.bytes
        if isinstance(held, StoredBytes):
            held = HostArray(held.read, held.shape, held.dtype)
        images = ByteImages(held, images.table)
    return Shared(
        images=images,
        train=plan.train,
        validation=plan.feature_indices,
        feature_params=feature_params,
        seed=np.uint32(seed),
        held_out=plan.held_out[:, :samples],
        labels=dataset.labels,
        pairs=known_pairs(dataset, plan, samples),
        initial=initial,
    )


def prepare(
    spec: Spec,
    decoding: Watch = unwatched,
    ahead: Ahead | None = None,
    known: Mapping[str, Any] = MappingProxyType({}),
) -> Setup:
    """Loads the data, draws the folds, fits the feature map on images set aside, and judges none.

    `decoding` is told how many pictures of the data are decoded, where these are pictures. The
    program of the baseline, with which a study begins, is compiled `ahead` as soon as its shapes
    are known. Of a study or config whose fingerprints are `known` the feature map is taken, where
    this machine has it.

    Raises `UserError` for data that are missing, damaged or too few, with the field that says so,
    and for a penalty of the user's own that cannot be used.
    """
    # The user's own files are those of now, until the next study begins.
    look_again()
    own_files = _own_files(spec)
    check_initial(spec)
    features = known.get("features")
    return _prepared(spec, load_images(spec.data, decoding), own_files, ahead, features)


@uncollected()
def _prepared(
    spec: Spec,
    dataset: Dataset,
    own_files: dict[str, str],
    ahead: Ahead | None,
    fitted: str | None,
) -> Setup:
    """The same, from the images on; the feature map has the fingerprint `fitted`, if any."""
    data, score = spec.data, spec.score
    plan = plan_folds(
        dataset.labels,
        len(dataset.images),
        folds=score.folds,
        feature_share=score.feature_share,
        seed=data.seed,
        outer_share=spec.confirm.holdout,
        groups=dataset.groups,
    )
    samples = _samples(spec, plan)
    check_classes(spec)
    check_labels(spec, dataset, plan)
    of_networks = check_own_networks(spec, dataset)
    check_networks(spec, dataset)
    check_pairs(spec, known_pairs(dataset, plan, samples))
    height, width, channels = dataset.images.shape[1:]
    initial = load_initial(spec, (height, width, channels), dataset.class_count)
    check_penalised(spec, dataset)

    def begin(params: Any) -> None:
        # A user's own code is run by one thread at a time.
        if ahead is None or ahead.begun or own_files or is_plugin(score.features):
            return
        shared = _shared(dataset, plan, samples, initial, params, spec.study.seed)
        apply = FEATURE_MAPS[score.features].apply
        compile_first(ahead, spec, dataset, samples, shared, apply)

    features = fit_features(score, dataset, plan.feature_indices, data.seed, samples, begin, fitted)
    size = features.dimension, dataset.class_count
    check_samples(spec, samples, size)
    check_final_look(spec, len(plan.outer), len(dataset.images), size)
    further = [n for n in metrics_of_labels(spec) if samples >= DISTANCES[n].fewest_of(*size)]
    metrics = tuple(dict.fromkeys((*recorded_metrics(spec), *further)))
    accuracy, warnings = None, dataset.warnings + of_networks
    if dataset.labels is not None and score.features == CLASSIFIER:
        unseen = plan.held_out.reshape(-1)
        judged: Any = Rows(dataset.images, unseen)
        known = {"of": dataset.fingerprint, "by": features.fingerprint}
        accuracy = kept(
            "accuracy",
            known | {"on": fingerprint(unseen=unseen)},
            partial(classifier_map.accuracy, features.params, judged, dataset.labels[unseen]),
        )
        warnings += _unlearnt(accuracy, dataset.labels[unseen])
    return Setup(
        dataset=dataset,
        plan=plan,
        features=features.apply,
        feature_params=features.params,
        feature_fingerprint=features.fingerprint,
        feature_accuracy=accuracy,
        samples=samples,
        judge=_judge(metrics, dataset, plan, features.apply, features.params, samples),
        own_files=own_files,
        training_version=training_version(spec),
        warnings=warnings,
        initial=initial,
        dimension=features.dimension,
        ahead=ahead,
    )


def _unlearnt(accuracy: float, labels: np.ndarray) -> tuple[str, ...]:
    """A warning where a classifier is no better than to name the most frequent class always.

    By less than two standard errors of a share: then it has learnt nothing of the images.
    """
    share = float(np.unique(labels, return_counts=True)[1].max()) / len(labels)
    if accuracy > share + 2 * np.sqrt(share * (1 - share) / len(labels)):
        return ()
    return (
        f'score.features = "{CLASSIFIER}": its accuracy on unseen images is {accuracy:.3f}, where '
        f"naming the most frequent class has {share:.3f}: it has learnt nothing from these labels, "
        "and distances in its features say little about the images",
    )


def _judge(
    metrics: tuple[str, ...],
    dataset: Dataset,
    plan: FoldPlan,
    features: Features,
    params: Any,
    samples: int,
) -> Judge:
    """The judge by the first held-out images of each fold, in the order that `data.seed` drew.

    What looks for copies looks at all images that were trained on: among fewer it would miss most.
    """
    needs = {need for name in metrics for need in DISTANCES[name].needs}

    pixels = int(np.prod(dataset.images.shape[1:]))

    def values(row: np.ndarray) -> np.ndarray:
        parts = [feature_values(features, params, dataset.images[part]) for part in blocks(row)]
        return np.concatenate(parts).astype(np.float64)

    def blocks(row: np.ndarray) -> list[np.ndarray]:
        # As many at a time as are held out: mostly no other program.
        most = min(samples, max(1, LARGE // pixels))
        return np.split(row, range(most, len(row), most))

    folds = [
        RealFeatures(
            held_out=values(held_out[:samples]),
            training=values(train) if TRAINING in needs else None,
            classes=class_probabilities(params) if CLASSES in needs else None,
            labels=None if dataset.labels is None else dataset.labels[held_out[:samples]],
        )
        for held_out, train in zip(plan.held_out, plan.train, strict=True)
    ]
    return make_judge(folds, metrics)


def known_pairs(dataset: Dataset, plan: FoldPlan, samples: int) -> np.ndarray | None:
    """The counterparts of images, where some are known of those that judge each fold."""
    if dataset.pairs is None:
        return None
    known = (dataset.pairs[plan.held_out[:, :samples]] >= 0).any(axis=1)
    return dataset.pairs if known.all() else None


def check_part(spec: Spec, setup: Setup, plan: FoldPlan, parts: int) -> None:
    """Raises `UserError` where a part of the images has too few in a fold to be compared."""
    size = setup.dimension, setup.classes
    samples = min(setup.samples, plan.held_out.shape[1])
    most = max(recorded_metrics(spec), key=lambda name: DISTANCES[name].fewest_of(*size))
    if samples < DISTANCES[most].fewest_of(*size):
        raise UserError(
            f'confirm.images = "{spec.confirm.images}": {samples} images of a fold are compared in '
            f"each of {parts} parts; accepted for {fewest(most, *size)} or more: of more images, "
            "or by fewer seeds"
        )


def _own_files(spec: Spec) -> dict[str, str]:
    """The files of a user's own, with fingerprints; the coefficients of penalties are checked."""
    found: dict[str, str] = {}
    if is_plugin(source := spec.data.source):
        load_plugin(source, "data.source")
        found[source.rpartition(":")[0]] = plugin_fingerprint(source)
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        penalty, family = alternative.penalty, alternative.model.family
        own = [form for form in each(penalty.form) if is_plugin(form)]
        kinds = [kind for kind in each(alternative.model.network) if is_plugin(kind)]
        for kind in kinds:
            load_plugin(kind, path_in("model.network", method))
        try:
            check(penalty, family, own=True)
        except ValueError as error:
            raise UserError(f"{path_in('penalty', method)}: {error}") from error
        found |= {name.rpartition(":")[0]: plugin_fingerprint(name) for name in own + kinds}
    return found


def _samples(spec: Spec, plan: FoldPlan) -> int:
    in_fold = plan.held_out.shape[1]
    samples = min(in_fold, MOST_SAMPLES) if spec.score.samples is None else spec.score.samples
    if samples > in_fold:
        raise UserError(
            f"score.samples = {samples}: accepted are at most the {in_fold} images of a fold"
        )
    return samples
