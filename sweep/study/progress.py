"""What a running study tells those who watch it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from normsweep.spec.spec import Spec
from normsweep.study.plan import Plan
from normsweep.study.ranking import baseline_of, best_first, direction_of


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


def progress_of(
    spec: Spec,
    plan: Plan,
    trials: Sequence[FrozenTrial],
    finished_before: int,
    begun: float,
    *,
    phase: str = "training",
    training: float = 0.0,
    flying: float | None = None,
) -> Progress:
    """The progress of a study of which these `trials` are made, the baseline first, since a launch
    at `begun`.

    `flying` is `partial`; by default what the reports of running trials say.
    """
    by_state: dict[TrialState, list[FrozenTrial]] = {state: [] for state in TrialState}
    for trial in trials:
        by_state[trial.state].append(trial)
    running, complete = by_state[TrialState.RUNNING], by_state[TrialState.COMPLETE]
    pruned, failed = by_state[TrialState.PRUNED], by_state[TrialState.FAIL]
    baseline = baseline_of(complete[:1])
    searched = complete if baseline is None else complete[1:]
    leaders = best_first(searched, direction_of(spec.score.metric))
    best = leaders[0] if leaders else None
    elapsed = time.monotonic() - begun
    if flying is None:
        steps = sum(max(trial.intermediate_values, default=0) for trial in running)
        flying = steps / spec.train.steps
    finished = len(complete) + len(pruned) + len(failed)
    begun_here = finished - finished_before + flying
    left = plan.total - finished - flying
    return Progress(
        study=spec.study.name,
        phase=phase,
        total=plan.total,
        complete=len(complete),
        running=len(running),
        pruned=len(pruned),
        failed=len(failed),
        best_score=None if best is None else best.values[0],
        best_number=None if best is None else best.number,
        baseline_score=None if baseline is None else baseline.values[0],
        elapsed=elapsed,
        training=training,
        partial=flying,
        remaining=elapsed / begun_here * left if begun_here > 0 else None,
    )


Watcher = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """A watcher that looks away."""
    del progress
