"""Everything of a study that is the same for all of its trials, made from its spec."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import jax
import numpy as np

from normsweep.data import Dataset, FoldPlan, plan_folds
from normsweep.data.decoding import Watch, unwatched
from normsweep.data.pixels import BytePixels, Rows
from normsweep.data.stored import StoredBytes
from normsweep.engine.population import Features, Shared
from normsweep.engine.settings import Shape, architecture_of
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.models import families
from normsweep.models.architecture import networks
from normsweep.models.data import ByteImages, HostArray
from normsweep.models.optimizers import optimizers_with
from normsweep.objectives.distances import DISTANCES, RealFeatures
from normsweep.objectives.distances.contract import CLASSES, TRAINING
from normsweep.objectives.features import classifier as classifier_map
from normsweep.objectives.figures import FIGURES, PAIRS
from normsweep.objectives.selection import keep, parameter_paths, select
from normsweep.score.features import CLASSIFIER, class_probabilities, feature_values, fit_features
from normsweep.score.initial import Initial, check_initial, initial_fingerprint, load_initial
from normsweep.score.judge import Judge, make_judge, metrics_of_labels, recorded_metrics
from normsweep.score.own_networks import check_own_networks
from normsweep.spec.combinations import families_measured_by
from normsweep.spec.family import FAMILIES, networks_of
from normsweep.spec.fields import PenaltySection, default
from normsweep.spec.images import load_images
from normsweep.spec.penalty_fields import check, form_entry
from normsweep.spec.plugins import (
    check_penalty,
    is_plugin,
    load_plugin,
    look_again,
    plugin_fingerprint,
)
from normsweep.spec.ranges import Interval, each, highest
from normsweep.spec.space import idle, middle, own_fields, resolve
from normsweep.spec.spec import Spec
from normsweep.study.records import Facts

MOST_SAMPLES = 2048
"""How many images of a fold are compared where the spec does not say: the KID's time and memory
grow with the square, and the bias of the Fréchet distance is small by then."""

LARGE = 2**26
"""Pixels of which features are taken at a time."""

TRAINING_VERSION = 3
"""Grows whenever the same config comes to train to other bits by our doing: random numbers drawn
otherwise, for instance. It is stored with the fingerprints; 0.1 had none."""
CORRECTED_VERSION = 4
"""Of studies in which 0.5 corrected what scored otherwise before; no others need begin anew."""


@dataclass(frozen=True)
class Setup:
    """Data, fold plan, feature map and judge of a study. All of it follows from the spec alone.

    `own_files` are the fingerprints of the files of a user's own penalties, networks and images, by
    their path; `warnings` say what looks wrong with data, features and such networks. `initial` are
    the variables of networks that training begins with, None where they are drawn. `dimension` is
    how many features there are.
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
        images: Any = self.dataset.images
        if isinstance(images, BytePixels):
            held: Any = images.bytes
            if isinstance(held, StoredBytes):
                held = HostArray(held.read, held.shape, held.dtype)
            images = ByteImages(held, images.table)
        return Shared(
            images=images,
            train=self.plan.train,
            validation=self.plan.feature_indices,
            feature_params=self.feature_params,
            seed=np.uint32(seed),
            held_out=self.plan.held_out[:, : self.samples],
            labels=self.dataset.labels,
            pairs=known_pairs(self.dataset, self.plan, self.samples),
            initial=self.initial,
        )

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


def prepare(spec: Spec, decoding: Watch = unwatched) -> Setup:
    """Loads the data, draws the folds, fits the feature map on images set aside, and judges none.

    `decoding` is told how many pictures of the data are decoded, where these are pictures.

    Raises `UserError` for data that are missing, damaged or too few, with the field that says so,
    and for a penalty of the user's own that cannot be used.
    """
    data, score = spec.data, spec.score
    # The user's own files are those of now, until the next study begins.
    look_again()
    own_files = _own_files(spec)
    check_initial(spec)
    dataset = load_images(data, decoding)
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
    _check_classes(spec)
    _check_labels(spec, dataset, plan)
    of_networks = check_own_networks(spec, dataset)
    _check_networks(spec, dataset)
    _check_pairs(spec, known_pairs(dataset, plan, samples))
    height, width, channels = dataset.images.shape[1:]
    initial = load_initial(spec, (height, width, channels), dataset.class_count)
    _check_penalised(spec, dataset)
    features = fit_features(score, dataset, plan.feature_indices, data.seed, samples)
    size = features.dimension, dataset.class_count
    _check_samples(spec, samples, size)
    _check_final_look(spec, len(plan.outer), len(dataset.images), size)
    further = [n for n in metrics_of_labels(spec) if samples >= DISTANCES[n].fewest_of(*size)]
    metrics = tuple(dict.fromkeys((*recorded_metrics(spec), *further)))
    accuracy, warnings = None, dataset.warnings + of_networks
    if dataset.labels is not None and score.features == CLASSIFIER:
        unseen = plan.held_out.reshape(-1)
        judged: Any = Rows(dataset.images, unseen)
        accuracy = classifier_map.accuracy(features.params, judged, dataset.labels[unseen])
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
        training_version=_training_version(spec),
        warnings=warnings,
        initial=initial,
        dimension=features.dimension,
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


