"""A user's own objects, named in a spec as `path/to/file.py:name`."""

from normsweep.spec.plugins.features import check_features, plugin_feature_map
from normsweep.spec.plugins.load import (
    FORBIDDEN_VARIABLE,
    fault_of_plugin,
    is_plugin,
    load_plugin,
    look_again,
    plugin_fingerprint,
)
from normsweep.spec.plugins.penalty import check_penalty, plugin_penalty

__all__ = [
    "FORBIDDEN_VARIABLE",
    "check_features",
    "check_penalty",
    "fault_of_plugin",
    "is_plugin",
    "load_plugin",
    "look_again",
    "plugin_feature_map",
    "plugin_fingerprint",
    "plugin_penalty",
]
