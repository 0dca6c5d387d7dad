"""Images in a NumPy archive."""

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from normsweep.data.arrays import empty
from normsweep.data.dataset import Dataset, make_dataset
from normsweep.data.memory import check_room
from normsweep.data.pixels import Range
from normsweep.data.stored import StoredBytes, has_room, stored
from normsweep.errors import UserError

IMAGES = "images"
ARRAYS = (IMAGES, "labels", "pairs")
_HEADERS: Mapping[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_BLOCK = 2**20

ACCEPTED = "accepted is a .npz archive with the array 'images' and, if wanted, 'labels'"


def load_npz(path: Path, *, name: str | None = None, pixel_range: Range | None = None) -> Dataset:
    """Reads the arrays `images` and, where present, `labels` and `pairs` of a `.npz` archive.

    Shapes, dtypes and scales are those that `make_dataset` accepts; other arrays in the archive
    are not read. Nothing is ever unpickled, so a hostile file can run no code. Images of uint8 for
    which there is too little memory stay in an archive that is not compressed.

    Args:
        path: the archive, as `numpy.savez` or `numpy.savez_compressed` writes it.
        name: the data set's name; the file's name without its suffix when None.
        pixel_range: the numbers of black and white, see `make_dataset`.

    Raises:
        UserError: the file is absent, not an archive, truncated or damaged; `images` is missing;
            an array holds Python objects, or is not what `make_dataset` accepts.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; {ACCEPTED}")
    try:
        arrays = _read(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    # A damaged archive raises whatever the zip, inflate or header code trips over (a dozen
    # unrelated types); to the user all of them mean the same.
    except Exception as error:
        raise UserError(f"{path}: cannot be read ({_reason(error)}); {ACCEPTED}") from error
    images = arrays.get(IMAGES)
    if images is None:
        found = ", ".join(sorted(arrays)) or "none"
        raise UserError(f"{path}: the array 'images' is missing (found: {found}); {ACCEPTED}")
    return make_dataset(
        name or path.stem,
        images,
        arrays.get("labels"),
        pairs=arrays.get("pairs"),
        origin=str(path),
        pixel_range=pixel_range,
    )


def _read(path: Path) -> dict[str, Any]:
    # Opened here so that the file is closed also where numpy gives up half way.
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("a single array, not an archive of named ones")
        with archive:
            arrays = {
                key: _array(archive, key, path) if key in ARRAYS else None for key in archive.files
            }
    for key, array in arrays.items():
        if key in ARRAYS and not isinstance(array, np.ndarray | StoredBytes):
            raise ValueError(f"{key!r} is not in numpy's format")
    return arrays


def _array(archive: np.lib.npyio.NpzFile, key: str, path: Path) -> Any:
    """An array of an archive; one of plain numbers is read to where it is to stay, if anywhere."""
    packed: Any = archive.zip
    entry = f"{key}.npy"
    if entry not in packed.NameToInfo:
        return archive[key]
    info = packed.NameToInfo[entry]
    with packed.open(entry) as stream:
        read = _HEADERS.get(np.lib.format.read_magic(stream))
        shape, by_column, dtype = ((), True, np.dtype("u1")) if read is None else read(stream)
        size = math.prod(shape) * dtype.itemsize
        number = dtype.kind in "buif" and dtype.isnative
        if by_column or not number or size > info.file_size:
            return archive[key]
        plain = key == IMAGES and dtype == np.uint8 and info.compress_type == zipfile.ZIP_STORED
        if plain and shape and not has_room(size):
            begin = _content_of(path, info) + stream.tell()
            # To its end, where the checksum is looked at.
            while stream.read(_BLOCK):
                pass
            return stored(path, begin, shape)
        check_room(size, f"the array {key!r}")
        array = empty(shape, dtype)
        left: Any = memoryview(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        while len(left):
            if not (got := stream.readinto(left[:_BLOCK])):
                raise ValueError(f"{key!r} ends {len(left)} bytes too early")
            left = left[got:]
    return array


def _content_of(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where in an archive the bytes of an entry begin (APPNOTE 6.3.10, 4.3.7)."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
    return entry.header_offset + 30 + int(name) + int(extra)


def _reason(error: Exception) -> str:
    text = str(error).strip()
    # numpy's own advice for anything unreadable is to switch unpickling on.
    if "allow_pickle" in text:
        return "it holds Python objects, or is no archive; objects are never unpickled"
    return text.splitlines()[0] if text else type(error).__name__
