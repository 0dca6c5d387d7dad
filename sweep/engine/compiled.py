"""Compiled programs that are kept, so that the next process need not compile them again.

JAX's own cache writes a file in place: another process may read its beginning, and one that is
killed meanwhile leaves it so for ever. Its limit of size needs a second file for each, which breaks
the same way. So it has ours in its stead.
"""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

import jax
from jax._src import compilation_cache
from jax._src.compilation_cache_interface import CacheInterface

from normsweep.data.cache import KeptFiles, cache_folder

KIND = "compiled"
LIMIT = 2**29
"""Bytes that all programs may take on the disk, of other machines and versions too."""


class KeptPrograms(KeptFiles, CacheInterface):
    """A folder of programs, as JAX asks for them."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        super().__init__(folder, limit)


def keep_programs() -> None:
    """Has JAX keep what it compiles in the user's cache, and take from there what it has compiled.

    Writes JAX's configuration. Call it when the number of devices is settled: it goes into the
    key. Nothing happens where `SWEEP_CACHE` is off, or JAX has a cache of the user's own.
    """
    folder = cache_folder(KIND)
    named = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if folder is None or named is not None or compilation_cache._cache is not None:
        return
    # It takes a moment to compile the least of programs, and a study has forty of these.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compilation_cache._cache = KeptPrograms(folder / this_machine())
    compilation_cache._cache_initialized = True


def this_machine() -> str:
    """What compiled code depends on besides the program: the compiler, the CPU, how many cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    devices = jax.config.jax_num_cpu_devices  # type: ignore[attr-defined]
    facts = [platform.machine(), platform.processor(), f"{cores} cores, {devices} devices"]
    facts += [f"{name}={os.environ.get(name)}" for name in ("XLA_FLAGS", "NPROC")]
    if (about := Path("/proc/cpuinfo")).exists():
        # The lines of each core are the same, but for its number, its clock and the like.
        kinds = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part")
        lines = about.read_text(encoding="utf-8").splitlines()
        facts += sorted({line for line in lines if line.split(":")[0].strip() in kinds})
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return f"jaxlib-{version('jaxlib')}-{digest}"
