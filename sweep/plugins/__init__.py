"""A user's own objects, named in a spec as `path/to/file.py:name`."""

from sweep.plugins.features import check_features, plugin_feature_map
from sweep.plugins.load import is_plugin, load_plugin, plugin_fingerprint
from sweep.plugins.penalty import check_penalty, plugin_penalty

__all__ = [
    "check_features",
    "check_penalty",
    "is_plugin",
    "load_plugin",
    "plugin_feature_map",
    "plugin_fingerprint",
    "plugin_penalty",
]
