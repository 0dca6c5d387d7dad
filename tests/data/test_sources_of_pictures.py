"""Folders and zip archives: what is a class, a split, a set, a picture; and what is told."""

import json
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_sample_images

from normsweep.data import Dataset, load_dataset, make_dataset
from normsweep.data.duplicates import digests_of, order_of
from normsweep.data.treatment import Treatment
from normsweep.errors import UserError
from tests.data.pictures import drawn, encoded

IMAGES = drawn(8, 6, 5, 3)
PNGS = [encoded(image) for image in IMAGES]

Written = Callable[[Mapping[str, bytes]], tuple[str, Path]]


@pytest.fixture(params=["folder", "zip"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Written:
    """Writes files by their names; returns the source that reads them, and where they are."""

    def write(files: Mapping[str, bytes]) -> tuple[str, Path]:
        if request.param == "folder":
            for name, content in files.items():
                path = tmp_path / "mine" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if name.endswith("/"):
                    path.mkdir(exist_ok=True)
                else:
                    path.write_bytes(content)
            return "folder", tmp_path / "mine"
        with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return "zip", tmp_path / "mine.zip"

    return write


def expected(images: np.ndarray, labels: list[int] | None = None) -> Dataset:
    known = None if labels is None else np.array(labels)
    order = order_of(digests_of(images), known)
    return make_dataset("mine", images[order], None if known is None else known[order])


def load(place: tuple[str, Path], split: str = "train", treatment: Treatment | None = None):  # type: ignore[no-untyped-def]
    return load_dataset(place[0], path=place[1], split=split, treatment=treatment or Treatment())


def test_a_class_folder_is_a_class_and_the_deeper_ones_are_of_it(written: Written) -> None:
    names = ["cats/1.png", "cats/more/1.PNG", "dogs/0.png", "ants/0.png"]
    found = load(written({"birds/": b"", **dict(zip(names, PNGS, strict=False))}))
    assert found == expected(IMAGES[:4], [1, 1, 2, 0])
    assert found.classes is not None and found.classes.tolist() == ["ants", "cats", "dogs"]
    assert any("without a picture are left out: birds" in told for told in found.guesses)


def test_classes_that_are_numbers_are_in_the_order_of_these(written: Written) -> None:
    found = load(written({f"{n}/x.png": png for n, png in zip((10, 9, 2), PNGS, strict=False)}))
    assert found == expected(IMAGES[:3], [2, 1, 0])
    assert found.classes is not None and found.classes.tolist() == ["2", "9", "10"]


@pytest.mark.parametrize("prefix", ["", "only/", "one/in another/"])
def test_a_flat_folder_has_no_labels_and_one_class_is_none(written: Written, prefix: str) -> None:
    place = written({f"{prefix}{n}.png": png for n, png in enumerate(PNGS)})
    assert load(place) == expected(IMAGES)
    with pytest.raises(UserError, match=r'mine.*data\.split = "test": has no train/ and test/'):
        load(place, "test")


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
def test_train_and_test_are_the_splits(written: Written, prefix: str) -> None:
    names = ["train/b/0.png", "train/a/0.png", "test/a/0.png", "test/b/1.png", "val/a/2.png"]
    place = written({f"{prefix}{n}": png for n, png in zip(names, PNGS, strict=False)})
    assert load(place) == expected(IMAGES[:2], [1, 0])
    assert load(place, "test") == expected(IMAGES[2:4], [0, 1])


def test_two_sets_are_the_labels_0_and_1(written: Written) -> None:
    names = ["trainA/0.png", "trainB/0.png", "trainB/1.png", "testA/0.png", "testB/0.png"]
    place = written(dict(zip(names, PNGS, strict=False)))
    assert load(place) == expected(IMAGES[:3], [0, 1, 1])
    assert load(place, "test") == expected(IMAGES[3:5], [0, 1])


def test_a_split_or_a_set_that_is_not_there_is_told(written: Written) -> None:
    place = written({"trainA/0.png": PNGS[0], "trainB/0.png": PNGS[1]})
    with pytest.raises(UserError, match=r"needs pictures in testA/; found are trainA/, trainB/"):
        load(place, "test")


def test_a_test_folder_alone_is_not_trained_on(written: Written) -> None:
    place = written({"test/0.png": PNGS[0], "test/1.png": PNGS[1]})
    with pytest.raises(UserError, match=r"needs pictures in train/; found are test/"):
        load(place)


def test_classes_may_be_called_as_splits_are(written: Written) -> None:
    found = load(written({"train/0.png": PNGS[0], "car/0.png": PNGS[1]}))
    assert found.classes is not None and found.classes.tolist() == ["car", "train"]


def test_pictures_beside_class_folders_are_refused_and_named(written: Written) -> None:
    place = written({"a/0.png": PNGS[0], "b/0.png": PNGS[1], "stray.png": PNGS[2]})
    with pytest.raises(UserError, match=r"1 pictures lie beside class folders \(stray\.png\)"):
        load(place)


def test_other_files_are_counted_and_hidden_ones_are_none_of_the_users(written: Written) -> None:
    others = ["a/x.txt", "b/y.TXT", "list.json", "a/face.heic", "README"]
    hidden = [".DS_Store", "a/Thumbs.db", "a/._0.png", "__MACOSX/a/0.png", ".cache/0.png"]
    found = load(
        written({"a/0.png": PNGS[0], "b/0.png": PNGS[1], **dict.fromkeys(others + hidden, b"no")})
    )
    assert found == expected(IMAGES[:2], [0, 1])
    told = " ".join(found.guesses)
    assert "5 files are left out that by name are no pictures" in told
    assert "2 .txt" in told and "1 .heic" in told and "1 without an ending" in told


def test_where_there_is_no_picture_it_is_said_what_there_is(written: Written) -> None:
    with pytest.raises(UserError, match=r"holds no picture \(1 file is left out .*1 \.npy.*\.jpeg"):
        load(written({"a/x.npy": b"1"}))


@pytest.mark.parametrize("labels", [[3, 0, 3], None])
def test_labels_in_dataset_json_are_those_of_stylegan(
    written: Written, labels: list[int] | None
) -> None:
    names = [f"00000/img{n:08}.png" for n in range(3)]
    rows = None if labels is None else [list(row) for row in zip(names, labels, strict=True)]
    text = json.dumps({"labels": rows}).encode()
    found = load(written({**dict(zip(names, PNGS, strict=False)), "dataset.json": text}))
    assert found == expected(IMAGES[:3], labels)
    assert found.classes is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"labels": [["a/0.png", 0]]}', r"1 of 2 pictures have no label .*\n  a/1\.png"),
        ('{"labels": [["a/0.png", 0.5]]}', r"dataset\.json has the label \['a/0.png', 0\.5\]"),
        ('{"labels": [["a/0.png", [0, 1]]]}', "accepted is .*whole numbers >= 0, or null"),
        ('{"labels": [["a/0.png", -1]]}', "accepted is"),
        ('{"labels": [["a/0.png", true]]}', "accepted is"),
        ('{"labels": 5}', "labels in dataset.json are no list"),
        ('{"labels": ', "dataset.json is not valid JSON"),
        ("[" * 100_000, "dataset.json is not valid JSON"),
    ],
)
def test_labels_that_are_none_are_refused(written: Written, text: str, told: str) -> None:
    place = written({"a/0.png": PNGS[0], "a/1.png": PNGS[1], "dataset.json": text.encode()})
    with pytest.raises(UserError, match=f"mine.*{told}"):
        load(place)


