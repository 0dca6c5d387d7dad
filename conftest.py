"""How the processes of a test run compile: in haste, and into one cache, which the next run has."""

import contextlib
import os
import time
from pathlib import Path

import jax
import pytest

from normsweep.engine.compiled import this_machine

WRITERS = Path(__file__).parent / "tests" / "compile_cache"
"""On the path of a process that may write to the cache."""
IN_HASTE = "SWEEP_TESTS_IN_HASTE"
"""Set in the environment, it makes a process that has `WRITERS` on its path compile in haste."""
KEPT_DAYS = 7
"""What is older is mostly of code that has changed since."""


def pytest_configure(config: pytest.Config) -> None:
    """Sets the cache up, here and by the environment for the processes that tests start."""
    folder = config.rootpath / ".pytest_cache" / "compiled" / this_machine()
    settings = {
        # What the environment names is the caller's choice.
        "jax_compilation_cache_dir": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(folder)),
        "jax_persistent_cache_min_entry_size_bytes": -1,
        # Else a program's key has the folder's name in it.
        "jax_persistent_cache_enable_xla_caches": "none",
        # So many seconds take none: `WRITERS` undoes it.
        "jax_persistent_cache_min_compile_time_secs": 1e9,
    }
    for name, value in settings.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
    if not hasattr(config, "workerinput"):
        forget_old(folder)
    os.environ[IN_HASTE] = "1"
    path = [str(WRITERS), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))


def forget_old(folder: Path) -> None:
    """Removes what was compiled too long ago, for this machine or another."""
    for program in folder.parent.glob("*/*"):
        # Another process may have moved it to its place just now.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - program.stat().st_mtime > KEPT_DAYS * 86400:
                program.unlink()
