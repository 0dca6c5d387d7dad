"""A page as Markdown: GitHub's, with tables. Figures are their sentence and their numbers."""

import re

from normsweep.report.page import (
    Block,
    Code,
    Figure,
    Folded,
    Image,
    Items,
    Page,
    Part,
    Row,
    Table,
    Text,
)

MOST_ROWS = 200
"""Of the numbers of one figure; a page for readers is no archive."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")


def render_markdown(page: Page) -> str:
    """The whole document."""
    parts = [f"# {escaped(page.title)}", escaped(page.summary)]
    for block in page.blocks:
        parts += _block(block)
    if page.closing:
        parts += ["---", escaped(page.closing)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line; `&` is no more than itself."""
    one_line = " ".join(text.split()).replace("&", "&amp;")
    found = _SPECIAL.sub(r"\\\1", one_line)
    # What would begin a heading, a list or a quotation.
    return re.sub(r"^(#+|[-+]|\d+[.)])(?=\s)", r"\\\1", found)


def _block(block: Block) -> list[str]:
    return [f"## {escaped(block.title)}", *(text for part in block.parts for text in _part(part))]


def _part(part: Part) -> list[str]:
    match part:
        case Text(text, weight):
            strong = weight.split()[0] in ("strong", "headline")
            return [f"**{escaped(text)}**" if strong else escaped(text)]
        case Items(items):
            return ["\n".join(f"- {escaped(item)}" for item in items)]
        case Code(text, language):
            runs = [len(run) for run in re.findall(r"`+", text)]
            fence = "`" * max(3, 1 + max(runs, default=0))
            return [f"{fence}{language}\n{text.rstrip()}\n{fence}"]
        case Table():
            title = [f"### {escaped(part.title)}"] if part.title else []
            return [*title, _table(part.columns, part.rows, part.words)]
        case Image(title, _, alternative):
            return [f"{escaped(title)}: {escaped(alternative)}"]
        case Row(images):
            return [text for image in images for text in _part(image)]
        case Folded(title, parts):
            return [f"### {escaped(title)}", *(text for each in parts for text in _part(each))]
        case Figure(_, title, drawn):
            numbers = drawn.numbers
            kept = numbers.rows[:MOST_ROWS]
            left = len(numbers.rows) - len(kept)
            return [
                f"### {escaped(title)}",
                *(_part(Code(drawn.text)) if drawn.text else []),
                escaped(drawn.alternative),
                _table(numbers.columns, kept, frozenset()),
                *([f"and {left} more rows"] if left else []),
                escaped(drawn.how),
            ]


def _table(
    columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], words: frozenset[str]
) -> str:
    rules = (":--" if column in words else "--:" for column in columns)
    lines = [columns, *rows]
    cells = [" | ".join(escaped(cell) or " " for cell in line) for line in lines]
    cells.insert(1, " | ".join(rules))
    return "\n".join(f"| {line} |" for line in cells)
