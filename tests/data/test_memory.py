"""Large images lie in memory once, and those that do not fit are refused before they are read."""

import resource
from pathlib import Path

import jax
import numpy as np
import pytest

from normsweep.data import load_dataset, memory, pixels
from normsweep.data.dataset import make_dataset, take
from normsweep.data.memory import free_memory
from normsweep.data.pixels import BytePixels, Rows, rows_of
from normsweep.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 5, 5), np.uint8)
EVERY_FORM = [IMAGES, IMAGES / 255, (IMAGES / 255).astype(np.float32), IMAGES[:, ::-1]]


def read_where_it_lies(array: np.ndarray) -> bool:
    return bool(jax.device_put(array).unsafe_buffer_pointer() == array.ctypes.data)


@pytest.mark.parametrize("large", [0, 2**28])
@pytest.mark.parametrize("images", EVERY_FORM)
def test_devices_of_the_cpu_read_images_where_they_lie(large, images, monkeypatch) -> None:
    monkeypatch.setattr(pixels, "LARGE", large)
    made = make_dataset("x", images)
    for each in (made, take(made, np.arange(7, 30))):
        kept = each.images.bytes if isinstance(each.images, BytePixels) else each.images
        assert read_where_it_lies(kept)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_is_read_to_where_its_images_stay(tmp_path: Path, monkeypatch, save) -> None:
    monkeypatch.setattr(pixels, "LARGE", 0)
    save(tmp_path / "a.npz", images=IMAGES)
    found = load_dataset("npz", path=tmp_path / "a.npz").images
    assert isinstance(found, BytePixels) and read_where_it_lies(found.bytes)
    np.testing.assert_array_equal(found.bytes[..., 0], IMAGES)


def test_rows_are_those_of_an_index_and_read_late() -> None:
    rows = np.array([3, -1, 0])
    np.testing.assert_array_equal(rows_of(IMAGES, rows), IMAGES[rows])
    late = Rows(IMAGES, rows)
    assert (len(late), late.shape, late.ndim) == (3, (3, 5, 5), 3)
    np.testing.assert_array_equal(late[1:], IMAGES[rows][1:])
    with pytest.raises(IndexError):
        rows_of(IMAGES, np.array([40]))


def test_images_that_do_not_fit_are_refused_before_they_are_read(tmp_path, monkeypatch) -> None:
    np.savez(tmp_path / "a.npz", images=IMAGES)
    monkeypatch.setattr(memory, "free_memory", lambda: 100)
    with pytest.raises(UserError, match=r"a\.npz: the array 'images' takes .* GB of memory"):
        load_dataset("npz", path=tmp_path / "a.npz")


def test_the_smallest_limit_of_a_container_is_what_is_free(tmp_path: Path, monkeypatch) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_OWN_CGROUPS", own)
    for folder, most in ((inner, "max"), (inner.parent, "5000")):
        (folder / "memory.max").write_text(most)
        (folder / "memory.current").write_text("4000")
        (folder / "memory.stat").write_text("anon 3500\ninactive_file 500\n")
    assert free_memory() == 1500
    own.write_text("3:cpu:/x\n2:memory:/outer\n")
    old = tmp_path / "memory" / "outer"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("900")
    (old / "memory.usage_in_bytes").write_text("1000")
    (old / "memory.stat").write_text("total_inactive_file 300\n")
    assert free_memory() == 200


def test_a_limit_of_the_process_is_heeded(monkeypatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 1))
    assert free_memory() == 0
