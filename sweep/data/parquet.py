"""Pictures in Parquet files, in the layout of Hugging Face's `datasets`.

References:
    https://huggingface.co/docs/datasets/image_dataset
    https://parquet.apache.org/docs/file-format/
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from normsweep.data.classes import numbered
from normsweep.data.faults import error_of
from normsweep.data.layout import shown
from normsweep.data.listing import Listing
from normsweep.data.parquet_columns import ACCEPTED, Columns, columns_of
from normsweep.data.parquet_rows import UNREADABLE, ParquetFile, Rows, reason
from normsweep.data.shards import shards_of, stamp_of
from normsweep.errors import UserError


def list_parquet(path: Path, split: str = "train") -> Listing:
    """The pictures of one Parquet file, or of the files of a split in a folder (`shards_of`).

    The columns are found by `columns_of`. Labels that are integers stay what they are; text is
    numbered (`numbered`). A column of -1 alone, as test images of some data sets have, is none.

    Raises:
        UserError: pyarrow, an extra, is not installed; there is no such file, or it is not
            Parquet; no column is one of pictures, or several may be; rows have no bytes or no
            label, all of which are named.
    """
    parquet = _pyarrow()
    files = shards_of(path, split, ".parquet")
    origin = shown(str(path))
    opened: list[ParquetFile] = []
    faults: list[str] = []
    for file in files:
        try:
            opened.append(ParquetFile(file, parquet))
        except UNREADABLE as error:
            faults.append(f"{shown(file.name)}: cannot be read ({reason(error)})")
    if faults:
        raise error_of(origin, faults, ACCEPTED)
    columns = _same_columns(opened, origin)
    parts: list[Rows] = []
    labels: list[Any] = []
    for each in opened:
        try:
            found, wrong = each.parts(columns)
        except UNREADABLE as error:
            faults.append(f"{each.name}: its footer is damaged ({reason(error)})")
            continue
        parts += found
        faults += wrong
        if columns.label is not None:
            values, wrong = each.values(columns.label)
            labels += values
            faults += wrong
    if faults:
        accepted = "accepted are rows with the bytes of a picture, and with a label if others have"
        raise error_of(origin, faults, accepted)
    if not parts:
        raise UserError(f"{origin}: no rows; {ACCEPTED}")
    known, classes = _integers(labels, columns, origin)
    return Listing(
        name=shown(path.stem if path.is_file() else path.absolute().name),
        origin=origin,
        names=tuple(f"{each.name}, row {row}" for each in opened for row in range(each.rows)),
        parts=tuple(parts),
        labels=known,
        classes=classes,
        stamp=stamp_of(files, "parquet", columns),
    )


def _same_columns(opened: Sequence[ParquetFile], where: str) -> Columns:
    found = [columns_of(each.schema, f"{where}: {each.name}") for each in opened]
    faults = [
        f"{each.name}: {columns}, but {opened[0].name}: {found[0]}"
        for each, columns in zip(opened, found, strict=True)
        if columns != found[0]
    ]
    if faults:
        raise error_of(where, faults, "accepted are files of the same columns and classes")
    return found[0]


def _integers(
    values: Sequence[Any], columns: Columns, where: str
) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    if columns.label is None or all(value == -1 for value in values):
        return None, None
    if isinstance(values[0], str):
        return numbered(values)
    low, high = min(values), max(values)
    most = 2**31 - 1 if columns.classes is None else len(columns.classes) - 1
    if low < 0 or high > most:
        named = "" if columns.classes is None else ", which have names"
        raise UserError(
            f"{where}: the column {columns.label!r} has the range {low} to {high}; accepted are "
            f"integers of 0 to {most}{named}"
        )
    return np.array(values, np.int64), columns.classes


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            'data.source = "parquet": needs pyarrow, which is not installed: '
            "pip install 'normsweep[parquet]'"
        ) from error
    return pyarrow.parquet
