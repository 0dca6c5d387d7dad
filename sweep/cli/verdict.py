"""A confirmation in the terminal."""

from rich.table import Table

from sweep.cli.app import console
from sweep.confirm.reading import Confirmation, Confirmed
from sweep.confirm.wording import WORDS, details, verdict_sentence
from sweep.study.words import described, metric_name, number

_STYLES = {"helps": "bold green", "hurts": "bold red", "unclear": "bold yellow"}
_SIGNS = {"helps": "✓", "hurts": "✗", "unclear": "≈"}


def print_verdict(found: Confirmation) -> None:
    """The verdict in a sentence, with a sign that reads without colour."""
    sentence = verdict_sentence(found)
    word = WORDS[found.verdict]
    style = _STYLES[found.verdict]
    console.print(
        f"[{style}]{_SIGNS[found.verdict]} {word}[/]{sentence.removeprefix(word)}",
        highlight=False,
    )


def print_confirmation(found: Confirmation) -> None:
    """The verdict, the candidates against their baselines, and what stands behind it."""
    console.print()
    print_verdict(found)
    console.print()
    console.print(_table(found))
    for sentence in details(found):
        console.print(sentence, highlight=False)


def _table(found: Confirmation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.title = f"Confirmed {metric_name(found.spec.score.metric)} against the baseline"
    table.title_justify = "left"
    table.add_column("candidate")
    for title in ("search", "confirmed", "baseline", "difference", "95 % interval", "p", "wins"):
        table.add_column(title, justify="right")
    for entry in found.candidates:
        table.add_row(*_row(entry), style="bold" if entry is found.best else "")
    return table


def _row(entry: Confirmed) -> list[str]:
    scores = [number(entry.trial.score), number(entry.score), number(entry.baseline_score)]
    if entry.effect is None:
        return [described(entry.trial), *scores, "–", "–", "–", "–"]
    estimate = entry.effect.estimate
    return [
        described(entry.trial),
        *scores,
        f"{estimate.mean:+.3g}",
        f"{estimate.low:+.3g} … {estimate.high:+.3g}",
        f"{entry.effect.adjusted_p:.2g}",
        f"{entry.effect.wins:.0%}",
    ]