def _training_version(spec: Spec) -> int:
    alternatives = [spec, *(spec.alternative(method) for method in spec.methods)]
    corrected = any(
        _averages_statistics(alternative) or _averages_matrices(alternative.penalty)
        for alternative in alternatives
    )
    return CORRECTED_VERSION if corrected else TRAINING_VERSION


def _averages_statistics(spec: Spec) -> bool:
    """Whether averaged weights, which sample, may have statistics beside them."""
    family = families.FAMILIES[spec.model.family]
    sampling = map(family.role, family.sampled)
    kinds = [kind for n in sampling for kind in each(spec.value(f"model.{n}_normalisation"))]
    return highest(spec.train.ema) > 0 and any(kind in ("batch", "spectral") for kind in kinds)


def _averages_matrices(penalty: PenaltySection) -> bool:
    """Whether a mean over layers may be one of matrices among which biases are selected."""
    averaged = "layer" in each(penalty.scope) and "mean" in each(penalty.reduction)
    biases = penalty.biases or penalty.weights != default("penalty.weights")
    forms = [form for form in each(penalty.form) if form != "none"]
    return averaged and biases and any(form_entry(form).matrices for form in forms)


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


def _check_classes(spec: Spec) -> None:
    score = spec.score
    for name in recorded_metrics(spec):
        if CLASSES in DISTANCES[name].needs and score.features != CLASSIFIER:
            fields = {score.metric: "metric", score.second: "second"}
            field = "require" if name in (score.require or ()) else fields.get(name)
            free = ", ".join(name for name, e in DISTANCES.items() if CLASSES not in e.needs)
            raise UserError(
                f"score.{field or 'record'}: {name!r} needs score.features = {CLASSIFIER!r}, got "
                f"{score.features!r}; accepted with it: {free}"
            )
    for name in score.record:
        if DISTANCES[name].labelled and name not in metrics_of_labels(spec):
            raise UserError(
                f"score.record: {name!r} needs samples of a class that is asked for, and "
                f'model.family = "{spec.model.family}" asks for none such; it is measured with '
                f"{', '.join(families_measured_by(name))}"
            )


def _check_labels(spec: Spec, dataset: Dataset, plan: FoldPlan) -> None:
    for method in spec.methods or [None]:
        family = spec.alternative(method).model.family
        entry, images = families.FAMILIES[family], f'images of data.source = "{spec.data.source}"'
        if entry.needs_labels and dataset.labels is None:
            raise UserError(
                f'{_path("model.family", method)} = "{family}" needs labels, and the {images} '
                "have none"
            )
        if entry.sets and dataset.labels is not None:
            _check_sets(f'{_path("model.family", method)} = "{family}"', entry.sets, dataset, plan)


def _check_sets(of: str, sets: int, dataset: Dataset, plan: FoldPlan) -> None:
    """Each set must have images wherever a network looks for one."""
    assert dataset.labels is not None
    found = np.unique(dataset.labels)
    if not np.array_equal(found, np.arange(sets)):
        raise UserError(
            f"{of} needs {sets} sets of images, those labelled {', '.join(map(str, range(sets)))}; "
            f"the labels of data set {dataset.name!r} are "
            + (
                f"{', '.join(map(str, found))}"
                if len(found) < 4
                else f"{len(found)} different ones"
            )
        )
    counts = np.bincount(dataset.labels)
    for rows in (plan.feature_indices, *plan.train, *plan.held_out):
        if len(missing := np.setdiff1d(found, dataset.labels[rows])):
            raise UserError(
                f"{of}: data set {dataset.name!r} has {counts[missing[0]]} images of label "
                f"{missing[0]}, too few for one in each fold and one set aside; accepted: more of "
                "these, or fewer folds (score.folds)"
            )


