"""A confirmation in the terminal."""

from rich.markup import escape
from rich.table import Table

from normsweep.cli.app import console
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.table import COLUMNS, rows
from normsweep.verdict.wording import WORDS, details, verdict_sentence
from normsweep.verdict.words import metric_name

_STYLES = {
    "helps": "bold green",
    "hurts": "bold red",
    "negligible": "bold yellow",
    "unclear": "bold yellow",
    "unfinished": "bold",
}
_SIGNS = {"helps": "✓", "hurts": "✗", "negligible": "≈", "unclear": "?", "unfinished": "…"}


def print_verdict(found: Confirmation) -> None:
    """The verdict in a sentence, with a sign that reads without colour."""
    sentence = verdict_sentence(found)
    word = WORDS[found.verdict]
    style = _STYLES[found.verdict]
    console.print(
        f"[{style}]{_SIGNS[found.verdict]} {word}[/]{escape(sentence.removeprefix(word))}",
        highlight=False,
    )


def print_confirmation(found: Confirmation) -> None:
    """The verdict, the candidates against their baselines, and what stands behind it."""
    console.print()
    print_verdict(found)
    console.print()
    console.print(_table(found))
    for sentence in details(found):
        console.print(sentence, markup=False, highlight=False)


def _table(found: Confirmation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.title = f"Confirmed {metric_name(found.spec.score.metric)} against the baseline"
    table.title_justify = "left"
    for title in COLUMNS:
        table.add_column(title, justify="left" if title == COLUMNS[0] else "right")
    for entry, row in zip(found.candidates, rows(found), strict=True):
        table.add_row(*map(escape, row), style="bold" if entry is found.best else "")
    return table
