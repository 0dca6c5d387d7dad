"""All that a study measured as one table, in long form."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from normsweep.export.tables.as_csv import csv_table
from normsweep.export.tables.as_parquet import parquet_table
from normsweep.export.tables.rows import Table


class Format(NamedTuple):
    """What makes the bytes of a file, and whether they are text, in UTF-8."""

    write: Callable[[Table], bytes]
    text: bool


TABLES: Mapping[str, Format] = MappingProxyType(
    {"csv": Format(csv_table, text=True), "parquet": Format(parquet_table, text=False)}
)
"""Formats by name; the ending of a file is a dot and the name."""
