"""Images that stay in a file: read as an array is, to the same bits, and never a wrong one."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.data import npz
from normsweep.data.dataset import take
from normsweep.data.npz import load_npz
from normsweep.data.pixels import BytePixels, Rows
from normsweep.data.stored import (
    COPIES,
    DataLost,
    has_room,
    stored,
)
from normsweep.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 3, 2, 1), np.uint8)
OFFSET = 7
INDICES: dict[str, Any] = {
    "one": 4,
    "the last": -1,
    "a slice": slice(3, 9),
    "a slice from the end": slice(-4, None),
    "all": slice(None),
    "none": slice(5, 5),
    "an array": np.array([7, 3, 3, 29, 8], np.int32),
    "two axes": np.array([[5, 5, 0], [1, 2, 28]]),
    "no row": np.array([], np.int32),
    "the whole, in order": np.arange(30),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "images.bin"
    path.write_bytes(b"x" * OFFSET + IMAGES.tobytes())
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "images.npz"
    labels = np.arange(30) % 3
    pairs = np.where(labels < 2, (np.arange(30) + 1) % 30, -1)
    np.savez(path, labels=labels, images=IMAGES, pairs=pairs)
    return path


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "has_room", lambda size: False)


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_reads_what_it_gives_of_an_array(file: Path, index: Any) -> None:
    images = stored(file, OFFSET, IMAGES.shape)
    found = images[index]
    assert found.dtype == np.uint8 and found.shape == IMAGES[index].shape
    np.testing.assert_array_equal(found, IMAGES[index])
    backwards = np.arange(30)[::-1]
    np.testing.assert_array_equal(images.taken(backwards)[index], IMAGES[backwards][index])
    some = images.taken(backwards).taken(np.arange(30))
    np.testing.assert_array_equal(some[index], IMAGES[backwards][index])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images))[index], IMAGES[index])


@pytest.mark.parametrize("index", [30, -31, np.array([0, 30])])
def test_a_row_that_is_not_there_raises(file: Path, index: Any) -> None:
    with pytest.raises(IndexError):
        stored(file, OFFSET, IMAGES.shape)[index]


def test_blocks_and_single_images_are_all_of_them(file: Path) -> None:
    images = stored(file, OFFSET, IMAGES.shape).reshape((30, 2, 3, 1))
    np.testing.assert_array_equal(np.concatenate(list(images.blocks())), images[:])
    np.testing.assert_array_equal(np.stack(list(images)), IMAGES.reshape(30, 2, 3, 1))


def test_images_lie_beyond_what_32_bits_count(tmp_path: Path) -> None:
    side, count = 2**10, 2**12 + 1
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        # A hole, which takes no room on the disk.
        file.truncate(count * side**2 - 1)
        file.seek(0, os.SEEK_END)
        file.write(b"z")
    images = stored(path, 0, (count, side, side, 1)).taken(np.array([count - 1], np.int32))
    assert images[0].max() == ord("z")


def test_there_is_room_for_two_copies_beside_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    for more in (0, -1):
        free = COPIES * IMAGES.size + 700_000_000 + more
        monkeypatch.setattr("normsweep.data.stored.free_memory", lambda free=free: free)
        assert has_room(IMAGES.size) == (more == 0)


def test_a_file_that_is_too_short_is_refused_before_it_is_read(file: Path) -> None:
    expected = f"{file}: truncated: expected {OFFSET + 31 * 6} bytes, found {OFFSET + 180}"
    with pytest.raises(UserError, match=expected):
        stored(file, OFFSET, (31, 3, 2, 1))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataLost, match=r"nowhere\.bin: No such file"):
        stored(tmp_path / "nowhere.bin", 0, (1, 1, 1, 1))


def test_a_file_that_becomes_shorter_is_told_by_its_name(file: Path) -> None:
    images = stored(file, OFFSET, IMAGES.shape)
    os.truncate(file, 20)
    with pytest.raises(DataLost, match=rf"{file}: it ends too early; .* must stay as it is"):
        images[:]


def test_a_file_that_is_written_to_is_told(file: Path) -> None:
    images = stored(file, OFFSET, IMAGES.shape)
    os.utime(file, ns=(1, 1))
    with pytest.raises(DataLost, match="it was changed"):
        images[0]


def test_a_file_that_was_unlinked_is_read_to_the_end(file: Path) -> None:
    images = stored(file, OFFSET, IMAGES.shape)
    file.unlink()
    np.testing.assert_array_equal(images[:], IMAGES)


def test_within_a_program_a_fault_is_kept_and_images_are_black(file: Path) -> None:
    images = stored(file, OFFSET, IMAGES.shape)
    rows = np.array([[1, 2]], np.int32)
    np.testing.assert_array_equal(images.read(rows), IMAGES[rows])
    os.truncate(file, 20)
    np.testing.assert_array_equal(images.taken(np.arange(9)).read(rows), np.zeros((1, 2, 3, 2, 1)))
    assert isinstance(images.file.fault, DataLost)


@pytest.mark.usefixtures("no_room")
def test_an_archive_is_read_where_it_lies(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = load_npz(archive)
    monkeypatch.setattr(npz, "has_room", lambda size: True)
    held = load_npz(archive)
    assert there == held
    assert isinstance(there.images, BytePixels) and there.images.nbytes == 0
    assert isinstance(held.images, np.ndarray)
    rows = np.array([9, 2, 2])
    np.testing.assert_array_equal(there.images[rows], held.images[rows])
    np.testing.assert_array_equal(np.asarray(Rows(there.images, rows)), held.images[rows])
    for some, other in zip((there, held), (take(there, rows), take(held, rows)), strict=True):
        assert other.fingerprint == take(held, rows).fingerprint
        np.testing.assert_array_equal(some.pairs, held.pairs)
    there.check_read()
    with pytest.raises(DataLost):
        os.truncate(archive, 400)
        there.images.bytes.read(np.array([29]))  # type: ignore[union-attr]
        there.check_read()


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("shape", [(30, 3, 2), (30, 4)])
def test_images_of_any_accepted_shape_stay_there(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = IMAGES.reshape(-1)[: int(np.prod(shape))].reshape(shape)
    np.savez(tmp_path / "a.npz", images=images)
    found = load_npz(tmp_path / "a.npz")
    assert isinstance(found.images, BytePixels)
    assert found.images.shape == (30, *((3, 2) if len(shape) == 3 else (2, 2)), 1)
    np.testing.assert_array_equal(found.images.bytes[:].reshape(shape), images)


@pytest.mark.usefixtures("no_room")
def test_what_is_compressed_or_no_bytes_is_held(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=IMAGES)
    np.savez(tmp_path / "b.npz", images=IMAGES / np.float32(255))
    np.savez(tmp_path / "c.npz", images=np.asfortranarray(IMAGES))
    for path in tmp_path.glob("*.npz"):
        assert isinstance(load_npz(path).images, np.ndarray)


@pytest.mark.usefixtures("no_room")
def test_damage_in_an_archive_that_stays_there_is_found_before_training(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(IMAGES.tobytes()) + 50] ^= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"images.npz: cannot be read \(Bad CRC-32"):
        load_npz(archive)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no such advice")
def test_all_of_a_batch_is_asked_for_before_any_is_waited_for(file, monkeypatch):
    done: list[tuple[str, int]] = []
    preadv, advise = os.preadv, os.posix_fadvise

    def advised(descriptor: int, offset: int, size: int, advice: int) -> None:
        done.append(("asked for", offset))
        assert advice == os.POSIX_FADV_WILLNEED
        advise(descriptor, offset, size, advice)

    def read(descriptor: int, buffers: Any, offset: int) -> int:
        done.append(("read", offset))
        return preadv(descriptor, buffers, offset)

    monkeypatch.setattr(os, "posix_fadvise", advised)
    monkeypatch.setattr(os, "preadv", read)
    rows = np.array([20, 3, 11])
    images = stored(file, OFFSET, IMAGES.shape)
    assert np.array_equal(images[rows], IMAGES[rows])
    offsets = [OFFSET + 6 * row for row in sorted(rows)]
    assert done == [*(("asked for", o) for o in offsets), *(("read", o) for o in offsets)]
