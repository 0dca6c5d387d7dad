"""Images that stay in a file, for those that memory does not hold."""

import math
import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from normsweep.data.arrays import empty
from normsweep.data.memory import PROGRAM, free_memory
from normsweep.errors import UserError

COPIES = 2
"""Images are held in memory where so many copies of them fit beside the program: a study takes 1.4
to 2 times their bytes."""

_BLOCK = 2**20

Shape = tuple[int, ...]


class DataLost(UserError):
    """A file that images are read from is not what it was: no trial can be trained on it."""


class ReadFile:
    """A file of which parts are read, in any thread; it can be pickled.

    Without an open `file` the `path` is opened; it is the file's name in messages too.

    Nothing of it is mapped: a limit of a process's addresses (`ulimit -v`) would count that as
    memory. `fault` is for whoever cannot raise what a read met.
    """

    def __init__(self, path: Path, file: IO[bytes] | None = None) -> None:
        self.path = path.absolute()
        self._open(None if file is None else os.dup(file.fileno()))
        self._stamp = _stamp(self._descriptor)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_stamp": self._stamp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self, opened: int | None = None) -> None:
        self.fault: DataLost | None = None
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY) if opened is None else opened
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        weakref.finalize(self, os.close, self._descriptor)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._stamp[0]

    def read(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """Fills each memory from its offset on; raises `DataLost` where that is not possible."""
        parts = list(parts)
        try:
            self._expect(parts)
            for offset, into in parts:
                while into:
                    if not (got := os.preadv(self._descriptor, [into], offset)):
                        raise self._lost("it ends too early")
                    into, offset = into[got:], offset + got
            if _stamp(self._descriptor) != self._stamp:
                raise self._lost("it was changed")
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error

    def _expect(self, parts: Sequence[tuple[int, memoryview]]) -> None:
        """Lets the system fetch all parts at once: a disk is waited for once and not for each."""
        if hasattr(os, "posix_fadvise"):  # not on macOS
            for offset, into in parts:
                os.posix_fadvise(self._descriptor, offset, len(into), os.POSIX_FADV_WILLNEED)

    def _lost(self, why: str) -> DataLost:
        return DataLost(
            f"{self.path}: {why}; images are read from this file throughout training, as memory "
            "does not hold them all: it must stay as it is until then"
        )


@dataclass(frozen=True, eq=False)
class StoredBytes:
    """Images as bytes in a file, one after the other from `offset` on; read as an array is.

    `shape` is [n, ...]. They are all that lie there, or those at `rows`. An index reads what it
    asks for and no more. Make one with `stored`.
    """

    file: ReadFile
    offset: int
    shape: Shape
    rows: np.ndarray | None = None

    dtype = np.dtype(np.uint8)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """The images at an index: a whole number, a slice, or an array of integers."""
        some = range(len(self))[index] if isinstance(index, slice) else index
        places = np.asarray(some, np.int64)
        if places.size and not -len(self) <= places.min() <= places.max() < len(self):
            raise IndexError(f"rows of {places.min()} to {places.max()} of {len(self)}")
        places = places % len(self)
        if self.rows is not None:
            places = self.rows[places]
        # Each image once, in the order of the file.
        rows, back = np.unique(places, return_inverse=True)
        found = self._read(rows)
        if not np.array_equal(rows, places):
            found = found[back.reshape(-1)]
        return found.reshape(*places.shape, *self.shape[1:])

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self.blocks():
            yield from block

    def taken(self, rows: np.ndarray) -> "StoredBytes":
        """Some of the images, which stay where they are."""
        # Bytes are counted by what these are multiplied with.
        chosen = np.asarray(rows if self.rows is None else self.rows[rows], np.int64)
        return replace(self, shape=(len(rows), *self.shape[1:]), rows=chosen)

    def reshape(self, shape: Shape) -> "StoredBytes":
        """The same images with their pixels in another shape."""
        return replace(self, shape=shape)

    def blocks(self) -> Iterator[np.ndarray]:
        """All of them, some at a time."""
        size = max(1, _BLOCK // math.prod(self.shape[1:]))
        for begin in range(0, len(self), size):
            yield self[begin : begin + size]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The images at `rows`, for a program in which nothing may raise.

        Where they cannot be read they are all 0, and the file's `fault` says why.
        """
        if self.file.fault is None:
            try:
                return self[rows]
            except DataLost as error:
                self.file.fault = error
        return np.zeros((*rows.shape, *self.shape[1:]), np.uint8)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        """The images at some rows of the file, ascending."""
        size = math.prod(self.shape[1:])
        found = empty((len(rows), *self.shape[1:]), np.uint8)
        bytes_of = memoryview(found.reshape(-1))  # type: ignore[arg-type]
        # Neighbours in one call.
        begins = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        ends = np.append(begins, len(rows))[1:] * size
        offsets = (self.offset + rows[begins] * size).tolist()
        parts = zip((begins * size).tolist(), ends.tolist(), strict=True)
        memories = [bytes_of[begin:end] for begin, end in parts]
        self.file.read(zip(offsets, memories, strict=True))
        return found


def stored(path: Path, offset: int, shape: Shape, file: IO[bytes] | None = None) -> StoredBytes:
    """Images of bytes [n, ...] in a file, in the order of C; of an open `file`, `path` is the name.

    Raises `UserError` for a file that is too short for them.
    """
    read = ReadFile(path, file)
    if read.size < (expected := offset + math.prod(shape)):
        raise UserError(f"{path}: truncated: expected {expected} bytes, found {read.size}")
    return StoredBytes(read, offset, shape)


def has_room(size: int) -> bool:
    """Whether memory holds `COPIES` of images of so many bytes beside the program."""
    return COPIES * size + PROGRAM <= free_memory()


def _stamp(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
