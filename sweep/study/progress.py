"""What a running study tells those who watch it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from normsweep.spec.spec import Spec
from normsweep.study.tally import Tally


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
    collapsed: int = 0

    @property
    def finished(self) -> int:
        """Trials that have ended, in whatever way."""
        return self.complete + self.collapsed + self.pruned + self.failed


def progress_of(
    spec: Spec,
    found: Tally,
    flying: float,
    ended_before: float,
    begun: float,
    *,
    phase: str = "training",
    training: float = 0.0,
    idle: float = 0.0,
) -> Progress:
    """The progress of a study of which so many trials are `found` to be how far, since a launch at
    `begun`, before which `ended_before` of them had ended.

    `flying` is `partial`. For `idle` seconds nothing was trained: data were loaded and programs
    compiled, which says nothing of what is left.
    """
    elapsed = time.monotonic() - begun
    begun_here = found.ended - ended_before + flying
    left = found.open - flying
    return Progress(
        study=spec.study.name,
        phase=phase,
        total=found.ended + found.open,
        complete=found.complete,
        collapsed=found.collapsed,
        running=found.running,
        pruned=found.pruned,
        failed=found.failed,
        best_score=None if found.best is None else found.best.values[0],
        best_number=None if found.best is None else found.best.number,
        baseline_score=None if found.baseline is None else found.baseline.values[0],
        elapsed=elapsed,
        training=training,
        partial=flying,
        remaining=seconds_left(elapsed - idle, begun_here, left),
    )


def flying_of(spec: Spec, trials: Iterable[FrozenTrial]) -> float:
    """How much of their training the running ones among some trials have behind them, summed."""
    running = (trial for trial in trials if trial.state == TrialState.RUNNING)
    return sum(max(t.intermediate_values, default=0) for t in running) / spec.train.steps


def seconds_left(training: float, behind: float, left: float) -> float | None:
    """The seconds that are left, by those that the trainings behind took; None before the first."""
    return max(training, 0.0) / behind * left if behind > 0 else None


Watcher = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """A watcher that looks away."""
    del progress
