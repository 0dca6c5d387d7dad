"""Decoded pictures that are kept for the next time: a file of pixels, and a small one beside it.

Without the small one, which is written last, the other is not there. Both may be deleted at any
time.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL

from normsweep.data.arrays import empty
from normsweep.data.cache import CACHE_VARIABLE
from normsweep.data.dataset import Known
from normsweep.data.listing import Listing
from normsweep.data.stored import StoredBytes, has_room, stored
from normsweep.data.treatment import VERSION, Treatment
from normsweep.errors import UserError

KIND = "images"
"""What the folder in the cache is called."""

_PART = ".part"
UNUSED_DAYS = 90
"""Pictures that nothing has been trained on for so long are removed when others are decoded."""
_YOUNG = 60.0
_BLOCK = 2**24


@dataclass(frozen=True)
class Kept:
    """What a file of pixels has beside it.

    Attributes:
        labels: [n] integers, or None.
        order: [n], which picture of the listing each image is.
        known: groups and fingerprint of the images.
    """

    labels: np.ndarray | None
    order: np.ndarray
    known: Known


def key_of(listing: Listing, treatment: Treatment) -> str:
    """A name for what a listing's pictures become by a treatment, in hex."""
    facts = [listing.stamp, treatment.size, treatment.colour, VERSION, PIL.__version__]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def pixels_file(folder: Path, key: str) -> Path:
    """A `.npy`: uint8 [n, h, w, c] in C order, of which each image is a run of bytes."""
    return folder / f"{key}.npy"


def read_kept(folder: Path, key: str) -> Kept | None:
    """What stands beside the pixels of a key; None where nothing whole is kept."""
    try:
        # NumPy leaves a file open that it gives up half way.
        with (
            _beside(folder, key).open("rb") as beside,
            np.load(beside, allow_pickle=False) as arrays,
        ):
            labels, groups = (arrays.get(name) for name in ("labels", "groups"))
            kept = Kept(labels, arrays["order"], Known(groups, str(arrays["fingerprint"])))
        with pixels_file(folder, key).open("rb") as file:
            shape = _shape_of(file)
        # What another has written is read all the same.
        with contextlib.suppress(OSError):
            os.utime(_beside(folder, key))
        return kept if shape[0] == len(kept.order) else None
    # Damage to it costs no more than decoding once more, whatever it is that NumPy trips over.
    except Exception:
        return None


def read_pixels(file: IO[bytes], where: str, path: Path | None) -> np.ndarray | StoredBytes:
    """The images of a file of pixels, where they are to stay: in the file without room for them.

    `path` is what the file is going to be called, None where it is to have no name.
    """
    shape = _shape_of(file)
    if not has_room(math.prod(shape)):
        return stored(path or Path(where), file.tell(), shape, file)
    pixels = empty(shape, np.uint8)
    left: Any = memoryview(pixels.reshape(-1))  # type: ignore[arg-type]
    while len(left):
        if not (got := file.readinto(left[:_BLOCK])):  # type: ignore[attr-defined]
            raise ValueError("the file has become shorter")
        left = left[got:]
    return pixels


def write_pixels(
    file: IO[bytes], shape: tuple[int, int, int, int], blocks: Iterable[np.ndarray]
) -> None:
    """Writes images of uint8, some at a time, as `read_pixels` reads them."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for block in blocks:
        file.write(np.ascontiguousarray(block).data)
    file.flush()
    file.seek(0)


@dataclass(frozen=True)
class Place:
    """Where new pixels are written: `file` is empty, `path` is its name where it has one."""

    folder: Path
    file: IO[bytes]
    key: str
    path: Path | None

    def keep(self, kept: Kept) -> Path | None:
        """Gives the file its lasting name, and writes what belongs beside it; returns the name."""
        if self.path is None:
            return None
        os.fsync(self.file.fileno())
        arrays: dict[str, Any] = {"order": kept.order, "fingerprint": kept.known.fingerprint}
        arrays |= {} if kept.labels is None else {"labels": kept.labels}
        arrays |= {} if kept.known.groups is None else {"groups": kept.known.groups}
        beside = self.path.with_suffix(f".npz{_PART}")
        try:
            with beside.open("wb") as file:
                np.savez(file, **arrays)
            os.replace(self.path, pixels_file(self.folder, self.key))
            os.replace(beside, _beside(self.folder, self.key))
        finally:
            beside.unlink(missing_ok=True)
        return pixels_file(self.folder, self.key)


@contextmanager
def new_place(folder: Path | None, key: str) -> Iterator[Place]:
    """A place for new pixels, of which nothing is left unless it was told to `keep` them.

    Without a folder it is a file without a name among the system's temporary ones. Raises
    `OSError` where a folder cannot be written.
    """
    if folder is None:
        with tempfile.TemporaryFile() as file:
            yield Place(Path(tempfile.gettempdir()), file, key, None)
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sweep_out(folder)
    path = folder / f".{key}.{secrets.token_hex(4)}{_PART}"
    try:
        with path.open("xb+") as file:
            # Whoever could have it too would know by that that nobody writes here any more.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Place(folder, file, key, path)
    finally:
        path.unlink(missing_ok=True)


def _sweep_out(folder: Path) -> None:
    """Removes what processes have left that were killed while they wrote, and what none uses."""
    for beside in folder.glob("*.npz"):
        with contextlib.suppress(OSError):
            if time.time() - beside.stat().st_mtime > UNUSED_DAYS * 86400:
                # Pixels alone count as nothing, and these last as long as a process reads them.
                beside.unlink()
                beside.with_suffix(".npy").unlink()
    for path in folder.glob(f".*{_PART}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if time.time() - path.stat().st_mtime > _YOUNG:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def cannot_be_written(folder: Path, error: OSError) -> UserError:
    """What to say where there is no room for pixels."""
    return UserError(
        f"{folder}: pictures cannot be unpacked there ({error.strerror or error}); accepted is "
        f"another folder in {CACHE_VARIABLE}"
    )


def _beside(folder: Path, key: str) -> Path:
    return folder / f"{key}.npz"


def _shape_of(file: IO[bytes]) -> tuple[int, int, int, int]:
    """Reads the header of a file of pixels; raises ValueError for another file."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("no file of ours")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    whole = file.tell() + math.prod(shape) == os.fstat(file.fileno()).st_size
    if by_column or dtype != np.uint8 or len(shape) != 4 or not whole:
        raise ValueError("no file of ours")
    count, height, width, channels = shape
    return count, height, width, channels
