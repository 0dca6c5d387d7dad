"""What a score of generated features is, and what it may be compared with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from normsweep.objectives.distances.samples import Float64Array, IntArray

TRAINING, CLASSES, LABELS = "training", "classes", "labels"
LOWER, HIGHER, ZERO = "lower", "higher", "zero"
SHARE, FROM_ZERO, ANY = "0 … 1", "≥ 0", "any real number"
"""What most ranges are called."""


class RealFeatures(NamedTuple):
    """What generated features can be compared with; one fold's.

    `held_out` is float64 `[n, d]`; `training`, of images that were trained on, float64 `[m, d]`
    with m of at least n; `classes` maps features `[n, d]` to probabilities `[n, classes]`; `labels`
    `[n]` are the classes of the held-out images. All but the first may be absent where no distance
    asked for needs them.
    """

    held_out: Float64Array
    training: Float64Array | None = None
    classes: Callable[[Float64Array], Float64Array] | None = None
    labels: IntArray | None = None


def training_of(samples: RealFeatures) -> Float64Array:
    """Returns the features of images that were trained on; raises `ValueError` without them."""
    if samples.training is None:
        raise ValueError("samples.training is needed for this distance, got None")
    return samples.training


class Distance(NamedTuple):
    """One score, in three steps so that scores can share the first two.

    `prepare(samples)` does once what does not depend on the generated features; `measure(prepared,
    features)` compares float64 features `[n, d]` with it; `part(measured)` is the number. Entries
    with the same `measure` have the same `prepare`. One that needs labels is `labelled`, and its
    `measure` takes those `[n]` that the samples were asked for after the features.

    `better` is "lower", "higher" or "zero"; `needs` names the fields of `RealFeatures` that must be
    there beside `held_out`; `fewest` is the least number of samples a side, `per_feature` that
    for each feature, `per_class` that for each class. `sets` says of how many sets of images it
    is, of which samples are translations; 0: of any samples.

    `influence(samples, prepared, features)`, and labels likewise, has for each held-out image
    `[n]` by how much the number moves, times n, as the image's weight among them grows: to first
    order the number is that of all images there are plus the mean of the influences, so that their
    variance over n is the part of the number's that comes from which images judge. Their mean is 0.
    None where there is none: what rests on it then does without.
    """

    prepare: Callable[[RealFeatures], Any]
    measure: Callable[..., Any]
    part: Callable[[Any], float]
    better: str
    range: str
    summary: str
    source: str
    needs: tuple[str, ...] = ()
    fewest: int = 2
    per_feature: int = 0
    per_class: int = 0
    sets: int = 0
    influence: Callable[..., Float64Array] | None = None

    @property
    def labelled(self) -> bool:
        """Whether it compares samples by the classes that they were asked for."""
        return LABELS in self.needs

    def fewest_of(self, features: int, classes: int = 0) -> int:
        """Returns the least number of samples a side, of so many features and classes."""
        return max(self.fewest, self.per_feature * features, self.per_class * classes)

    def measured(
        self, prepared: Any, features: Float64Array, labels: IntArray | None = None
    ) -> Any:
        """Returns what `measure` gives; raises `ValueError` where it lacks labels."""
        if not self.labelled:
            return self.measure(prepared, features)
        if labels is None:
            raise ValueError("labels are needed for this distance, got None")
        return self.measure(prepared, features, labels)

    def value(self, prepared: Any, features: Float64Array, labels: IntArray | None = None) -> float:
        """Returns the score of features `[n, d]`, asked for as of the classes `labels` `[n]`."""
        return self.part(self.measured(prepared, features, labels))

    def influences(
        self,
        samples: RealFeatures,
        prepared: Any,
        features: Float64Array,
        labels: IntArray | None = None,
    ) -> Float64Array | None:
        """Returns the influence of each held-out image `[n]` on `value`; None where it has none.

        Raises `ValueError` where it lacks labels.
        """
        if self.influence is None:
            return None
        if not self.labelled:
            return self.influence(samples, prepared, features)
        if labels is None:
            raise ValueError("labels are needed for this distance, got None")
        return self.influence(samples, prepared, features, labels)


def of_no_held_out(samples: RealFeatures, *others: Any) -> Float64Array:
    """Returns the influence on a number that held-out images have no part in: 0 of each, `[n]`."""
    del others
    return np.zeros(len(samples.held_out))
