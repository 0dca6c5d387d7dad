"""Tables in the terminal, of any width: words and numbers stay whole."""

from collections.abc import Collection, Sequence
from itertools import repeat

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from normsweep.cli.app import console
from normsweep.cli.sentences import lines

_BETWEEN = "  "
_INDENT = "  "


def print_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[str] = (),
    styles: Sequence[str] | None = None,
    title: str = "",
) -> None:
    """Prints rows of cells below their `titles`; `words` are those of text, which may be broken.

    Where that is too wide, a row is its cells one after the other, each behind its title: but the
    first, which says what the row is of, and has a line for itself where it is of words.
    """
    if title:
        console.print(Text(title, "italic"))
    chosen = list(styles or repeat("", len(rows)))
    widths = None
    for gap in (2, 1):
        widths = widths or _widths(titles, rows, words, console.width - gap * (len(titles) - 1))
    if widths is None:
        for row, style in zip(rows, chosen, strict=True):
            _print_cells(titles, row, style, alone=titles[0] in words)
        return
    narrow = sum(widths) + 2 * (len(titles) - 1) > console.width
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=narrow)
    for name, width in zip(titles, widths, strict=True):
        table.add_column(Text(name), width=width, justify="left" if name in words else "right")
    for row, style in zip(rows, chosen, strict=True):
        table.add_row(*map(Text, row), style=style)
    console.print(table)


def _widths(
    titles: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[str], width: int
) -> list[int] | None:
    """The widths of columns, titles and texts broken at spaces where they must; None: too wide."""
    least, wanted = [], []
    for column, name in enumerate(titles):
        cells = [row[column] for row in rows]
        longest = max(map(cell_len, cells), default=0)
        whole = max((_word(cell) for cell in cells), default=0) if name in words else longest
        least.append(max(_word(name), whole))
        wanted.append(max(cell_len(name), longest))
    spare = width - sum(least)
    if spare < 0:
        return None
    needs = sorted(range(len(titles)), key=lambda column: wanted[column] - least[column])
    for left, column in zip(range(len(titles), 0, -1), needs, strict=True):
        more = min(wanted[column] - least[column], spare // left)
        least[column] += more
        spare -= more
    return least


def _word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _print_cells(titles: Sequence[str], row: Sequence[str], style: str, *, alone: bool) -> None:
    first, *others = (
        f"{name} {cell}" if name and column else cell
        for column, (name, cell) in enumerate(zip(titles, row, strict=True))
    )
    line, begun = first, not alone
    for part in filter(None, others):
        if begun and cell_len(line + _BETWEEN + part) <= console.width:
            line += _BETWEEN + part
            continue
        _print_line(line, style)
        line, begun = _INDENT + part, True
    _print_line(line, style)


def _print_line(line: str, style: str) -> None:
    for part in lines(Text(line, style), console.width):
        if part.plain.strip():
            console.print(part, soft_wrap=True, highlight=False)
