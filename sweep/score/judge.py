"""The judge of a study: how far generated images are from the held-out images of each fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from normsweep.objectives.distances import DISTANCES, RealFeatures
from normsweep.objectives.distances.contract import CLASSES, ZERO
from normsweep.objectives.distances.reach import FARTHEST, Reach, multiple, reach
from normsweep.score.features import CLASSIFIER
from normsweep.spec.combinations import families_measured_by
from normsweep.spec.spec import Spec

ALWAYS = ("fid", "kid")
"""What is measured whether it is asked for or not: our table has a column for each."""


@dataclass(frozen=True)
class Judge:
    """What is measured, by name, and what was prepared for it: for each fold, by `measure`.

    `reaches` are those of the held-out images, a fold each, and `samples` what they are themselves:
    features and labels.
    """

    metrics: tuple[str, ...]
    prepared: tuple[dict[Any, Any], ...]
    reaches: tuple[Reach, ...]
    samples: tuple[RealFeatures, ...]

    def diverged(self, fold: int, features: np.ndarray) -> str | None:
        """Why finite generated features [n, d] are too far off to be measured; None if not."""
        found = multiple(self.reaches[fold], features)
        if found <= FARTHEST:
            return None
        return (
            f"features reach {found:.3g} times as far from the real mean as those of real images, "
            f"and at most {FARTHEST:g} times can be scored"
        )

    def measure(
        self, fold: int, features: np.ndarray, labels: np.ndarray | None = None
    ) -> dict[str, float]:
        """Every metric of generated features [n, d], in the order of `metrics`.

        `labels` [n] are the classes that they were asked for; without, what needs them is left out.
        Of real features so large that their powers overflow, some may not be finite.
        """
        features = features.astype(np.float64)
        named = {name: DISTANCES[name] for name in self.metrics}
        if labels is None:
            named = {name: entry for name, entry in named.items() if not entry.labelled}
        steps = {entry.measure: entry for entry in named.values()}
        with np.errstate(over="ignore", invalid="ignore"):
            measured = {
                measure: entry.measured(self.prepared[fold][measure], features, labels)
                for measure, entry in steps.items()
            }
        return {name: entry.part(measured[entry.measure]) for name, entry in named.items()}

    def influences(
        self, metric: str, fold: int, features: np.ndarray, labels: np.ndarray | None = None
    ) -> np.ndarray | None:
        """By how much each held-out image of a fold moves the score by a metric, [n] float64.

        None for a metric of which no image's part is known, and where it is not finite; what
        networks measure themselves is no matter of features. Else as `measure`.
        """
        entry = DISTANCES.get(metric)
        if entry is None or metric not in self.metrics:
            return None
        features, prepared = features.astype(np.float64), self.prepared[fold][entry.measure]
        with np.errstate(over="ignore", invalid="ignore"):
            found = entry.influences(self.samples[fold], prepared, features, labels)
            if found is None or not np.isfinite(found).all():
                return None
            # Of a metric that is best at 0 the score is the magnitude.
            below = entry.better == ZERO and entry.value(prepared, features, labels) < 0
        return -found if below else found

    def only(self, fold: int) -> "Judge":
        """The judge of one fold, which becomes its fold 0."""
        one = slice(fold, fold + 1)
        return Judge(self.metrics, self.prepared[one], self.reaches[one], self.samples[one])


def make_judge(folds: Sequence[RealFeatures], metrics: Sequence[str] = ALWAYS) -> Judge:
    """Prepares the judge from each fold's samples, which have what the metrics need."""
    # Metrics that share a measurement share what is prepared for it.
    steps = {DISTANCES[name].measure: DISTANCES[name].prepare for name in metrics}
    # One thread: no bit of what is prepared may depend on the number of cores.
    with threadpool_limits(limits=1):
        prepared = tuple(
            {measure: prepare(samples) for measure, prepare in steps.items()} for samples in folds
        )
        reaches = tuple(reach(samples.held_out) for samples in folds)
    # What was trained on is in what is prepared, where it is needed.
    own = tuple(RealFeatures(each.held_out, labels=each.labels) for each in folds)
    return Judge(tuple(metrics), prepared, reaches, own)


def metrics_of_labels(spec: Spec) -> tuple[str, ...]:
    """What is measured beside it wherever samples are asked for as of a class, by any method."""
    families = {spec.alternative(method).model.family for method in (None, *spec.methods)}
    by_classifier = spec.score.features == CLASSIFIER
    return tuple(
        name
        for name, entry in DISTANCES.items()
        if entry.labelled
        and families.intersection(families_measured_by(name))
        and (by_classifier or CLASSES not in entry.needs)
    )


def recorded_metrics(spec: Spec) -> tuple[str, ...]:
    """The distances to measure: what is optimised, required and recorded, and fid and kid."""
    score = spec.score
    asked = (*score.objectives, *score.record, *(score.require or ()), *ALWAYS)
    return tuple(dict.fromkeys(name for name in asked if name in DISTANCES))