def known_pairs(dataset: Dataset, plan: FoldPlan, samples: int) -> np.ndarray | None:
    """The counterparts of images, where some are known of those that judge each fold."""
    if dataset.pairs is None:
        return None
    known = (dataset.pairs[plan.held_out[:, :samples]] >= 0).any(axis=1)
    return dataset.pairs if known.all() else None


def _check_pairs(spec: Spec, pairs: np.ndarray | None) -> None:
    for field in ("metric", "second"):
        name = getattr(spec.score, field)
        if pairs is None and name in FIGURES and PAIRS in FIGURES[name].needs:
            raise UserError(
                f'score.{field} = "{name}" needs images of which the counterparts are known, in '
                f'each fold, and data.source = "{spec.data.source}" has none; accepted: '
                "digits_pairs, an .npz archive with 'pairs', or another metric"
            )


def _check_samples(spec: Spec, samples: int, size: tuple[int, int]) -> None:
    """`size` is how many features there are, and how many classes."""
    for name in recorded_metrics(spec):
        if samples < DISTANCES[name].fewest_of(*size):
            raise UserError(
                f"score.samples = {samples}: accepted for {_fewest(name, *size)} or more "
                "images compared in a fold"
            )


def _check_final_look(spec: Spec, held_out: int, count: int, size: tuple[int, int]) -> None:
    """Too few images for the last judge would be found out after all training."""
    if not spec.confirm.holdout:
        return
    most = max(recorded_metrics(spec), key=lambda name: DISTANCES[name].fewest_of(*size))
    if held_out < DISTANCES[most].fewest_of(*size):
        raise UserError(
            f"confirm.holdout = {spec.confirm.holdout:g}: {held_out} of {count} images are kept "
            f"for the look at the end; accepted for {_fewest(most, *size)} or more, or a share "
            "of 0"
        )


def check_part(spec: Spec, setup: Setup, plan: FoldPlan, parts: int) -> None:
    """Raises `UserError` where a part of the images has too few in a fold to be compared."""
    size = setup.dimension, setup.classes
    samples = min(setup.samples, plan.held_out.shape[1])
    most = max(recorded_metrics(spec), key=lambda name: DISTANCES[name].fewest_of(*size))
    if samples < DISTANCES[most].fewest_of(*size):
        raise UserError(
            f'confirm.images = "{spec.confirm.images}": {samples} images of a fold are compared in '
            f"each of {parts} parts; accepted for {_fewest(most, *size)} or more: of more images, "
            "or by fewer seeds"
        )


def _fewest(name: str, features: int, classes: int) -> str:
    entry = DISTANCES[name]
    each = f" of {features} features" if entry.per_feature else ""
    each += f" of {classes} classes" if entry.per_class else ""
    return f"{name}{each} are {entry.fewest_of(features, classes)}"


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
            load_plugin(kind, _path("model.network", method))
        try:
            check(penalty, family, own=True)
        except ValueError as error:
            raise UserError(f"{_path('penalty', method)}: {error}") from error
        found |= {name.rpartition(":")[0]: plugin_fingerprint(name) for name in own + kinds}
    return found


def _check_networks(spec: Spec, dataset: Dataset) -> None:
    """An architecture does not map every shape of images."""
    height, width, channels = dataset.images.shape[1:]
    for method in spec.methods or [None]:
        ours = (k for k in each(spec.alternative(method).model.network) if not is_plugin(k))
        for kind in ours:
            config = _with_defaults(_config(spec.alternative(method)), {"model.network": kind})
            try:
                shape = (height, width, channels)
                networks(architecture_of(config, shape, dataset.class_count))
            except ValueError as error:
                raise UserError(f'{_path("model.network", method)} = "{kind}": {error}') from error


def _config(spec: Spec) -> Spec:
    """Some config of a spec without methods."""
    return resolve(spec, lambda path, asked: middle(asked))[0]


def _with_defaults(config: Spec, values: dict[str, Any]) -> Spec:
    """The config with these values, and the defaults of what then has no effect."""
    return config.with_values(values | idle(config, values))


