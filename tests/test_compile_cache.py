"""The cache of compiled programs that all processes of a test run share."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax._src.lru_cache import LRUCache

from conftest import IN_HASTE

COMPILES = "import jax; jax.jit(lambda x: x * 0.5)(1.0)"


def programs(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_compiled_here_is_in_it() -> None:
    folder = Path(jax.config.jax_compilation_cache_dir)

    def written_only_here(x: jax.Array) -> jax.Array:
        return x + jnp.float32(0.123)

    jax.jit(written_only_here)(jnp.float32(1))
    assert any(name.startswith("jit_written_only_here-") for name in programs(folder))


def test_a_program_is_there_as_a_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    cache = LRUCache(str(tmp_path), max_size=-1)
    place = tmp_path / "some-cache"
    seen: list[bool] = []
    replace = os.replace

    def watched(source: str, target: Path) -> None:
        seen.append(place.exists())
        assert Path(source).read_bytes() == b"whole"
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    cache.put("some", b"whole")
    assert seen == [False]
    assert cache.get("some") == b"whole"
    cache.put("some", b"another")
    assert cache.get("some") == b"whole"
    assert programs(tmp_path) == {place.name}


@pytest.mark.parametrize("writes", [True, False])
def test_a_process_writes_only_where_it_writes_whole_files(tmp_path, writes: bool) -> None:
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    if not writes:
        environment["PYTHONPATH"] = ""
    subprocess.run([sys.executable, "-c", COMPILES], env=environment, check=True)
    assert bool(programs(tmp_path)) == writes


def test_a_process_compiles_in_haste_where_its_environment_says_so(tmp_path) -> None:
    counts = []
    for haste in ("1", ""):
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path), IN_HASTE: haste}
        subprocess.run([sys.executable, "-c", COMPILES], env=environment, check=True)
        counts.append(len(programs(tmp_path)))
    assert counts == [1, 2]
