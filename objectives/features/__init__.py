"""Feature maps: from images to the few numbers in which a distance is taken, in one table.

Adding a feature map is a file with `fit` and `apply`, and one line in `FEATURE_MAPS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from normsweep.objectives.features.classifier import (
    CLASSIFIER,
    accuracy,
    class_logits,
    class_probabilities_of_features,
)
from normsweep.objectives.features.contract import FeatureMap, feature_map
from normsweep.objectives.features.pca import PCA
from normsweep.objectives.features.random_network import RANDOM_NETWORK
from normsweep.objectives.limits import MAXIMUM_DIMENSION

__all__ = [
    "FEATURE_MAPS",
    "MAXIMUM_DIMENSION",
    "FeatureMap",
    "accuracy",
    "class_logits",
    "class_probabilities_of_features",
    "feature_map",
]

FEATURE_MAPS: Mapping[str, FeatureMap] = MappingProxyType(
    {"classifier": CLASSIFIER, "random": RANDOM_NETWORK, "pca": PCA}
)
"""Every feature map by its name."""
