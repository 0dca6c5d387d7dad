"""A table as CSV: numbers in full, nothing where there is no value."""

import csv
import io

from normsweep.export.tables.rows import Table


def csv_table(table: Table) -> bytes:
    """The bytes of the file, UTF-8, with a line of names first; lines end as those of Unix."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return text.getvalue().encode()
