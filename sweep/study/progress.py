"""What a running study tells those who watch it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A study at the end of a chunk.

    Times are in seconds since the launch. `partial` is how much of their training the trials in
    flight have behind them, summed over trials.
    """

    study: str
    phase: str
    total: int
    complete: int
    running: int
    pruned: int
    failed: int
    best_score: float | None
    best_number: int | None
    baseline_score: float | None
    elapsed: float
    training: float
    remaining: float | None
    partial: float = 0.0

    @property
    def finished(self) -> int:
        """Trials that have ended, in whatever way."""
        return self.complete + self.pruned + self.failed


Watcher = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """A watcher that looks away."""
    del progress
