"""Sentences in lines of the terminal's width: whole words, whole numbers, whole commands."""

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from normsweep.cli.app import console

_TOKENS = re.compile(
    r"((?<=  )sweep (?:(?!;  ).)+"
    r"|sweep [a-z]+ \S+(?: --[a-z-]+ \S+)*"
    r"|\S+(?: [=<±…] \S+)+"
    r"|\S+)(\s*)"
)
"""Words, and as one what is to be copied or read as one. A command: from `sweep` to the end, or to
the next one, behind two spaces; within a sentence with one name and its options. A number with its
name, its error, or the other end of its interval."""


def say(*parts: str | tuple[str, str], to: Console = console) -> None:
    """Prints texts, or pairs of a text and its style, one after the other, and ends the line.

    A word or a command that is longer than a line has one for itself, which it leaves whole.
    """
    for part in Text.assemble(*parts).split("\n", allow_blank=True):
        for line in lines(part, to.width):
            to.print(line, soft_wrap=True, highlight=False, markup=False)


def lines(text: Text, width: int) -> list[Text]:
    """A text in lines of at most so many cells; those after the first as far in as it is."""
    indent = len(text.plain) - len(text.plain.lstrip(" "))
    breaks, at = [], 0
    for token in _TOKENS.finditer(text.plain):
        length = cell_len(token[1])
        at = indent if at == 0 else at
        if at > indent and at + length > width:
            breaks.append(token.start())
            at = indent
        at += length + cell_len(token[2])
    found = list(text.divide(breaks))
    for line in found:
        line.rstrip()
    return [found[0], *(Text(" " * indent) + line for line in found[1:])]
