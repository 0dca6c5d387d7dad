"""An answer's headline, and a confirmation, in the terminal."""

from normsweep.cli.app import console
from normsweep.cli.sentences import say
from normsweep.cli.tables import print_table
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
    say((f"{said.sign} {said.title}", _STYLES[said.tone]))
    say(said.sentence)
    if said.command is not None:
        say(f"A verdict, on new seeds:  {said.command}")
    if confirmed is not None and (figure := list(strip(confirmed, cells=console.width - 2))):
        console.print()
        for line in figure:
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    for sentence in filter(None, (told_of(found), scale_sentence(found))):
        say((sentence, "dim"))


def print_confirmation(found: Confirmation) -> None:
    """The candidates against their baselines, and what stands behind the verdict."""
    console.print()
    print_table(
        COLUMNS,
        rows(found),
        words=COLUMNS[:1],
        styles=["bold" if entry is found.best else "" for entry in found.candidates],
        title=f"Confirmed {metric_name(found.spec.score.metric)} against the baseline",
    )
    for sentence in details(found):
        say(sentence)
