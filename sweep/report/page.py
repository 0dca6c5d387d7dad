"""A document before it has a format: blocks with a title, of text, tables, code and figures.

Renderers make HTML or Markdown of it; both say the same.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from normsweep.report.figures import Drawn


@dataclass(frozen=True)
class Text:
    """A paragraph. `weight` is "plain", "strong" for what matters most, or "small" for notes.

    The one that is the answer is "headline", with its tone behind a space.
    """

    text: str
    weight: str = "plain"


@dataclass(frozen=True)
class Items:
    """A list of sentences, one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text to be copied as it is."""

    text: str
    language: str = "text"


@dataclass(frozen=True)
class Table:
    """A table of text. `words` are the columns that hold words and no numbers.

    `marked` are the rows to be told from the others, such as the baseline's, by their places. One
    that `stacks` has each row as a list of its cells where a page is too narrow for it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()
    marked: frozenset[int] = frozenset()
    stacks: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure by its name, with its title; what stands in for it is in `drawn`."""

    name: str
    title: str
    drawn: "Drawn"


@dataclass(frozen=True)
class Image:
    """A picture as the bytes of a PNG, with a title; `alternative` says what is to be seen."""

    title: str
    png: bytes
    alternative: str


@dataclass(frozen=True)
class Row:
    """Pictures beside each other, however narrow the page is."""

    images: tuple[Image, ...]


@dataclass(frozen=True)
class Folded:
    """Parts behind a line that opens them; whoever reads the document from end to end reads on."""

    title: str
    parts: tuple["Part", ...]


Part = Text | Items | Code | Table | Figure | Image | Row | Folded


@dataclass(frozen=True)
class Block:
    """A section of the document. `name` is its anchor, of letters and dashes alone."""

    name: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Page:
    """The document. `summary` is one sentence below the title, `closing` the small print."""

    title: str
    summary: str
    blocks: tuple[Block, ...]
    closing: str = ""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all blocks."""
        parts = (part for block in self.blocks for part in block.parts)
        return tuple(part for part in parts if isinstance(part, Figure))
