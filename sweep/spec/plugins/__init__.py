"""A user's own objects, named in a spec as `path/to/file.py:name`.

The names are imported when they are first used: whether a name is a reference is asked of every
spec, and needs no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normsweep.spec.plugins.features import check_features, plugin_feature_map
    from normsweep.spec.plugins.load import (
        FORBIDDEN_VARIABLE,
        fault_of_plugin,
        is_plugin,
        load_plugin,
        look_again,
        plugin_fingerprint,
    )
    from normsweep.spec.plugins.network import plugin_model
    from normsweep.spec.plugins.penalty import check_penalty, plugin_penalty
    from normsweep.spec.plugins.sampler import SamplerError, plugin_sampler, telling_sampler

_HOMES = {
    "features": ("check_features", "plugin_feature_map"),
    "load": (
        "FORBIDDEN_VARIABLE",
        "fault_of_plugin",
        "is_plugin",
        "load_plugin",
        "look_again",
        "plugin_fingerprint",
    ),
    "network": ("plugin_model",),
    "penalty": ("check_penalty", "plugin_penalty"),
    "sampler": ("SamplerError", "plugin_sampler", "telling_sampler"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FORBIDDEN_VARIABLE",
    "SamplerError",
    "check_features",
    "check_penalty",
    "fault_of_plugin",
    "is_plugin",
    "load_plugin",
    "look_again",
    "plugin_feature_map",
    "plugin_fingerprint",
    "plugin_model",
    "plugin_penalty",
    "plugin_sampler",
    "telling_sampler",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
