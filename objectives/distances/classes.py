"""What a classifier sees in a sample: how sure and how varied its classes are."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import (
    CLASSES,
    HIGHER,
    LABELS,
    SHARE,
    Distance,
    RealFeatures,
    of_no_held_out,
)
from normsweep.objectives.distances.samples import Float64Array, IntArray, as_labels, check_finite


def inception_score(probabilities: ArrayLike, splits: int = 1) -> float:
    """Returns exp(E KL(p(y|x) ‖ p(y))), from 1 to the number of classes; higher is better.

    `probabilities` has shape `[n, classes]`, a distribution in each row; p(y) is their mean. With
    more than one split it is the mean over `splits` nearly equal parts in the order given, each
    with its own p(y). It knows nothing of the real images. Raises `ValueError` for another shape,
    for rows that are no distributions, and for splits below 1 or above n.

    References:
      Salimans et al. 2016, arXiv:1606.03498, sec. 4.
    """
    # Imported here since most studies do not ask for it, and it takes long.
    from scipy.special import rel_entr

    rows = _distributions(probabilities)
    if not 1 <= splits <= len(rows):
        raise ValueError(f"splits must be between 1 and {len(rows)}, got {splits}")
    scores = [
        np.exp(rel_entr(part, part.mean(axis=0, keepdims=True)).sum(axis=1).mean())
        for part in np.array_split(rows, splits)
    ]
    return float(np.mean(scores))


def class_coverage(probabilities: ArrayLike) -> float:
    """Returns the share of classes that at least one sample is taken for, in (0, 1].

    A sample is taken for the class of its largest probability, in `[n, classes]`. This is the
    number of modes found, over the number there is. Raises `ValueError` as `inception_score` does.

    References:
      Srivastava et al. 2017, arXiv:1705.07761, sec. 4.1 (modes of stacked MNIST).
    """
    rows = _distributions(probabilities)
    return float(len(np.unique(rows.argmax(axis=1))) / rows.shape[1])


def class_agreement(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Returns the share of samples that are taken for the class that was asked for, in [0, 1].

    A sample is taken for the class of its largest probability, in `[n, classes]`; `labels` `[n]`
    are integers. Raises `ValueError` as `inception_score` does, and for other labels.

    References:
      Odena et al. 2017, arXiv:1610.09585, sec. 4.1 (there of Inception).
    """
    rows = _distributions(probabilities)
    return float(np.mean(rows.argmax(axis=1) == as_labels("labels", labels, len(rows))))


def _distributions(probabilities: ArrayLike) -> Float64Array:
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"probabilities must have shape [samples, classes], got {rows.shape}")
    check_finite("probabilities", rows)
    # Single precision sums to 1 within about a millionth.
    if (rows < 0).any() or (np.abs(rows.sum(axis=1) - 1) > 1e-3).any():
        raise ValueError("probabilities must be at least 0 and sum to 1 in each row")
    return rows


def _classes(samples: RealFeatures) -> Callable[[Float64Array], Float64Array]:
    if samples.classes is None:
        raise ValueError("samples.classes is needed for this distance, got None")
    return samples.classes


def _probabilities(
    classes: Callable[[Float64Array], Float64Array], features: Float64Array
) -> Float64Array:
    return classes(features)


INCEPTION_SCORE = Distance(
    _classes,
    _probabilities,
    inception_score,
    HIGHER,
    "1 … number of classes",
    "exp(E KL(p(y|x) ‖ p(y))), of the feature classifier's classes",
    "Salimans et al. 2016, arXiv:1606.03498, sec. 4",
    needs=(CLASSES,),
    influence=of_no_held_out,
)

CLASS_COVERAGE = Distance(
    _classes,
    _probabilities,
    class_coverage,
    HIGHER,
    SHARE,
    "share of classes that at least one generated image is taken for",
    "Srivastava et al. 2017, arXiv:1705.07761, sec. 4.1",
    needs=(CLASSES,),
    influence=of_no_held_out,
)


def _agreement(
    classes: Callable[[Float64Array], Float64Array], features: Float64Array, labels: IntArray
) -> float:
    return class_agreement(classes(features), labels)


CLASS_AGREEMENT = Distance(
    _classes,
    _agreement,
    float,
    HIGHER,
    SHARE,
    "share of generated images that the feature classifier takes for the class asked for",
    "Odena et al. 2017, arXiv:1610.09585, sec. 4.1",
    needs=(CLASSES, LABELS),
    influence=of_no_held_out,
)
