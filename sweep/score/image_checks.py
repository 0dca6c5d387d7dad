"""Whether the images of a study suffice for what its spec asks of them."""

import numpy as np

from normsweep.data import Dataset, FoldPlan
from normsweep.errors import UserError
from normsweep.models import families
from normsweep.objectives.distances import DISTANCES
from normsweep.objectives.distances.contract import CLASSES
from normsweep.objectives.figures import FIGURES, PAIRS
from normsweep.score.features import CLASSIFIER
from normsweep.score.judge import metrics_of_labels, recorded_metrics
from normsweep.spec.combinations import families_measured_by
from normsweep.spec.spec import Spec, path_in


def check_classes(spec: Spec) -> None:
    """Raises `UserError` for a metric that these features, or this family, cannot have."""
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


def check_labels(spec: Spec, dataset: Dataset, plan: FoldPlan) -> None:
    """Raises `UserError` where a family needs labels that the images lack."""
    for method in spec.methods or [None]:
        family = spec.alternative(method).model.family
        entry, images = families.FAMILIES[family], f'images of data.source = "{spec.data.source}"'
        if entry.needs_labels and dataset.labels is None:
            raise UserError(
                f'{path_in("model.family", method)} = "{family}" needs labels, and the {images} '
                "have none"
            )
        if entry.sets and dataset.labels is not None:
            _check_sets(
                f'{path_in("model.family", method)} = "{family}"', entry.sets, dataset, plan
            )


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


def check_pairs(spec: Spec, pairs: np.ndarray | None) -> None:
    """Raises `UserError` for a metric by pairs of which too few are known."""
    for field in ("metric", "second"):
        name = getattr(spec.score, field)
        if pairs is None and name in FIGURES and PAIRS in FIGURES[name].needs:
            raise UserError(
                f'score.{field} = "{name}" needs images of which the counterparts are known, in '
                f'each fold, and data.source = "{spec.data.source}" has none; accepted: '
                "digits_pairs, an .npz archive with 'pairs', or another metric"
            )


def check_samples(spec: Spec, samples: int, size: tuple[int, int]) -> None:
    """Raises `UserError` for a metric that needs more images.

    `size` is how many features there are, and how many classes.
    """
    for name in recorded_metrics(spec):
        if samples < DISTANCES[name].fewest_of(*size):
            raise UserError(
                f"score.samples = {samples}: accepted for {fewest(name, *size)} or more "
                "images compared in a fold"
            )


def check_final_look(spec: Spec, held_out: int, count: int, size: tuple[int, int]) -> None:
    """Too few images for the last judge would be found out after all training."""
    if not spec.confirm.holdout:
        return
    most = max(recorded_metrics(spec), key=lambda name: DISTANCES[name].fewest_of(*size))
    if held_out < DISTANCES[most].fewest_of(*size):
        raise UserError(
            f"confirm.holdout = {spec.confirm.holdout:g}: {held_out} of {count} images are kept "
            f"for the look at the end; accepted for {fewest(most, *size)} or more, or a share "
            "of 0"
        )


def fewest(name: str, features: int, classes: int) -> str:
    """How many images a metric needs, in words."""
    entry = DISTANCES[name]
    each = f" of {features} features" if entry.per_feature else ""
    each += f" of {classes} classes" if entry.per_class else ""
    return f"{name}{each} are {entry.fewest_of(features, classes)}"
