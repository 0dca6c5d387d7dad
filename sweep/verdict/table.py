"""The candidates of a confirmation as a table of text, for terminal, notes and report alike."""

from normsweep.verdict.reading import Confirmation, Confirmed
from normsweep.verdict.words import described, number

COLUMNS = (
    "candidate",
    "search",
    "confirmed",
    "baseline",
    "difference",
    "95 % interval",
    "p",
    "wins",
)


def rows(found: Confirmation) -> tuple[tuple[str, ...], ...]:
    """A row for each candidate, a cell for each of the `COLUMNS`."""
    return tuple(_row(entry) for entry in found.candidates)


def _row(entry: Confirmed) -> tuple[str, ...]:
    if not entry.is_paired:
        sides = (_lost(entry, entry.own_diverged), _lost(entry, entry.baseline_diverged))
        return (described(entry.trial), number(entry.trial.score), *sides, "–", "–", "–", "–")
    scores = (number(entry.trial.score), number(entry.score), number(entry.baseline_score))
    if entry.effect is None:
        return (described(entry.trial), *scores, "–", "–", "–", "–")
    estimate = entry.effect.estimate
    return (
        described(entry.trial),
        *scores,
        f"{estimate.mean:+.3g}",
        f"{estimate.low:+.3g} … {estimate.high:+.3g}",
        f"{entry.effect.adjusted_p:.2g}",
        f"{entry.effect.wins:.0%}",
    )


def _lost(entry: Confirmed, diverged: int) -> str:
    return f"diverged on {diverged} of {entry.seeds} seeds" if diverged else "–"
