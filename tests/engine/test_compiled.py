"""What is compiled once is not compiled again: the cache of programs, and when there is none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import compilation_cache

from normsweep.data import cache as cache_files
from normsweep.data.cache import CACHE_VARIABLE
from normsweep.engine import compiled
from normsweep.engine.compiled import KeptPrograms, this_machine
from normsweep.engine.devices import use_all_cores

HITS = "/jax/compilation_cache/cache_hits"
X = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)

NewProcess = Callable[[], tuple[int, bytes]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "compiled"


@pytest.fixture
def new_process(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewProcess]:
    """Compiles a program as one would that has just begun; how many were kept, and what it makes.

    The functions are other ones each time, so that JAX has nothing of them in its memory.
    """
    hits: list[str] = []

    def count(event: str, **_: object) -> None:
        hits.extend([event] if event == HITS else [])

    def begin() -> tuple[int, bytes]:
        monkeypatch.setattr(compilation_cache, "_cache", None)
        monkeypatch.setattr(compilation_cache, "_cache_initialized", False)
        hits.clear()
        use_all_cores()
        made = jax.jit(lambda x: jnp.tanh(x @ x.T).sum(0))(X)
        return len(hits), np.asarray(made).tobytes()

    named = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    jax.monitoring.register_event_listener(count)
    yield begin
    jax.monitoring.unregister_event_listener(count)
    jax.config.update("jax_compilation_cache_dir", named)


def programs(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*"))


def test_a_second_process_compiles_nothing_and_finds_the_same_bits(
    cache: Path, new_process: NewProcess
) -> None:
    none, first = new_process()
    found = programs(cache)
    some, second = new_process()
    assert (none, some) == (0, 1)
    assert first == second
    assert programs(cache) == found and len(found) == 1
    assert found[0].parent.name == this_machine()
    assert cache.stat().st_mode & 0o022 == 0 and found[0].parent.stat().st_mode & 0o077 == 0


def test_a_process_killed_while_it_wrote_leaves_nothing_that_is_found(
    cache: Path, new_process: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # Nothing of what comes after is done by a process that is no more.
        patched.setattr(os, "replace", kill)
        patched.setattr(os, "unlink", kill)
        with pytest.raises(Killed):
            new_process()
    assert [path.name.startswith("tmp") for path in programs(cache)] == [True]
    assert [new_process()[0] for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_program_is_compiled_again_without_a_word(
    cache: Path, new_process: NewProcess, damage: bytes | None
) -> None:
    _, first = new_process()
    [place] = programs(cache)
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    assert new_process() == (0, first)
    assert new_process() == (1, first)


@pytest.mark.parametrize("changed", ["flags", "cores", "cpu", "jaxlib"])
def test_another_machine_or_version_compiles_for_itself(
    cache: Path, new_process: NewProcess, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    new_process()
    if changed == "flags":
        monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " ")
    elif changed == "cores":
        monkeypatch.setenv("NPROC", "1")
    elif changed == "cpu":
        monkeypatch.setattr(compiled.platform, "processor", lambda: "another")
    else:
        monkeypatch.setattr(compiled, "version", lambda _: "0.0.1")
    assert new_process()[0] == 0
    assert len({path.parent for path in programs(cache)}) == 2


def test_nothing_is_kept_where_it_is_off_or_cannot_be_written(
    cache: Path, new_process: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("no folder")
    assert [new_process()[0] for _ in range(2)] == [0, 0]
    cache.unlink()
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert [new_process()[0] for _ in range(2)] == [0, 0]
    assert not cache.exists()


def test_a_folder_that_can_only_be_read_is_read(
    cache: Path, new_process: NewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_process()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(cache_files.tempfile, "mkstemp", refused)
    assert new_process()[0] == 1
    KeptPrograms(cache / this_machine()).put("more", b"not kept")
    assert len(programs(cache)) == 1


def test_a_cache_that_the_user_has_named_stays_his(
    cache: Path, new_process: NewProcess, tmp_path: Path
) -> None:
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "his"))
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    new_process()
    assert not cache.exists() and len(list((tmp_path / "his").iterdir())) == 1
    assert jax.config.jax_persistent_cache_min_compile_time_secs == least


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    other, kept = KeptPrograms(tmp_path / "other"), KeptPrograms(tmp_path / "here", limit=400)
    for age, (folder, key) in enumerate([(other, "a"), (kept, "b"), (kept, "c"), (kept, "d")]):
        folder.put(key, bytes(60))
        os.utime(folder._path / key, (1000 + age, 1000 + age))
    (tmp_path / "here" / "tmpdraft").write_bytes(bytes(60))
    os.utime(tmp_path / "here" / "tmpdraft", (999, 999))
    assert kept.get("b") == bytes(60)
    kept.put("e", bytes(60))
    assert {path.name for path in tmp_path.glob("*/*")} == {"b", "c", "d", "e"}
    kept.put("f", bytes(60))
    assert {path.name for path in tmp_path.glob("*/*")} == {"b", "d", "e", "f"}
