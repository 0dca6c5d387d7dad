"""Lets a process write to the tests' cache of compiled programs: each file as a whole.

JAX finds this by its folder on the path and runs it before it compiles anything. By itself it
writes in place: another process would read the beginning of a file, and one that is killed
meanwhile would leave it so for ever. A process without this only reads (see `conftest.py`).
"""

import os
import tempfile
from pathlib import Path

import jax
from jax._src.lru_cache import LRUCache


def initialize() -> None:
    """What JAX calls when it starts."""
    LRUCache.put = put
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def put(cache: LRUCache, key: str, value: bytes) -> None:
    """Writes a compiled program beside its place, and moves it there."""
    folder = Path(str(cache.path))
    place = folder / f"{key}-cache"
    if place.exists():
        return
    handle, part = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(value)
    os.replace(part, place)
