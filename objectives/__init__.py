"""Losses, penalties, distances and feature maps of GAN training, as pure functions of arrays.

Nothing here knows a model or a study, or touches a file, a clock or a global state.
"""

from objectives.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, adversarial_loss
from objectives.distances import (
    FrechetReference,
    GaussianMoments,
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_to,
    frechet_reference,
    kernel_distance,
    moments,
)
from objectives.features import FEATURE_MAPS, MAXIMUM_DIMENSION, FeatureMap, feature_map
from objectives.penalties import (
    PENALTIES,
    Penalty,
    elastic_net,
    elastic_net_gradient,
    lp_norm,
    lp_norm_gradient,
    lp_power,
    lp_power_gradient,
    penalty,
)
from objectives.selection import count_selected, keep, parameter_paths, select
from objectives.transform import add_norm_penalty

__all__ = [
    "ADVERSARIAL_LOSSES",
    "FEATURE_MAPS",
    "MAXIMUM_DIMENSION",
    "PENALTIES",
    "AdversarialLoss",
    "FeatureMap",
    "FrechetReference",
    "GaussianMoments",
    "Penalty",
    "add_norm_penalty",
    "adversarial_loss",
    "count_selected",
    "elastic_net",
    "elastic_net_gradient",
    "feature_map",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_to",
    "frechet_reference",
    "keep",
    "kernel_distance",
    "lp_norm",
    "lp_norm_gradient",
    "lp_power",
    "lp_power_gradient",
    "moments",
    "parameter_paths",
    "penalty",
    "select",
]
