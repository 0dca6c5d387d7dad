"""Compiled programs that are kept, so that the next process need not compile them again.

JAX's own cache writes a file in place: another process may read its beginning, and one that is
killed meanwhile leaves it so for ever. Its limit of size needs a second file for each, which breaks
the same way. So it has ours in its stead.
"""

import contextlib
import hashlib
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

import jax
from jax._src import compilation_cache
from jax._src.compilation_cache_interface import CacheInterface

from normsweep.data.cache import cache_folder

KIND = "compiled"
LIMIT = 2**29
"""Bytes that all programs may take on the disk, of other machines and versions too."""

_DIGEST = hashlib.sha256().digest_size


class KeptPrograms(CacheInterface):
    """A folder of programs, a file each: the digest of the program, and the program.

    What cannot be read, or is not what was written, is not there; what cannot be written is not
    kept. Above the limit those go that were used longest ago, in the folders beside it too.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._path = folder
        self._limit = limit

    def get(self, key: str) -> bytes | None:
        """The program of a key; None where none is kept."""
        place = self._path / key
        with contextlib.suppress(OSError):
            content = place.read_bytes()
            digest, program = content[:_DIGEST], content[_DIGEST:]
            if digest == hashlib.sha256(program).digest():
                with contextlib.suppress(OSError):
                    os.utime(place)
                return program
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keeps the program of a key: the file is there as a whole or not at all."""
        with contextlib.suppress(OSError):
            # What lies here is run: no one else may write it.
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, draft = tempfile.mkstemp(dir=self._path)
            try:
                with open(number, "wb") as file:
                    file.write(hashlib.sha256(value).digest() + value)
                os.replace(draft, self._path / key)
            except BaseException:
                os.unlink(draft)
                raise
            self._make_room()

    def _make_room(self) -> None:
        """Removes what was used longest ago, drafts that were never finished among it."""
        found = []
        for path in self._path.parent.glob("*/*"):
            # Another process may remove it, too.
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        size = sum(each for _, each, _ in found)
        for _, each, path in sorted(found):
            if size <= self._limit:
                return
            path.unlink(missing_ok=True)
            size -= each


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
