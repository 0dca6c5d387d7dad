"""What a launch compiles is there for the next process of the same machine."""

from pathlib import Path

import pytest

from normsweep.data.cache import CACHE_VARIABLE


@pytest.mark.slow
def test_a_second_launch_and_its_confirmation_compile_nothing(
    start, write_spec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    spec = write_spec(study__trials=2, confirm={"seeds": 2, "top": 1})
    found: list[dict[str, int]] = []
    for database in ("first.db", "second.db"):
        process = start("launch", spec, "--storage", f"sqlite:///{database}")
        _, told = process.communicate()
        assert process.returncode == 0, told
        # What is compiled is written, to another file even where there was one.
        programs = (folder / "cache" / "compiled").glob("*/*")
        found.append({path.name: path.stat().st_ino for path in programs})
    assert found[0] == found[1]
    assert any("shard" in name for name in found[0])
