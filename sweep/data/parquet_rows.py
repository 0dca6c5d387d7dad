"""Reading pictures out of Parquet files, some rows at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from normsweep.data.layout import shown
from normsweep.data.parquet_columns import Columns, is_struct

UNREADABLE = (OSError, ValueError, KeyError, NotImplementedError, MemoryError)
"""What pyarrow raises of a file that is damaged, or of a kind that it does not know."""

_PART = 2**22
_MOST_ROWS = 128
_BUFFER = 2**20
_UNPACKED, _RATIO = 2**28, 200
_KEPT = 16


class ParquetFile:
    """A Parquet file of which the footer has been read.

    Raises one of `UNREADABLE` where it cannot be.
    """

    def __init__(self, path: Path, parquet: Any) -> None:
        self.path = path
        self.name = shown(path.name)
        self._parquet = parquet
        with self.reader() as reader:
            self.schema = reader.schema_arrow
            self.metadata = reader.metadata
        self.rows: int = self.metadata.num_rows
        groups = range(self.metadata.num_row_groups)
        in_groups = [self.metadata.row_group(index).num_rows for index in groups]
        # A false number would be believed by all that follows.
        if sum(in_groups) != self.rows or min(in_groups, default=0) < 0:
            raise ValueError(f"{self.rows} rows, and {in_groups} in its groups")
        if self.rows > (size := path.stat().st_size):
            raise ValueError(f"{self.rows} rows in {size} bytes")

    @contextmanager
    def reader(self) -> Iterator[Any]:
        """Reads a page at a time, where pyarrow by itself would read a whole group of rows."""
        # Of a path pyarrow makes an address, which not every name of a file can be.
        with (
            self.path.open("rb") as file,
            self._parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER) as reader,
        ):
            yield reader

    def parts(self, columns: Columns) -> tuple[list["Rows"], list[str]]:
        """What reads the pictures, and which rows have none.

        Rows are looked at one by one only where the file does not say that all have a picture.
        Raises one of `UNREADABLE` where the footer is damaged.
        """
        parts: list[Rows] = []
        faults, first = [], 0
        for index in range(self.metadata.num_row_groups):
            group = self.metadata.row_group(index)
            if not (count := group.num_rows):
                continue
            stored = _leaf(group, columns.image)
            unpacked, packed = stored.total_uncompressed_size, stored.total_compressed_size
            # pyarrow ends the process that asks for the statistics of a column that is of another
            # type here than in the schema.
            if stored.physical_type != "BYTE_ARRAY":
                raise ValueError(f"{columns.image} is stored as {stored.physical_type}")
            # Encoded pictures hardly compress any further.
            if unpacked > max(_UNPACKED, _RATIO * packed):
                faults.append(
                    f"{self.name}, rows {first} to {first + count - 1}: {packed} bytes unpack "
                    f"to {unpacked}, more than pictures do"
                )
            elif (known := stored.statistics) is None or known.null_count != 0:
                faults += self._without_bytes(index, columns.image, first)
            size = max(1, min(_MOST_ROWS, _PART * count // max(1, unpacked)))
            rows = _Group(self, index, columns.image, size, first)
            parts += [Rows(rows, k, min(size, count - k * size)) for k in range(-(-count // size))]
            first += count
        return parts, faults

    def values(self, column: str) -> tuple[list[Any], list[str]]:
        """The values of a column, and which rows have none."""
        try:
            with self.reader() as reader:
                values = reader.read(columns=[column]).column(0).to_pylist()
        except UNREADABLE as error:
            return [], [f"{self.name}, column {column!r}: cannot be read ({reason(error)})"]
        if len(values) != self.rows:
            return [], [f"{self.name}: {len(values)} values of {column} in {self.rows} rows"]
        empty = (row for row, value in enumerate(values) if value is None)
        return values, [f"{self.name}, row {row}: no {column}" for row in empty]

    def _without_bytes(self, group: int, column: str, first: int) -> list[str]:
        faults = []
        try:
            with self.reader() as reader:
                batches = reader.iter_batches(64, row_groups=[group], columns=[column])
                for row, value in enumerate(_each(batches), first):
                    given = value.get("path") if isinstance(value, dict) else None
                    if (value.get("bytes") if isinstance(value, dict) else value) is None:
                        has = "no picture" if given is None else f"a path alone, {given!r}"
                        faults.append(f"{self.name}, row {row}: {has}")
        except UNREADABLE as error:
            faults.append(f"{self.name}, row {first} and on: cannot be read ({reason(error)})")
        return faults


@dataclass(frozen=True)
class Rows:
    """A part of a listing: some rows of a group, one after the other."""

    group: "_Group"
    number: int
    count: int

    def __len__(self) -> int:
        return self.count

    def read(self) -> Iterator[bytes]:
        yield from self.group.take(self.number)


@dataclass
class _Group:
    """A group of rows, which can only be read from its beginning.

    Parts of it are read by several threads, more or less in their order: what one reads on its way
    to its own is kept for the others, unless it is much.
    """

    file: ParquetFile
    index: int
    column: str
    size: int
    first: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[int, list[bytes]] = field(default_factory=dict)
    _reading: Iterator[bytes] | None = None
    _next: int = 0

    def take(self, number: int) -> list[bytes]:
        """The pictures of a part; they are no longer kept."""
        with self._lock:
            if number not in self._kept and (self._reading is None or number < self._next):
                self._reading, self._next = self._pictures(), 0
                self._kept.clear()
            while number not in self._kept:
                assert self._reading is not None
                self._kept[self._next] = list(islice(self._reading, self.size))
                self._next += 1
                if len(self._kept) > _KEPT:
                    del self._kept[min(self._kept)]
            return self._kept.pop(number)

    def _pictures(self) -> Iterator[bytes]:
        struct = is_struct(self.file.schema.field(self.column).type)
        leaf = f"{self.column}.bytes" if struct else self.column
        try:
            with self.file.reader() as reader:
                batches = reader.iter_batches(self.size, row_groups=[self.index], columns=[leaf])
                for value in _each(batches):
                    yield value["bytes"] if struct else value
        except UNREADABLE as error:
            where = f"{self.file.name}, the group of rows from {self.first}"
            raise ValueError(f"{where}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What pyarrow says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _each(batches: Any) -> Iterator[Any]:
    for batch in batches:
        yield from batch.column(0).to_pylist()


def _leaf(group: Any, column: str) -> Any:
    """What the metadata of a group of rows say of the encoded pictures."""
    for place in range(group.num_columns):
        stored = group.column(place)
        if stored.path_in_schema in (column, f"{column}.bytes"):
            return stored
    raise ValueError(f"a group of rows without {column}")
