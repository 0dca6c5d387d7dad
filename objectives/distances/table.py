"""Every score of a sample of generated features, in one table.

Adding one is a file with its function, and an entry in `DISTANCES`.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType

import numpy as np

from normsweep.objectives.distances import precision_recall
from normsweep.objectives.distances.authenticity import (
    AuthenticityReference,
    authenticity_reference,
    authenticity_to,
)
from normsweep.objectives.distances.classes import class_coverage, inception_score
from normsweep.objectives.distances.contract import (
    CLASSES,
    HIGHER,
    LOWER,
    TRAINING,
    ZERO,
    Distance,
    Samples,
)
from normsweep.objectives.distances.copying import (
    CopyingReference,
    copying_reference,
    copying_statistic_to,
)
from normsweep.objectives.distances.frechet import (
    FrechetReference,
    frechet_distance_to,
    frechet_reference,
    moments,
)
from normsweep.objectives.distances.generalisation import (
    GeneralisationReference,
    generalisation_distances,
    generalisation_reference,
)
from normsweep.objectives.distances.infinity import FEWEST_SAMPLES, frechet_infinity_to
from normsweep.objectives.distances.kernel import kernel_distance_to, kernel_reference
from normsweep.objectives.distances.kernel_subsets import (
    KernelEstimate,
    kernel_distance_blocks,
    kernel_distance_subsets,
)
from normsweep.objectives.distances.samples import Float64Array

KERNEL_SUBSETS = 100
KERNEL_SUBSET_SIZE = 1000


def distance(name: str) -> Distance:
    """Returns the entry called `name`; raises `ValueError` with the accepted names."""
    if name not in DISTANCES:
        raise ValueError(f"unknown distance {name!r}; accepted: {', '.join(DISTANCES)}")
    return DISTANCES[name]


def cost(name: str, value: float) -> float:
    """Returns what a search minimises: the value, its negative, or its magnitude.

    Raises `ValueError` for an unknown name.
    """
    return -value if distance(name).better == HIGHER else scored(name, value)


def scored(name: str, value: float) -> float:
    """Returns what is shown as a score: the value, or its magnitude where 0 is best.

    Raises `ValueError` for an unknown name.
    """
    return abs(value) if distance(name).better == ZERO else value


def _held_out(samples: Samples) -> Float64Array:
    return samples.held_out


def _frechet(samples: Samples) -> FrechetReference:
    return frechet_reference(moments(samples.held_out))


def _kernel_subsets(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    # Subsets of all samples would be one and the same.
    size = min(KERNEL_SUBSET_SIZE, min(len(held_out), len(features)) // 2)
    return kernel_distance_subsets(features, held_out, KERNEL_SUBSETS, size)


def _kernel_blocks(held_out: Float64Array, features: Float64Array) -> KernelEstimate:
    # Zaremba et al. 2013, sec. 3: √n both keeps the power and makes enough blocks for an error.
    return kernel_distance_blocks(features, held_out, int(np.sqrt(len(features))))


def _probabilities(
    classes: Callable[[Float64Array], Float64Array], features: Float64Array
) -> Float64Array:
    return classes(features)


def _training(samples: Samples) -> Float64Array:
    if samples.training is None:
        raise ValueError("samples.training is needed for this distance, got None")
    return samples.training


def _classes(samples: Samples) -> Callable[[Float64Array], Float64Array]:
    if samples.classes is None:
        raise ValueError("samples.classes is needed for this distance, got None")
    return samples.classes


def _manifold(samples: Samples) -> precision_recall.Manifold:
    return precision_recall.manifold(samples.held_out)


def _generalisation(samples: Samples) -> GeneralisationReference:
    return generalisation_reference(samples.held_out, _training(samples))


def _copying(samples: Samples) -> CopyingReference:
    return copying_reference(samples.held_out, _training(samples))


def _authenticity(samples: Samples) -> AuthenticityReference:
    return authenticity_reference(_training(samples))


def _neighbourhood(part: str, range_: str, summary: str, source: str) -> Distance:
    return Distance(
        _manifold,
        precision_recall.precision_recall_to,
        attrgetter(part),
        HIGHER,
        range_,
        summary,
        source,
        fewest=precision_recall.NEIGHBOURS + 1,
    )


_SHARE = "0 … 1"
_FROM_ZERO = "≥ 0"
_ANY = "any real number"
_PRECISION_RECALL = "Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 1"
_DENSITY_COVERAGE = "Naeem et al. 2020, arXiv:2002.09797, eq. 4 and 5"

DISTANCES: Mapping[str, Distance] = MappingProxyType(
    {
        "fid": Distance(
            _frechet,
            lambda prepared, features: frechet_distance_to(prepared, moments(features)),
            float,
            LOWER,
            _FROM_ZERO,
            "|μ₁ - μ₂|² + Tr(C₁ + C₂ - 2·√(C₁C₂)), from the held-out images",
            "Heusel et al. 2017, arXiv:1706.08500, eq. 6",
        ),
        "fid_infinity": Distance(
            _frechet,
            frechet_infinity_to,
            float,
            LOWER,
            _ANY,
            "fid at infinitely many samples: intercept over 1/N of subsets of N",
            "Chong and Forsyth 2020, arXiv:1911.07023",
            fewest=FEWEST_SAMPLES,
        ),
        "fid_training": Distance(
            _generalisation,
            generalisation_distances,
            attrgetter("training"),
            LOWER,
            _FROM_ZERO,
            "fid from as many images that were trained on",
            "Heusel et al. 2017, arXiv:1706.08500, eq. 6",
            needs=(TRAINING,),
        ),
        "kid": Distance(
            lambda samples: kernel_reference(samples.held_out),
            kernel_distance_to,
            float,
            LOWER,
            _ANY,
            "unbiased MMD² under the kernel (⟨x, y⟩/d + 1)³, over all samples",
            "Bińkowski et al. 2018, arXiv:1801.01401",
        ),
        "kid_subsets": Distance(
            _held_out,
            _kernel_subsets,
            attrgetter("mean"),
            LOWER,
            _ANY,
            "mean kid of 100 random subsets of 1000 samples, or of half of them if fewer",
            "Bińkowski et al. 2018, arXiv:1801.01401, sec. 4",
            fewest=4,
        ),
        "kid_subsets_error": Distance(
            _held_out,
            _kernel_subsets,
            attrgetter("standard_error"),
            LOWER,
            _FROM_ZERO,
            "standard error of kid_subsets over its subsets",
            "Bińkowski et al. 2018, arXiv:1801.01401, sec. 4",
            fewest=4,
        ),
        "kid_blocks": Distance(
            _held_out,
            _kernel_blocks,
            attrgetter("mean"),
            LOWER,
            _ANY,
            "mean kid of disjoint blocks of √n samples",
            "Zaremba et al. 2013, arXiv:1307.1954, eq. 4",
            fewest=4,
        ),
        "kid_blocks_error": Distance(
            _held_out,
            _kernel_blocks,
            attrgetter("standard_error"),
            LOWER,
            _FROM_ZERO,
            "standard error of kid_blocks over its blocks",
            "Zaremba et al. 2013, arXiv:1307.1954, eq. 4",
            fewest=4,
        ),
        "precision": _neighbourhood(
            "precision", _SHARE, "share of generated within the real manifold", _PRECISION_RECALL
        ),
        "recall": _neighbourhood(
            "recall", _SHARE, "share of real within the generated manifold", _PRECISION_RECALL
        ),
        "density": _neighbourhood(
            "density",
            _FROM_ZERO,
            "mean number of real balls around a generated, over 5",
            _DENSITY_COVERAGE,
        ),
        "coverage": _neighbourhood(
            "coverage", _SHARE, "share of real balls with a generated in them", _DENSITY_COVERAGE
        ),
        "inception_score": Distance(
            _classes,
            _probabilities,
            inception_score,
            HIGHER,
            "1 … number of classes",
            "exp(E KL(p(y|x) ‖ p(y))), of the feature classifier's classes",
            "Salimans et al. 2016, arXiv:1606.03498, sec. 4",
            needs=(CLASSES,),
        ),
        "class_coverage": Distance(
            _classes,
            _probabilities,
            class_coverage,
            HIGHER,
            _SHARE,
            "share of classes that at least one generated image is taken for",
            "Srivastava et al. 2017, arXiv:1705.07761, sec. 4.1",
            needs=(CLASSES,),
        ),
        "generalisation_gap": Distance(
            _generalisation,
            generalisation_distances,
            attrgetter("gap"),
            ZERO,
            _ANY,
            "fid - fid_training: above 0 where training images are memorised",
            "after Gulrajani et al. 2019, arXiv:2001.03653",
            needs=(TRAINING,),
        ),
        "copying": Distance(
            _copying,
            copying_statistic_to,
            float,
            ZERO,
            _ANY,
            "C_T: z-score of the distances to the training images; below 0 where copied",
            "Meehan et al. 2020, arXiv:2004.05675",
            needs=(TRAINING,),
        ),
        "authenticity": Distance(
            _authenticity,
            authenticity_to,
            float,
            HIGHER,
            _SHARE,
            "share further from the training images than these are apart; 0 for copies",
            "Alaa et al. 2022, arXiv:2102.08921, sec. 4.3",
            needs=(TRAINING,),
        ),
    }
)
"""Every score by its name."""
