"""What follows from data and spec alone, kept once it is found: the next launch has it at once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import jax
from flax.serialization import msgpack_restore, msgpack_serialize

from normsweep.data.cache import KeptFiles, cache_folder
from normsweep.engine.compiled import this_machine
from normsweep.engine.versions import package_version, versions
from normsweep.objectives.aliases import PyTree

KIND = "features"
"""What the folder in the cache is called."""
NAMED = "named"
"""Within it the folder of what is asked for by its fingerprint, whatever machine found it."""
LIMIT = 2**28
"""Bytes that all of it may take on the disk, of other machines and versions too."""


def kept(what: str, facts: Mapping[str, Any], find: Callable[[], PyTree]) -> PyTree:
    """What `find` gives, or gave before: numbers and arrays of NumPy in dicts and lists.

    That is kept to the bit, for a machine, versions, code and settings of JAX, on all of which bits
    depend; `facts` are all else that it follows from. Nothing is kept where `SWEEP_CACHE` is off.
    """
    folder = cache_folder(KIND)
    if folder is None:
        return find()
    # As they are in this thread, where JAX has a context for them.
    settings = {n: repr(getattr(jax.config, n, value)) for n, value in jax.config.values.items()}
    told = [what, facts, versions(), package_version("scipy"), _code(), settings]
    key = _digest(told)
    kept_files = KeptFiles(folder / this_machine(), LIMIT)
    stored = kept_files.get(key)
    if stored is not None:
        return msgpack_restore(stored)
    found = find()
    kept_files.put(key, msgpack_serialize(found))
    return found


def keep_named(what: str, facts: Mapping[str, Any], found: PyTree) -> None:
    """Keeps what was found for `kept_as_named`, on whatever machine that was.

    Among the `facts`, which are all that it follows from, is its fingerprint.
    """
    folder = cache_folder(KIND)
    if folder is not None and kept_as_named(what, facts) is None:
        KeptFiles(folder / NAMED, LIMIT).put(_digest([what, facts]), msgpack_serialize(found))


def kept_as_named(what: str, facts: Mapping[str, Any]) -> PyTree | None:
    """What was found and has the fingerprint among the facts; None where it is not kept.

    With another number of cores the fit of a map rounds otherwise from its first steps on, and what
    comes out is another map: workers of a study, of a few cores each, take the one that it has.
    """
    folder = cache_folder(KIND)
    if folder is None:
        return None
    stored = KeptFiles(folder / NAMED, LIMIT).get(_digest([what, facts]))
    return None if stored is None else msgpack_restore(stored)


def _digest(told: list[Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@cache
def _code() -> str:
    """A digest of the code of feature maps: versions stand still while it is worked on."""
    digest = hashlib.sha256()
    maps = files("normsweep.objectives.features").iterdir()
    for file in (
        *sorted(maps, key=lambda file: file.name),
        files("normsweep.score") / "features.py",
    ):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()
