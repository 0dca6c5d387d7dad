"""How much nearer the generated samples are to what was trained on than to new images.

    gap = d²(generated, held out) - d²(generated, training)

with Fréchet distances and equal numbers of held-out and training samples, so that their biases
cancel. Without memorisation the gap is 0 but for chance; a copied training set opens it upwards.

References:
  Gulrajani, Raffel and Metz 2019, arXiv:2001.03653, sec. 2 (a test set apart, to see memorisation);
  Heusel et al. 2017, arXiv:1706.08500 (the distance).
"""

from operator import attrgetter
from typing import NamedTuple

from numpy.typing import ArrayLike

from normsweep.objectives.distances.contract import (
    ANY,
    FROM_ZERO,
    LOWER,
    TRAINING,
    ZERO,
    Distance,
    RealFeatures,
    of_no_held_out,
    training_of,
)
from normsweep.objectives.distances.frechet import (
    FrechetReference,
    frechet_distance_to,
    frechet_influence,
    frechet_reference,
    moments,
)
from normsweep.objectives.distances.samples import Float64Array, feature_pair


class GeneralisationReference(NamedTuple):
    """The two sides that generated samples are compared with."""

    held_out: FrechetReference
    training: FrechetReference


class GeneralisationDistances(NamedTuple):
    """Squared Fréchet distances of generated samples."""

    held_out: float
    training: float

    @property
    def gap(self) -> float:
        """The distance from the held-out samples, less that from the training samples."""
        return self.held_out - self.training


def generalisation_reference(held_out: ArrayLike, training: ArrayLike) -> GeneralisationReference:
    """Prepares held-out features `[n, d]` and the first n of the training features `[m, d]`.

    Raises `ValueError` for fewer training than held-out samples, for other shapes, for fewer than 2
    samples, and for entries that are not finite.
    """
    held_out, training = feature_pair(held_out, training)
    if len(training) < len(held_out):
        raise ValueError(
            f"training needs at least the {len(held_out)} samples of held_out, got {len(training)}"
        )
    sides = (held_out, training[: len(held_out)])
    return GeneralisationReference(*(frechet_reference(moments(side)) for side in sides))


def generalisation_distances(
    reference: GeneralisationReference, generated: ArrayLike
) -> GeneralisationDistances:
    """Returns the distances of generated features `[n, d]` from both sides.

    Raises `ValueError` for another shape, fewer than 2 samples, and entries that are not finite.
    """
    gaussian = moments(generated)
    return GeneralisationDistances(
        frechet_distance_to(reference.held_out, gaussian),
        frechet_distance_to(reference.training, gaussian),
    )


def generalisation_gap(generated: ArrayLike, held_out: ArrayLike, training: ArrayLike) -> float:
    """Returns the gap of generated features, `[n, d]` as held_out; of training, the first n count.

    Raises `ValueError` as `generalisation_reference` and `generalisation_distances` do.
    """
    return generalisation_distances(generalisation_reference(held_out, training), generated).gap


def _reference(samples: RealFeatures) -> GeneralisationReference:
    return generalisation_reference(samples.held_out, training_of(samples))


def _influence(
    samples: RealFeatures, reference: GeneralisationReference, features: Float64Array
) -> Float64Array:
    """That on the distance from the held-out images: they have no part in the other."""
    del reference
    return frechet_influence(samples.held_out, moments(features))


FID_TRAINING = Distance(
    _reference,
    generalisation_distances,
    attrgetter("training"),
    LOWER,
    FROM_ZERO,
    "fid from as many images that were trained on",
    "Heusel et al. 2017, arXiv:1706.08500, eq. 6",
    needs=(TRAINING,),
    influence=of_no_held_out,
)

GENERALISATION_GAP = Distance(
    _reference,
    generalisation_distances,
    attrgetter("gap"),
    ZERO,
    ANY,
    "fid - fid_training: above 0 where training images are memorised",
    "after Gulrajani et al. 2019, arXiv:2001.03653",
    needs=(TRAINING,),
    influence=_influence,
)
