"""What became of a study's configs at other scales, in the terminal."""

from collections.abc import Sequence

from normsweep.cli.app import console
from normsweep.cli.tables import print_table
from normsweep.verdict.scaled import COLUMNS, Scale, rows
from normsweep.verdict.words import metric_name


def print_scales(scales: Sequence[Scale], metric: str) -> None:
    """A row for each config at each scale; nothing where no other scale was tried."""
    if not scales:
        return
    console.print()
    words = ("set", "verdict", "config", "study")
    title = f"At other scales, {metric_name(metric)}"
    print_table(COLUMNS, list(rows(scales)), words=words, title=title)
