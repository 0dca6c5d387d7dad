"""The versions that a score depends on."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("normsweep", "jax", "jaxlib", "flax", "optax", "optuna", "numpy", "scikit-learn")


@cache
def versions() -> dict[str, str]:
    """Package versions, Python's, and the kind and number of the devices that trained.

    The number, since XLA compiles for one device otherwise than for several, and some sums round
    differently then.
    """
    from normsweep.engine.devices import device_names

    found = {"python": platform.python_version(), "machine": platform.machine()}
    found["device"] = device_names()
    return found | {package: package_version(package) for package in _PACKAGES}


def package_version(package: str) -> str:
    """The version of an installed package, or "not installed"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
