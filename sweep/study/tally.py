"""How many trials of a study are how far, and which lead: one count for all who tell of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from normsweep.errors import UserError
from normsweep.study.attributes import (
    BASELINE,
    collapse_of,
    is_foreign,
    role,
    study_attributes,
    twin_of,
)
from normsweep.study.counted import Counted
from normsweep.study.endings import COLLAPSED
from normsweep.study.plan import Plan, plan_as_made
from normsweep.study.ranking import best_first, is_feasible
from normsweep.study.records import study_spec


@dataclass(frozen=True)
class Tally:
    """The trials of a study by how far they are, and the leading ones.

    All that have ended or run count, were they more than its spec asks for by now, but for those
    that other code has ended. `collapsed` are none of the `complete`; `waiting` are those that it
    asks for beside them, made or not: none once the search has stopped by itself.
    """

    complete: int
    collapsed: int
    pruned: int
    failed: int
    running: int
    waiting: int
    best: FrozenTrial | None
    baseline: FrozenTrial | None

    @property
    def ended(self) -> int:
        """Trials that have ended, in whatever way."""
        return self.complete + self.collapsed + self.pruned + self.failed

    @property
    def open(self) -> int:
        """Trials that wait or run."""
        return self.running + self.waiting

    def by_state(self) -> dict[str, int]:
        """The counts by Optuna's names of states, and ours, in its order."""
        return {
            TrialState.RUNNING.name.lower(): self.running,
            TrialState.COMPLETE.name.lower(): self.complete,
            COLLAPSED: self.collapsed,
            TrialState.PRUNED.name.lower(): self.pruned,
            TrialState.FAIL.name.lower(): self.failed,
            TrialState.WAITING.name.lower(): self.waiting,
        }


def ended(trials: Sequence[FrozenTrial]) -> int:
    """How many trials of a study of ours have ended, in whatever way, by our own hand."""
    return sum(trial.state.is_finished() and not is_foreign(trial) for trial in trials)


def tally(
    trials: Sequence[FrozenTrial], plan: Plan, direction: StudyDirection, *, stopped: bool = False
) -> Tally:
    """Counts the trials of a study of ours that has this plan, `stopped` by itself or not."""
    ours = [trial for trial in trials if not is_foreign(trial)]
    counted = plan.within(trials)
    running = sum(trial.state == TrialState.RUNNING for trial in counted)
    return _tally(ours, 0 if stopped else plan.left(counted) - running, direction)


def tally_of(study: optuna.Study, trials: Sequence[FrozenTrial]) -> tuple[Tally, str | None]:
    """Counts the trials of any study of a storage; all where its spec cannot be read, and why."""
    direction, stopped = study.directions[0], study_attributes(study).stop is not None
    try:
        plan = plan_as_made(study_spec(study), trials)
        return tally(trials, plan, direction, stopped=stopped), None
    except UserError as error:
        waiting = sum(trial.state == TrialState.WAITING for trial in trials)
        return _tally(trials, waiting, direction), str(error)


@dataclass
class Count:
    """Counts the trials of a study as they end, each once, and finds the leading ones."""

    direction: StudyDirection
    complete: int = 0
    collapsed: int = 0
    pruned: int = 0
    failed: int = 0
    best: FrozenTrial | None = None
    baseline: FrozenTrial | None = None
    _seen: int = 0

    def follow(self, counted: Counted) -> Tally:
        """Takes what has ended since the last call, and counts all of a study of ours."""
        fresh, self._seen = counted.ended[self._seen :], len(counted.ended)
        self.add(trial for trial in fresh if not is_foreign(trial))
        running = sum(trial.state == TrialState.RUNNING for trial in counted.open)
        return self.tally(running, counted.left() - len(counted.running()))

    def add(self, trials: Iterable[FrozenTrial]) -> None:
        """Takes trials that have ended; none that other code has ended."""
        for trial in trials:
            if trial.state == TrialState.PRUNED:
                self.pruned += 1
            elif trial.state == TrialState.FAIL:
                self.failed += 1
            elif collapse_of(trial) is not None:
                self.collapsed += 1
            else:
                self.complete += 1
            if trial.state == TrialState.COMPLETE:
                self._lead(trial)

    def _lead(self, trial: FrozenTrial) -> None:
        if role(trial) == BASELINE:
            self.baseline = min(filter(None, (self.baseline, trial)), key=lambda t: t.number)
        elif twin_of(trial) is None and is_feasible(trial):
            leaders = filter(None, (self.best, trial))
            self.best = best_first(leaders, self.direction)[0]

    def tally(self, running: int, waiting: int) -> Tally:
        """All that have ended, and so many others."""
        return Tally(
            complete=self.complete,
            collapsed=self.collapsed,
            pruned=self.pruned,
            failed=self.failed,
            running=running,
            waiting=waiting,
            best=self.best,
            baseline=self.baseline,
        )


def _tally(trials: Sequence[FrozenTrial], waiting: int, direction: StudyDirection) -> Tally:
    count = Count(direction)
    count.add(trial for trial in trials if trial.state.is_finished())
    running = sum(trial.state == TrialState.RUNNING for trial in trials)
    return count.tally(running, waiting)
