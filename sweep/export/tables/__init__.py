"""All that a study measured as one table, in long form."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from normsweep.export.tables.as_csv import csv_table
from normsweep.export.tables.as_parquet import parquet_table
from normsweep.export.tables.rows import Table

TABLES: Mapping[str, Callable[[Table], bytes]] = MappingProxyType(
    {"csv": csv_table, "parquet": parquet_table}
)
"""What makes the bytes of a file, by the name of its format."""
