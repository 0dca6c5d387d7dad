"""The IDX reader on real files: good, damaged and hostile ones."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normsweep.data import load_dataset
from normsweep.data.idx import load_idx_folder, read_idx
from normsweep.errors import UserError

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def idx_bytes(array: np.ndarray, code: int = 8) -> bytes:
    """The format as published: 0 0 type ndim, big-endian uint32 sizes, big-endian data."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8)


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 4), (3, 2, 4, 2)])
def test_every_type_code_and_rank_reads_in_native_byte_order(
    tmp_path: Path, code: int, shape: tuple[int, ...]
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    read = read_idx(write(tmp_path / "a", idx_bytes(array, code)))
    assert read.dtype.isnative
    assert read.dtype == np.dtype(TYPES[code]).newbyteorder("=")
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_compression_is_told_by_content_and_not_by_name(
    tmp_path: Path, images: np.ndarray, name: str, pack: type[bytes]
) -> None:
    path = write(tmp_path / name, pack(idx_bytes(images)))
    np.testing.assert_array_equal(read_idx(path), images)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b"", "not an IDX file.*an empty file"),
        (lambda b: b[:3], "not an IDX file.*found 00 00 08$"),
        (lambda b: b"\x89PNG" + b[4:], "not an IDX file.*found 89 50 4e 47"),
        (lambda b: b[:2] + b"\x0a" + b[3:], "not an IDX file.*found 00 00 0a 03"),
        (lambda b: b[:3] + b"\0" + b[4:], "expected 1 to 4 dimensions, found 0"),
        (lambda b: b[:3] + b"\xff" + b[4:], "expected 1 to 4 dimensions, found 255"),
        (lambda b: b[:10], "truncated: expected 12 bytes of dimensions, found 6"),
        (lambda b: b[:4] + bytes(4) + b[8:], r"dimensions >= 1, found \[0, 5, 4\]"),
        (lambda b: b[:16], r"truncated: expected 120 .* \[6, 5, 4\], found 0"),
        (lambda b: b[:-1], "truncated: expected 120 bytes.*found 119"),
        (lambda b: b + b"x", "trailing bytes: expected 120 bytes.*found more"),
    ],
)
def test_a_damaged_file_is_refused_with_what_was_expected_and_found(
    tmp_path: Path, images: np.ndarray, pack: type[bytes], change: object, message: str
) -> None:
    assert callable(change)
    path = write(tmp_path / "broken", pack(change(idx_bytes(images))))
    with pytest.raises(UserError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[: len(b) // 2], "end too early"),
        (lambda b: b[:-6], "end too early"),
        (lambda b: b[:-8] + bytes(4) + b[-4:], "damaged gzip data.*CRC"),
        (lambda b: b + b"garbage", "damaged gzip data"),
        (lambda b: b[:2] + b"\0" + b[3:], "damaged gzip data"),
        (lambda b: b[:10] + b"\xff" * 20 + b[30:], "damaged gzip data"),
    ],
)
def test_a_damaged_gzip_stream_is_refused(
    tmp_path: Path, images: np.ndarray, change: object, message: str
) -> None:
    assert callable(change)
    path = write(tmp_path / "broken", change(gzip.compress(idx_bytes(images))))
    with pytest.raises(UserError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


@settings(deadline=None)  # a busy disk is no failure
@given(content=st.binary(max_size=40), packed=st.booleans())
def test_no_content_raises_anything_but_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    content = b"\0\0\x08\x02" + content
    path.write_bytes(gzip.compress(content) if packed else content)
    try:
        assert read_idx(path).ndim == 2
    except UserError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_huge_declared_size_costs_no_memory(tmp_path: Path, pack: type[bytes]) -> None:
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3)
    assert peak_of_refusal(write(tmp_path / "huge", pack(header + b"abc"))) < 16 << 20


def test_a_gzip_bomb_is_unpacked_no_further_than_the_declared_size(tmp_path: Path) -> None:
    bomb = gzip.compress(struct.pack(">BBBB2I", 0, 0, 8, 2, 10, 10) + bytes(256 << 20), 9)
    assert len(bomb) < 1 << 20
    assert peak_of_refusal(write(tmp_path / "bomb", bomb)) < 16 << 20


def peak_of_refusal(path: Path) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="expected"):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_absent_file_or_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_idx(path)


@pytest.mark.parametrize("ending", ["idx{}-ubyte", "idx{}-ubyte.gz"])
@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_a_folder_is_read_in_every_spelling_of_its_file_names(
    tmp_path: Path, images: np.ndarray, ending: str, joint: str, split: str, prefix: str
) -> None:
    labels = np.array([0, 1, 2, 0, 1, 2])
    write(tmp_path / f"{prefix}-images{joint}{ending.format(3)}", idx_bytes(images))
    write(tmp_path / f"{prefix}-labels{joint}{ending.format(1)}", idx_bytes(labels))
    dataset = load_idx_folder(tmp_path, split)
    np.testing.assert_allclose(dataset.images[..., 0], images / 127.5 - 1, atol=1e-6)
    assert dataset.labels is not None
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset == load_dataset("idx", path=tmp_path, split=split)


def test_labels_may_be_absent(tmp_path: Path, images: np.ndarray) -> None:
    write(tmp_path / "train-images-idx3-ubyte", idx_bytes(images))
    assert load_idx_folder(tmp_path).labels is None


def test_labels_of_another_number_are_refused_with_both_files(
    tmp_path: Path, images: np.ndarray
) -> None:
    write(tmp_path / "train-images-idx3-ubyte", idx_bytes(images))
    write(tmp_path / "train-labels-idx1-ubyte", idx_bytes(np.arange(5)))
    with pytest.raises(UserError, match=r"train-images.* with train-labels.*accepted is"):
        load_idx_folder(tmp_path)


def test_a_missing_folder_or_file_lists_the_accepted_names(
    tmp_path: Path, images: np.ndarray
) -> None:
    write(tmp_path / "train-images-idx3-ubyte", idx_bytes(images))
    for folder, split in ((tmp_path, "test"), (tmp_path / "absent", "test")):
        with pytest.raises(UserError) as caught:
            load_idx_folder(folder, split)
        for kind in ("images-idx3", "images.idx3", "labels-idx1", "labels.idx1"):
            assert f"t10k-{kind}-ubyte.gz" in str(caught.value)
        assert str(caught.value).startswith(f"{folder}: ")


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.split = 'valid': accepted are train, test"):
        load_idx_folder(tmp_path, "valid")


def test_named_sources_are_looked_for_in_the_folder_of_the_environment_variable(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fashion_mnist").mkdir()
    write(tmp_path / "fashion_mnist" / "train-images-idx3-ubyte", idx_bytes(images))
    monkeypatch.setenv("SWEEP_DATA", str(tmp_path))
    assert load_dataset("fashion_mnist").name == "fashion_mnist"
    with pytest.raises(UserError, match=r"put into it one of train-images-idx3-ubyte\.gz"):
        load_dataset("mnist")


def test_named_sources_are_looked_for_below_the_current_folder_without_the_variable(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    write(tmp_path / "data" / "mnist" / "train-images-idx3-ubyte", idx_bytes(images))
    monkeypatch.delenv("SWEEP_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert load_dataset("mnist").images.shape == (6, 5, 4, 1)
