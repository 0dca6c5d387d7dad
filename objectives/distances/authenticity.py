"""Authenticity: the share of generated samples that are no noisy copies of training points.

A generated sample counts as authentic where it is further from its nearest training point than
that point is from its own nearest neighbour in the training set. Copies reach 0. New data of the
training set's distribution do not reach 1, but what depends on their number and dimension (0.5 to
0.85 for Gaussians of 8 to 64 features), so only compare values with equal numbers of both.

References:
  Alaa et al. 2022, arXiv:2102.08921, sec. 4.3.
"""

from typing import NamedTuple

from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import (
    HIGHER,
    SHARE,
    TRAINING,
    Distance,
    RealFeatures,
    of_no_held_out,
    training_of,
)
from normsweep.objectives.distances.nearest import nearest, nearest_other
from normsweep.objectives.distances.samples import Float64Array, as_features, feature_pair


class AuthenticityReference(NamedTuple):
    """Training points `[m, d]`, and how far each is from the nearest other one, `[m]`."""

    training: Float64Array
    spacing: Float64Array


def authenticity_reference(training: ArrayLike) -> AuthenticityReference:
    """Returns what `authenticity_to` needs of training features, `[m, d]`.

    Raises `ValueError` for another shape, fewer than 2 samples, and entries that are not finite.
    """
    points = as_features("training", training)
    return AuthenticityReference(points, nearest_other(points)[1])


def authenticity_to(reference: AuthenticityReference, generated: ArrayLike) -> float:
    """Returns the share of authentic ones among generated features `[n, d]`, in [0, 1].

    Raises `ValueError` for another shape and for entries that are not finite.
    """
    points = as_features("generated", generated)
    indices, distances = nearest(points, reference.training)
    return float((distances > reference.spacing[indices]).mean())


def authenticity(generated: ArrayLike, training: ArrayLike) -> float:
    """Returns the share of authentic ones among generated features `[n, d]`, in [0, 1].

    Training features have shape `[m, d]`. Raises `ValueError` for other shapes, fewer than 2
    samples, and entries that are not finite.
    """
    generated, training = feature_pair(generated, training)
    return authenticity_to(authenticity_reference(training), generated)


def _reference(samples: RealFeatures) -> AuthenticityReference:
    return authenticity_reference(training_of(samples))


AUTHENTICITY = Distance(
    _reference,
    authenticity_to,
    float,
    HIGHER,
    SHARE,
    "share further from the training images than these are apart; 0 for copies",
    "Alaa et al. 2022, arXiv:2102.08921, sec. 4.3",
    needs=(TRAINING,),
    influence=of_no_held_out,
)
