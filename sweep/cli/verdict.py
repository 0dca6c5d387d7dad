"""An answer's headline, and a confirmation, in the terminal."""

from rich.markup import escape
from rich.table import Table

from normsweep.cli.app import console
from normsweep.verdict.answers import Answer
from normsweep.verdict.headline import headline, scale_sentence
from normsweep.verdict.reading import Confirmation
from normsweep.verdict.scaled import told_of
from normsweep.verdict.strip import strip
from normsweep.verdict.table import COLUMNS, rows
from normsweep.verdict.wording import details
from normsweep.verdict.words import metric_name

_STYLES = {
    "good": "bold green",
    "bad": "bold red",
    "none": "bold yellow",
    "unsure": "bold yellow",
    "open": "bold",
}


def print_headline(found: Answer, confirmed: Confirmation | None, option: str = "") -> None:
    """The answer first: its word with a sign that reads without colour, a sentence, a figure."""
    said = headline(found, confirmed, option)
    console.print()
    console.print(f"[{_STYLES[said.tone]}]{said.sign} {escape(said.title)}[/]", highlight=False)
    console.print(said.sentence, markup=False, highlight=False)
    if said.command is not None:
        console.print(f"A verdict, on new seeds:  {said.command}", markup=False, soft_wrap=True)
    if confirmed is not None and (lines := list(strip(confirmed))):
        console.print()
        for line in lines:
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    for sentence in filter(None, (told_of(found), scale_sentence(found))):
        console.print(sentence, style="dim", markup=False, highlight=False)


def print_confirmation(found: Confirmation) -> None:
    """The candidates against their baselines, and what stands behind the verdict."""
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
