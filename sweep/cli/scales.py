"""What became of a study's configs at other scales, in the terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from normsweep.cli.app import console
from normsweep.verdict.scaled import COLUMNS, Scale, rows
from normsweep.verdict.words import metric_name

_WORDS = ("set", "verdict", "config", "study")


def print_scales(scales: Sequence[Scale], metric: str) -> None:
    """A row for each config at each scale; nothing where no other scale was tried."""
    if not scales:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.title = f"At other scales, {metric_name(metric)}"
    table.title_justify = "left"
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in _WORDS else "right")
    for row in rows(scales):
        table.add_row(*map(escape, row))
    console.print()
    console.print(table)
