"""Files as other programs write them, and paths as a spec means them."""

import codecs
import json
from pathlib import Path

import pytest
import tomlkit

from normsweep.errors import UserError
from normsweep.spec import load_spec
from normsweep.spec.config import read_config
from normsweep.spec.plugins.load import load_plugin

TEXT = '[study]\nname = "tiny"\n\n[penalty]\nform = "power"\nstrength = 0.001\norder = 2.0\n'
MARKED = {
    "utf-8 of Windows": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16, little end first": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16, big end first": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "lines of Windows": TEXT.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("content", MARKED.values(), ids=MARKED)
def test_a_spec_and_a_config_are_read_whoever_wrote_them(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    assert load_spec(path).penalty.strength == 0.001
    assert read_config(path).spec.study.name == "tiny"


def test_a_config_in_json_may_begin_with_a_mark_too(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(codecs.BOM_UTF8 + json.dumps(tomlkit.parse(TEXT).unwrap()).encode())
    assert read_config(path).spec.penalty.strength == 0.001


@pytest.mark.parametrize(
    "content",
    [TEXT.encode("utf-16-le"), codecs.BOM_UTF16_LE + b"\0", b"\xff\xfe\xff", "é".encode("latin-1")],
)
def test_what_is_no_text_is_told_in_one_message(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    for read in (load_spec, read_config):
        with pytest.raises(UserError, match=r"spec\.toml: (cannot be read as text|is not valid)"):
            read(path)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The current folder, and one of a spec elsewhere."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    return here, there


def write(folder: Path, form: object) -> Path:
    tables = tomlkit.parse(TEXT).unwrap()
    tables["penalty"] = {"form": form, "strength": 0.001}
    path = folder / "spec.toml"
    path.write_text(tomlkit.dumps(tables), encoding="utf-8")
    return path


PENALTY = "def own(weights, strength):\n    return strength * {} * sum(w.sum() for w in weights)\n"


def test_a_file_of_code_is_looked_for_beside_the_spec_and_then_here(places) -> None:
    here, there = places
    spec = write(there, "pen.py:own")
    (here / "pen.py").write_text(PENALTY.format(1), encoding="utf-8")
    assert load_spec(spec).penalty.form == "pen.py:own"
    (there / "pen.py").write_text(PENALTY.format(2), encoding="utf-8")
    assert load_spec(spec).penalty.form == f"{there / 'pen.py'}:own"
    assert read_config(spec).spec.penalty.form == f"{there / 'pen.py'}:own"
    # In the folder of the spec itself it stays as it is written.
    assert load_spec(write(here, "pen.py:own")).penalty.form == "pen.py:own"


def test_so_it_is_in_lists_and_in_methods(places) -> None:
    _, there = places
    (there / "pen.py").write_text(PENALTY.format(2), encoding="utf-8")
    path = there / "methods.toml"
    path.write_text(
        '[study]\nname = "m"\n[methods.mine.penalty]\nform = "pen.py:own"\nstrength = [0.1, 1.0]\n',
        encoding="utf-8",
    )
    assert load_spec(path).methods["mine"]["penalty"]["form"] == f"{there / 'pen.py'}:own"


def test_a_file_that_is_in_neither_place_is_told_as_it_is_written(places) -> None:
    here, there = places
    form = load_spec(write(there, "pen.py:own")).penalty.form
    with pytest.raises(UserError, match=rf"penalty.form = 'pen.py:own': no such file: {here}"):
        load_plugin(form, "penalty.form")


def test_the_same_file_elsewhere_is_the_same_study() -> None:
    from normsweep.study.records import differing_fingerprints

    before = {"data": "a", "pen.py": "1", "lib/pen.py": "2"}
    assert differing_fingerprints(before, {"data": "a", "/x/lib/pen.py": "2", "pen.py": "1"}) == []
    assert differing_fingerprints(before, {"data": "a", "/x/lib/pen.py": "3", "pen.py": "1"}) == [
        "pen.py"
    ]
    assert differing_fingerprints(before, {"data": "b", "pen.py": "1", "y/pen.py": "2"}) == ["data"]
