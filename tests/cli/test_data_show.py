"""`sweep data show`: what is understood of a source, its sheet, and what cannot be used."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from normsweep.data import overview
from tests.cli.test_json_schema import checked
from tests.data.pictures import encoded
from tests.pictures import patches, samples, write_parquet, write_tar


@pytest.fixture
def pictures(folder: Path) -> list[bytes]:
    """Pieces of photographs in class folders."""
    images, labels = patches(4, 8)
    found = [encoded(image) for image in images]
    for number, (picture, label) in enumerate(zip(found, labels, strict=True)):
        place = folder / "photographs" / "abc"[label] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(picture)
    return found


def test_what_is_understood_is_printed_and_some_are_drawn(
    sweep, folder: Path, pictures: list[bytes]
) -> None:
    called = sweep("data", "show", "folder", "--path", "photographs", "-o", "sheet.png")
    assert called.code == 0
    lines = [" ".join(line.split()) for line in called.out.splitlines()]
    assert lines[:6] == [
        "photographs",
        "images 12 of 8×8, rgb",
        "pixels 0 to 255, which become -1 to 1",
        "labels 3 classes: 0 a (4), 1 b (4), 2 c (4)",
        "sizes 12 of 8×8 (height × width, before any treatment)",
        "copies none, to the last pixel",
    ]
    assert lines[6].startswith("kept in ")
    assert called.err.endswith("Wrote sheet.png.\n")
    with Image.open(folder / "sheet.png") as sheet:
        # Three rows of four images with a line between, enlarged.
        assert sheet.size == (37 * 17, 28 * 17)
        shown = {image.tobytes() for image in _cut(np.asarray(sheet)[::17, ::17])}
    assert shown == {image.tobytes() for image in patches(4, 8)[0]}


def _cut(sheet: np.ndarray) -> list[np.ndarray]:
    return [
        np.ascontiguousarray(sheet[top : top + 8, left : left + 8])
        for top in (1, 10, 19)
        for left in (1, 10, 19, 28)
    ]


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("parquet", "p.parquet", "p"),
        ("webdataset", "w.tar", "w"),
        ("npz", "n.npz", "n"),
        ("mine.py:images", None, "images"),
        ("own.toml", None, "images"),
        ("digits", None, "digits"),
    ],
)
def test_each_kind_of_source_is_shown_as_json_too(
    sweep, folder: Path, pictures: list[bytes], source: str, path: str | None, name: str
) -> None:
    images, labels = patches(4, 8)
    write_parquet(folder / "p.parquet", pictures, label=labels)
    write_tar(folder / "w.tar", samples(pictures, labels.tolist()))
    np.savez(folder / "n.npz", images=images, labels=labels)
    (folder / "mine.py").write_text(
        "import numpy\n\ndef images():\n    found = numpy.load('n.npz')\n"
        "    return found['images'], found['labels']\n"
    )
    (folder / "own.toml").write_text('[data]\nsource = "mine.py:images"\n')
    called = sweep("data", "show", source, *(["--path", path] if path else []), "--json")
    assert (called.code, called.err) == (0, "")
    found = checked("data show", called.out)
    assert (found["name"], found["sheet"]) == (name, f"{name}.sheet.png")
    assert (folder / f"{name}.sheet.png").is_file()
    if source != "digits":
        assert (found["count"], found["shape"], found["copies"]) == (12, [8, 8, 3], 0)
        assert [each["count"] for each in found["classes"]] == [4, 4, 4]
        assert (found["sizes"] is None) == (source not in ("parquet", "webdataset"))


def test_options_are_those_of_a_spec_and_go_before_those_of_a_spec_file(
    sweep, folder: Path, pictures: list[bytes]
) -> None:
    (folder / "a.toml").write_text('[data]\nsource = "folder"\npath = "nowhere"\nlimit = 9\n')
    options = ["--path", "photographs", "--size", "4", "--colour", "grey", "--json"]
    found = json.loads(sweep("data", "show", "a.toml", *options).out)
    assert (found["count"], found["shape"]) == (9, [4, 4, 1])
    assert found["sizes"] == [{"height": 8, "width": 8, "count": 12}]


def test_pictures_that_cannot_be_used_are_named_after_what_is_understood(
    sweep, folder: Path, pictures: list[bytes]
) -> None:
    (folder / "photographs" / "a" / "0.png").write_bytes(pictures[0][:90])
    (folder / "photographs" / "b" / "4.png").write_bytes(b"")
    called = sweep("data", "show", "folder", "--path", "photographs")
    assert called.code == 2
    assert "12 of 8×8, rgb" in called.out
    assert "2 of 12 pictures cannot be used" in called.err
    assert "a/0.png is damaged" in called.err and "b/4.png is empty" in called.err
    printed = sweep("data", "show", "folder", "--path", "photographs", "--json")
    assert printed.code == 2
    assert "2 of 12 pictures" in checked("data show", printed.out)["fault"]


def test_of_many_pictures_the_headers_are_read_alone(
    sweep, folder: Path, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "DECODED", 11)
    monkeypatch.setenv("SWEEP_CACHE", str(folder / "cache"))
    called = sweep("data", "show", "folder", "--path", "photographs")
    assert called.code == 0
    assert "copies   none, to the last byte of the file" in called.out
    assert "not yet: this is by headers alone; a launch decodes them" in called.out
    assert not (folder / "cache").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "SOURCE nowhere: no such source or file; accepted are digits, digits_pairs"),
        (["folder"], "data.path is missing: 'folder' needs the path of the folder of pictures"),
        (["parquet", "--path", "nowhere"], "nowhere: no such file or folder; accepted is a .parq"),
        (["webdataset", "--path", "spec.toml"], "spec.toml: is no .tar file by its name"),
        (["digits", "--size", "3"], "data.size: the images of 'digits' are as they are"),
        (["digits", "--size", "0"], "--size: got 0; accepted: a whole number ≥ 1"),
        (["digits", "--colour", "blue"], '--colour: got "blue"; accepted: one of grey, rgb'),
        (["digits", "--range", "3", "2"], "--range: "),
        (["spec.toml", "--limit", "0"], "--limit: got 0"),
        (["mine.py:images"], "data.source = 'mine.py:images': no such file"),
        (["mine.py:images", "--no-plugins"], "a file of code, which --no-plugins"),
        (["digits", "-o", "nowhere/a.png"], "nowhere/a.png: cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_told_and_nothing_is_written(
    sweep, write_spec, folder: Path, monkeypatch: Any, arguments: list[str], told: str
) -> None:
    write_spec()
    monkeypatch.delenv("SWEEP_NO_PLUGINS", raising=False)
    called = sweep("data", "show", *arguments)
    monkeypatch.delenv("SWEEP_NO_PLUGINS", raising=False)
    assert called.code == 2
    assert told in called.err
    assert "Traceback" not in called.err
    assert called.out == ""
    assert not list(folder.glob("*.png"))
