"""What the bits of a training depend on beside our code: processor, devices, and who compiles."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

import jax

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")
_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """The processor by its name and a digest of its features, the number of devices, versions."""
    found = {"model name": platform.processor(), "flags": ""}
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in found:
                found[name.strip()] = value.strip()
    features = " ".join(sorted(found["flags"].split()))
    return {
        "processor": found["model name"],
        "features": hashlib.sha256(features.encode()).hexdigest(),
        "devices": len(jax.local_devices()),
        **{package: version(package) for package in _PACKAGES},
    }
