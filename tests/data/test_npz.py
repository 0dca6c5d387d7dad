"""NumPy archives: good, damaged and hostile ones."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normsweep.data import load_dataset, make_dataset
from normsweep.data.npz import load_npz
from normsweep.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faces.npz"


def npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=IMAGES, labels=np.arange(6))
    return buffer.getvalue()


class WritesAFile:
    """Unpickling it creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels_are_read_and_other_arrays_are_not(path: Path, save: object) -> None:
    assert callable(save)
    save(path, images=IMAGES, labels=np.arange(6), other=np.array([None]))
    assert load_npz(path) == make_dataset("faces", IMAGES, np.arange(6))
    assert load_dataset("npz", path=str(path)) == load_npz(path)


def test_labels_may_be_absent(path: Path) -> None:
    np.savez(path, images=IMAGES)
    assert load_npz(path, name="mine") == make_dataset("mine", IMAGES)


def test_missing_images_are_refused_with_the_arrays_found(path: Path) -> None:
    np.savez(path, x=IMAGES, y=np.arange(6))
    with pytest.raises(UserError, match=r"faces\.npz: the array 'images' is missing \(found: x, y"):
        load_npz(path)


def test_images_that_make_no_data_set_are_refused_with_the_file(path: Path) -> None:
    np.savez(path, images=IMAGES.astype(np.int64))
    with pytest.raises(UserError, match=r"faces\.npz: images are int64"):
        load_npz(path)


def test_an_absent_file_is_refused(path: Path) -> None:
    with pytest.raises(UserError, match=r"faces\.npz: no such file"):
        load_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all", npz_bytes()[:-40]])
def test_a_file_that_is_no_whole_archive_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"faces\.npz: cannot be read .*accepted is a \.npz"):
        load_npz(path)


def test_a_single_array_is_refused(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(UserError, match="a single array"):
        load_npz(path)


def test_a_member_that_is_no_array_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images", b"no array")
    with pytest.raises(UserError, match="'images' is not in numpy's format"):
        load_npz(path)


def test_a_member_of_impossible_size_is_refused(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (2**60, 4, 4)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue() + b"abc")
    with pytest.raises(UserError, match="cannot be read"):
        load_npz(path)


@settings(deadline=None)  # a busy disk is no failure
@given(data=st.data())
def test_no_damage_raises_anything_but_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(npz_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_npz(path)
    except UserError as error:
        assert str(path) in str(error)


def test_a_pickled_object_in_the_archive_is_refused_and_never_run(
    path: Path, tmp_path: Path
) -> None:
    harm = tmp_path / "harm"
    hostile = np.array([WritesAFile(harm)], dtype=object)
    np.savez(path, images=hostile, labels=hostile)
    with pytest.raises(UserError, match="objects are never unpickled"):
        load_npz(path)
    assert not harm.exists()

    with np.load(path, allow_pickle=True) as archive:
        archive["images"]
    assert harm.exists(), "the archive was harmless, so the test above showed nothing"


def test_a_bare_pickle_is_refused_and_never_run(path: Path, tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    path.write_bytes(pickle.dumps(WritesAFile(harm)))
    with pytest.raises(UserError, match="objects are never unpickled"):
        load_npz(path)
    assert not harm.exists()


def test_pairs_are_read_too(path: Path) -> None:
    labels, pairs = np.arange(6) % 2, np.array([1, 0, 3, -1, -1, 4])
    np.savez(path, images=IMAGES, labels=labels, pairs=pairs)
    found = load_npz(path)
    assert found.pairs is not None
    assert found.pairs.tolist() == pairs.tolist()
    assert found == make_dataset("faces", IMAGES, labels, pairs=pairs)
    assert found != make_dataset("faces", IMAGES, labels)


@pytest.mark.parametrize(
    ("pairs", "labels", "told"),
    [
        (
            [1, 0, 3, 2, 5, 6],
            [0, 1, 0, 1, 0, 1],
            r"pairs have the range 0 to 6; accepted are \[6\]",
        ),
        ([1, 0, 3, -2, 5, 4], [0, 1, 0, 1, 0, 1], "pairs have the range -2 to 5"),
        ([1, 0, 3, 2], [0, 1, 0, 1, 0, 1], r"pairs are \[4\] int64"),
        ([0.0] * 6, [0, 1, 0, 1, 0, 1], r"pairs are \[6\] float64"),
        ([-1, 3, -1, -1, -1, -1], [0, 1, 0, 1, 0, 1], r"pairs\[1\] = 3, of the same label 1;"),
        ([1, 0, 3, 2, 5, 4], None, "accepted with 'labels'"),
    ],
)
def test_pairs_that_are_none_are_refused_with_the_file(
    path: Path, pairs: list[float], labels: list[int] | None, told: str
) -> None:
    known = {} if labels is None else {"labels": np.array(labels)}
    np.savez(path, images=IMAGES, pairs=np.array(pairs), **known)
    with pytest.raises(UserError, match=rf"faces\.npz: .*{told}"):
        load_npz(path)
