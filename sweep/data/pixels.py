"""Pixels in [-1, 1], and the range of the numbers that they are made of."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from normsweep.data.arrays import ALIGNMENT, empty, rows_of
from normsweep.data.stored import StoredBytes
from normsweep.errors import UserError

Range = tuple[float, float]
"""The numbers that stand for black and white: low and high."""

ROUNDING = 5e-4
"""How far beyond the end of a range a number may be: half a unit in the last place of a float16
near 1. A share of the larger end."""

HARDLY_USED = 0.6
"""A range of which the images use less than this share may well be another."""

LARGE = 2**28
"""Bytes as float32 from which images of bytes stay bytes: a look-up in each batch is slower than
none, by a twelfth of a step of a small network."""

_BLOCK = 2**20
_BYTES, _UNIT, _SIGNED = (0.0, 255.0), (0.0, 1.0), (-1.0, 1.0)
_ACCEPTED = "uint8 (0 to 255), floats in [0, 1] or [-1, 1], or any numbers with data.range"


@dataclass(frozen=True, eq=False)
class BytePixels:
    """Images as bytes [n, h, w, c], each a place in `table` [256] float32; read as an array is.

    What is taken of it, by an index or by `np.asarray`, is float32. The bytes are in memory or in a
    file.
    """

    bytes: np.ndarray | StoredBytes
    table: np.ndarray

    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.bytes.shape

    @property
    def ndim(self) -> int:
        return self.bytes.ndim

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, index: Any) -> Any:
        return _looked_up(self.table, self.bytes[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        del copy
        return self[:].astype(dtype or np.float32, copy=False)

    def taken(self, rows: np.ndarray) -> "BytePixels":
        """Some of the images, still as bytes."""
        if isinstance(self.bytes, StoredBytes):
            return BytePixels(self.bytes.taken(rows), self.table)
        return BytePixels(rows_of(self.bytes, rows), self.table)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.bytes.nbytes if isinstance(self.bytes, np.ndarray) else 0

    def blocks(self) -> Iterator[np.ndarray]:
        """All of them as float32, some at a time."""
        size = max(1, _BLOCK // max(1, math.prod(self.shape[1:])))
        for begin in range(0, len(self), size):
            yield self[begin : begin + size]


@dataclass(frozen=True, eq=False)
class Rows:
    """The images at some `rows` of others, copied no sooner than they are read."""

    images: np.ndarray | BytePixels
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.images.shape[1:])

    @property
    def ndim(self) -> int:
        return self.images.ndim

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.images[self.rows[index]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        del copy
        return self[:].astype(dtype or np.float32, copy=False)


@dataclass(frozen=True)
class Scaled:
    """Images in [-1, 1], what was guessed of their range, and what looks wrong with it.

    `means` are the numbers that became -1 and 1.
    """

    pixels: np.ndarray | BytePixels
    guess: str | None
    warning: str | None
    means: Range


def _looked_up(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`table[places]`, made by `empty`, some at a time: NumPy makes eight bytes of each place."""
    found = empty(places.shape, table.dtype)
    flat, into = np.ascontiguousarray(places).reshape(-1), found.reshape(-1)
    for begin in range(0, flat.size, _BLOCK):
        part = slice(begin, begin + _BLOCK)
        np.take(table, flat[part], out=into[part], mode="wrap")
    return found


def scale(images: np.ndarray | StoredBytes, where: str, given: Range | None) -> Scaled:
    """Brings numbers onto [-1, 1]: (x - low) / ((high - low) / 2) - 1, in float32.

    Without a `given` range uint8 means 0 to 255, and floats mean 0 to 1, or -1 to 1 where a number
    is below 0. What is beyond an end by no more than a rounding error is set to it.

    Raises `UserError` for numbers of another type or range, that are not finite, or all the same.
    """
    numbers = np.issubdtype(images.dtype, np.floating) or images.dtype == np.uint8
    if given is not None:
        numbers = numbers or images.dtype == bool or np.issubdtype(images.dtype, np.integer)
    if not numbers:
        raise UserError(f"{where}: images are {images.dtype}; accepted are {_ACCEPTED}")
    # NaN comes through both reductions and infinity through one: no mask as large as the images.
    low, high = _extremes(images)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(
            f"{where}: images hold values that are not finite (NaN or infinity); "
            f"accepted are {_ACCEPTED}"
        )
    if low == high:
        raise UserError(
            f"{where}: every value of the images is {low:g}; accepted are images that differ"
        )
    found = (low, high)
    means = _BYTES if images.dtype == np.uint8 else _UNIT if low >= -ROUNDING else _SIGNED
    if given is not None:
        means = given
    if not _within(found, means):
        said = f"data.range = [{means[0]:g}, {means[1]:g}] holds them" if given else _ACCEPTED
        raise UserError(
            f"{where}: {'' if given else 'float '}images have the range {low:g} to {high:g}; "
            f"accepted are {said}"
        )
    return Scaled(
        _onto(images, means, found),
        _guess(where, means) if given is None and images.dtype != np.uint8 else None,
        _warning(where, found, means) if given is None else None,
        means,
    )


def _within(found: Range, means: Range) -> bool:
    slack = ROUNDING * max(map(abs, means))
    return found[0] >= means[0] - slack and found[1] <= means[1] + slack


def _guess(where: str, means: Range) -> str:
    return f"{where}: pixels are taken as {means[0]:g} to {means[1]:g} (data.range says otherwise)"


def _warning(where: str, found: Range, means: Range) -> str | None:
    if found[1] - found[0] >= HARDLY_USED * (means[1] - means[0]):
        return None
    return (
        f"{where}: pixels are {found[0]:g} to {found[1]:g}, and are scaled as {means[0]:g} to "
        f"{means[1]:g}, most of which they do not use; if that is not meant: "
        f"data.range = [{found[0]:g}, {found[1]:g}]"
    )


def _extremes(images: np.ndarray | StoredBytes) -> Range:
    parts = [images] if isinstance(images, np.ndarray) else images.blocks()
    ends = [(float(part.min()), float(part.max())) for part in parts]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _onto(images: np.ndarray | StoredBytes, means: Range, found: Range) -> np.ndarray | BytePixels:
    if isinstance(images, StoredBytes):
        return BytePixels(images, _floats(np.arange(256, dtype=np.uint8), means, _BYTES))
    if images.dtype == np.uint8:
        table = _floats(np.arange(256, dtype=np.uint8), means, _BYTES)
        if images.size * table.itemsize < LARGE:
            return _looked_up(table, images)
        if images.flags.c_contiguous and images.ctypes.data % ALIGNMENT == 0:
            return BytePixels(images.view(), table)
        kept = empty(images.shape, np.uint8)
        kept[...] = images
        return BytePixels(kept, table)
    return _floats(images, means, found)


def _floats(images: np.ndarray, means: Range, found: Range) -> np.ndarray:
    floats = empty(images.shape, np.float32)
    np.copyto(floats, images, casting="unsafe")
    if means != _SIGNED:
        if means[0]:
            floats -= means[0]
        floats /= (means[1] - means[0]) / 2
        floats -= 1
    # A range of the user's own may round beyond an end, too.
    if means not in (_BYTES, _UNIT, _SIGNED) or found[0] < means[0] or found[1] > means[1]:
        np.clip(floats, -1, 1, out=floats)
    return floats