def test_a_dataset_json_of_something_else_is_no_business_of_ours(written: Written) -> None:
    found = load(written({"a/0.png": PNGS[0], "b/1.png": PNGS[1], "dataset.json": b'{"x": 1}'}))
    assert found == expected(IMAGES[:2], [0, 1])


def test_the_same_pictures_in_a_folder_and_a_zip_are_the_same_data(tmp_path: Path) -> None:
    """Patches of scikit-learn's two photographs, 32×32 in colour, under other names and formats."""
    photographs = load_sample_images().images
    patches = np.concatenate(
        [p[:416, :640].reshape(13, 32, 20, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)[::20]
         for p in photographs]
    )  # fmt: skip
    labels = np.repeat([0, 1], len(patches) // 2)
    for number, (patch, label) in enumerate(zip(patches, labels, strict=True)):
        path = tmp_path / "mine" / "ab"[label] / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(patch, "BMP"))
    rows = []
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in np.random.default_rng(0).permutation(len(patches)):
            rows.append([f"{number:03}.png", int(labels[number])])
            archive.writestr(rows[-1][0], encoded(patches[number]))
        archive.writestr("dataset.json", json.dumps({"labels": rows}))
    one, other = (load((s, tmp_path / n)) for s, n in (("folder", "mine"), ("zip", "mine.zip")))
    assert one == other == expected(patches, labels.tolist())
    assert one.fingerprint == other.fingerprint


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    for number, png in enumerate(PNGS):
        (tmp_path / f"{number}.png").write_bytes(png)
    place = ("folder", tmp_path)
    first = load(place)
    assert load(place) == first
    (tmp_path / "3.png").write_bytes(encoded(drawn(1, 6, 5, 3, seed=9)[0]))
    assert load(place).fingerprint != first.fingerprint
    (tmp_path / "3.png").write_bytes(PNGS[3])
    (tmp_path / "3.png").rename(tmp_path / "x.png")
    assert load(place) == first


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (tmp_path / "mine" / "a").mkdir(parents=True)
    (tmp_path / "mine" / "a" / "0.png").write_bytes(PNGS[0])
    (tmp_path / "mine" / "a" / "up").symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / "a" / "itself").symlink_to("itself")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").write_bytes(PNGS[1])
    (tmp_path / "mine" / "b").symlink_to(tmp_path / "elsewhere")
    assert load(("folder", tmp_path / "mine")) == expected(IMAGES[:2], [0, 1])


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PNGS[0])
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError) as raised:
        load(("folder", tmp_path))
    told = str(raised.value)
    assert "3 of 4 pictures cannot be used" in told
    assert "  gone.png cannot be read (No such file or directory)" in told
    assert "  null.png cannot be read (no file, but a device, pipe or folder)" in told
    assert "  pipe.png cannot be read (no file" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_closed_files_and_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(PNGS[0])
    (tmp_path / "0.png").chmod(0)
    with pytest.raises(UserError, match=r"0\.png cannot be read \(Permission denied\)"):
        load(("folder", tmp_path))
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(UserError, match=r"folders cannot be read\n.*closed \(Permission denied\)"):
        load(("folder", tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere take text alone")
def test_names_that_are_no_text_are_read_and_shown(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/gr\xfcn"
    for name in (folder, os.fsencode(tmp_path) + b"/rot"):
        os.mkdir(name)
    for number, name in enumerate((folder + b"/\xff.png", os.fsencode(tmp_path) + b"/rot/0.png")):
        Path(os.fsdecode(name)).write_bytes(PNGS[number])
    found = load(("folder", tmp_path))
    assert found.classes is not None and found.classes.tolist() == ["gr\\xfcn", "rot"]
    Path(os.fsdecode(folder + b"/\xff.png")).write_bytes(b"")
    with pytest.raises(UserError, match=r"gr\\xfcn/\\xff\.png is empty"):
        load(("folder", tmp_path))


def test_places_that_are_none_are_refused_with_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK no archive")
    for source, name, told in (
        ("folder", "absent", "no such folder; accepted are class folders"),
        ("folder", "x.zip", "a file, and no folder"),
        ("zip", "absent.zip", "no such file; accepted is a zip archive"),
        ("zip", ".", r'a folder \(data\.source = "folder"\)'),
        ("zip", "x.zip", "cannot be read .*; accepted is a zip archive"),
    ):
        with pytest.raises(UserError, match=told):
            load((source, tmp_path / name))
        with pytest.raises(UserError, match=r"data\.path is missing"):
            load_dataset(source)


def test_the_treatment_is_refused_of_what_is_not_decoded() -> None:
    for treatment, field in ((Treatment(size=8), "size"), (Treatment(colour="rgb"), "colour")):
        told = rf"data\.{field}: the images of 'digits' are as they are; accepted with folder, zip"
        with pytest.raises(UserError, match=told):
            load_dataset("digits", treatment=treatment)
    with pytest.raises(UserError, match=r"data\.range: the range of 'folder' is known"):
        load_dataset("folder", path=".", pixel_range=(0, 1))


def test_broken_and_encrypted_entries_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, png in enumerate(PNGS):
            archive.writestr(f"{number}.png", png)
    content = bytearray(path.read_bytes())
    content[content.index(PNGS[2]) + 50] ^= 1
    # The bit of an entry that says that it is encrypted, in the directory at the end.
    directory = content.index(b"PK\x01\x02")
    for _ in range(5):
        directory = content.index(b"PK\x01\x02", directory + 1)
    content[directory + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        load(("zip", path))
    told = str(raised.value)
    assert "2 of 8 pictures cannot be used" in told
    assert "  2.png cannot be read (Bad CRC-32" in told
    assert "  5.png cannot be read (encrypted)" in told


def test_an_entry_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("normsweep.data.zip.MOST_BYTES", 10**6)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", PNGS[0])
        archive.writestr("b.png", bytes(10**7))
    with pytest.raises(UserError, match=r"b\.png cannot be read \(more than 1000000 bytes\)"):
        load(("zip", tmp_path / "bomb.zip"))


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as a:
        a.writestr("../../evil.png", PNGS[0])
        a.writestr("/etc/other.png", PNGS[1])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="lie beside class folders"):
        load(("zip", tmp_path / "mine.zip"))
    assert set(tmp_path.rglob("*")) == before


def zip_bytes(tmp: Path) -> bytes:
    with zipfile.ZipFile(tmp, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, png in enumerate(PNGS[:3]):
            archive.writestr(f"{number}.png", png)
        archive.writestr("dataset.json", '{"labels": [["0.png", 0], ["1.png", 1], ["2.png", 2]]}')
    return tmp.read_bytes()


@given(data=st.data())
def test_no_damage_to_an_archive_raises_anything_but_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    content = bytearray(zip_bytes(path))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load(("zip", path))
    except UserError as error:
        assert str(path) in str(error)