def _check_penalised(spec: Spec, dataset: Dataset) -> None:
    """A pattern that matches nothing would train a whole study without its penalty, unnoticed."""
    height, width, channels = dataset.images.shape[1:]
    for method in spec.methods or [None]:
        alternative = spec.alternative(method)
        penalty = alternative.penalty
        for network in _selected_networks(alternative):
            shape = (height, width, channels)
            for which, weights in _weights(alternative, network, shape, dataset.class_count):
                where = f"of the {network} {which}"
                _check_selection(penalty, weights, _path("penalty.weights", method), where)


def _check_selection(penalty: PenaltySection, weights: Any, path: str, where: str) -> None:
    selected = keep(weights, select(weights, penalty.weights))
    pattern = f"{path} = {penalty.weights!r}"
    if not jax.tree.leaves(selected):
        raise UserError(f"{pattern} matches no weight {where}; there are: {_names(weights)}")
    for form in (form for form in each(penalty.form) if form != "none"):
        if form_entry(form).matrices and not jax.tree.leaves(_matrices(selected)):
            raise UserError(
                f'{pattern} matches no matrix {where}, and form = "{form}" acts on matrices alone; '
                f"there are: {_names(_matrices(weights))}"
            )
        if is_plugin(form):
            check_penalty(form, selected, layered="layer" in each(penalty.scope))


def _matrices(weights: Any) -> Any:
    return keep(weights, jax.tree.map(lambda leaf: leaf.ndim > 1, weights))


def _names(weights: Any) -> str:
    return ", ".join(jax.tree.leaves(parameter_paths(weights)))


def _selected_networks(spec: Spec) -> list[str]:
    """The networks that a penalty or constraint names; without one, those that decay."""
    family = spec.model.family
    known = FAMILIES[family].networks
    if set(each(spec.penalty.form)) != {"none"}:
        targets = [networks_of(target, family) for target in each(spec.penalty.target)]
        return [network for network in known if any(network in some for some in targets)]
    decays = set(optimizers_with("weight_decay")) & set(each(spec.train.optimizer))
    return list(known) if decays else []


def _weights(
    spec: Spec, network: str, image_shape: Shape, classes: int
) -> Iterator[tuple[str, Any]]:
    """The weights of networks of a role as shapes, for all kinds, depths and normalisations.

    Each behind words for the kind or depth, or for the user's file. Nothing else that is searched
    changes their paths.
    """
    config = _config(spec)
    for kind in filter(is_plugin, each(spec.model.network)):
        own_config = _with_defaults(config, {"model.network": kind})
        for weights in _weights_of(own_config, network, image_shape, classes):
            yield f"of {kind}", weights
    ours = [kind for kind in each(spec.model.network) if not is_plugin(kind)]
    if not ours:
        return
    config = _with_defaults(config, {"model.network": ours[0]} | dict.fromkeys(own_fields(config)))
    own = [f"{network}_{name}" for name in ("hidden", "layers", "normalisation")]
    choices = (ours, *(_options(getattr(spec.model, name)) for name in own))
    fields = ["network", *own]
    found: dict[tuple[str, str], Spec] = {}
    for values in product(*choices):
        paths = [f"model.{name}" for name in fields]
        each_config = _with_defaults(config, dict(zip(paths, values, strict=True)))
        kind, hidden, layers, normalisation = (each_config.value(path) for path in paths)
        depth = len(hidden) if layers is None else layers
        which = f"with {depth} hidden layers" if kind == default("model.network") else f"({kind})"
        found.setdefault((which, normalisation), each_config)
    for (which, _), each_config in found.items():
        for weights in _weights_of(each_config, network, image_shape, classes):
            yield which, weights


def _weights_of(config: Spec, network: str, image_shape: Shape, classes: int) -> Iterator[Any]:
    architecture = architecture_of(config, image_shape, classes)
    variables = jax.eval_shape(networks(architecture).init, jax.random.key(0))
    for name in architecture.family.networks():
        if architecture.family.role(name) == network:
            yield variables[name].params


def _options(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Interval):
        return tuple(range(int(value.low), int(value.high) + 1, int(value.step or 1)))
    return each(value)


def _path(path: str, method: str | None) -> str:
    return path if method is None else f"methods.{method}.{path}"


def _samples(spec: Spec, plan: FoldPlan) -> int:
    in_fold = plan.held_out.shape[1]
    samples = min(in_fold, MOST_SAMPLES) if spec.score.samples is None else spec.score.samples
    if samples > in_fold:
        raise UserError(
            f"score.samples = {samples}: accepted are at most the {in_fold} images of a fold"
        )
    return samples
