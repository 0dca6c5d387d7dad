"""A table as Parquet, which keeps the types of its columns."""

from normsweep.errors import UserError
from normsweep.export.tables.rows import Cell, Table


def parquet_table(table: Table) -> bytes:
    """The bytes of the file; raises `UserError` where pyarrow, an extra, is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            "--format parquet: needs pyarrow, which is not installed: "
            "pip install 'normsweep[parquet]'; accepted without it: csv"
        ) from error
    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
    columns = [
        pyarrow.array([_cell(row[index], kind) for row in table.rows], types[kind])
        for index, kind in enumerate(table.columns.values())
    ]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _cell(value: Cell, kind: type) -> Cell:
    return None if value is None else kind(value)
