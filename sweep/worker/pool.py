"""Several workers on one study, started, watched and replaced, wherever they run."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

import optuna
from optuna.trial import FrozenTrial

from normsweep.errors import UserError
from normsweep.spec.spec import Spec
from normsweep.storage.events import Log, no_log
from normsweep.storage.retry import Retry, Stopped
from normsweep.study.attributes import PAUSED, STOPPED
from normsweep.study.control import control
from normsweep.study.plan import Plan, plan_of
from normsweep.study.progress import Progress, Watcher, flying_of, progress_of, unwatched
from normsweep.study.ranking import direction_of
from normsweep.study.stopping import is_over
from normsweep.study.tally import ended, tally

REPLACED = 3
"""How often in a row a worker that dies is replaced, before a trial has ended meanwhile."""
_LOOK = 0.5
_STOPPED = (0, 130)


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its exit status, and why, where more than that is known."""

    status: int
    reason: str = ""

    @property
    def died(self) -> bool:
        """Whether it ended otherwise than by running out of work or being told to."""
        return self.status not in _STOPPED

    def facts(self) -> dict[str, object]:
        """As facts for a log."""
        return {"status": self.status} | ({"reason": self.reason} if self.reason else {})


class StartedWorker(Protocol):
    """A worker that was started, and need not be running yet."""

    def poll(self) -> Ended | None:
        """How it ended, or None as long as it has not. Returns at once."""

    def terminate(self) -> None:
        """Tells it to end after its chunk. Returns at once."""

    def wait(self) -> None:
        """Returns when it has ended."""


StartWorker = Callable[[int], StartedWorker]
"""Starts the worker of an index, counted from 0."""


@dataclass(frozen=True)
class _Seen:
    """The trials as they are, whether the search is over, what is `wanted`, and what is left."""

    trials: list[FrozenTrial]
    searched: bool
    wanted: str
    further: Progress | None

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do for anybody."""
        return self.wanted == STOPPED or (self.searched and self.further is None)

    @property
    def ended(self) -> int:
        """All that has ended."""
        return ended(self.trials) + (0 if self.further is None else self.further.complete)


@dataclass
class Pool:
    """`count` workers on one study, each started by `start` with its index.

    `after` the search says how far they are with what comes then; None where nothing is left of it.
    The search was over at `searched_at`.
    """

    spec: Spec
    study: optuna.Study
    count: int
    start: StartWorker
    retry: Retry
    watch: Watcher = unwatched
    stop: Callable[[], bool] = lambda: False
    log: Log = no_log
    begun: float = field(default_factory=time.monotonic)
    after: Callable[[], Progress | None] = lambda: None
    searched_at: float | None = field(default=None, init=False)
    _workers: dict[int, StartedWorker] = field(default_factory=dict)
    _deaths: int = 0
    _first: tuple[float, float] | None = None
    _plan: Plan = field(init=False)

    def run(self) -> bool:
        """Starts them, watches, replaces the dead; whether all trials are done in the end.

        Raises `UserError` when workers die again and again, with the last words of one.
        """
        self._plan = plan_of(self.spec)
        seen = self.retry.until(self._look)
        finished, before = seen.ended, ended(seen.trials)
        try:
            for index in range(0 if seen.over or self.stop() else self.count):
                self._workers[index] = self.start(index)
            # Not until all have ended: one for which there is no room yet would never.
            while self._workers and not seen.over and not self.stop():
                time.sleep(_LOOK)
                # Workers train on without a database, and so must not end for want of this one.
                _, found = self.retry.once(self._look)
                seen = found or seen
                if seen.ended > finished:
                    self._deaths, finished = 0, seen.ended
                if seen.wanted == PAUSED:
                    # No time of training: what is left is not to take longer by it.
                    self.begun += _LOOK
                self.watch(self._progress(seen, before))
                self._replace()
        finally:
            self._end()
        # Whoever wants it to end does not want to wait for a database.
        with suppress(Stopped):
            seen = self.retry.until(self._look, self.stop)
        self.watch(self._progress(seen, before))
        return seen.searched

    def _look(self) -> _Seen:
        trials, wanted = self.study.get_trials(deepcopy=False), control(self.study)
        counted = self._plan.within(trials)
        searched = is_over(wanted, self._plan.left(counted), counted)
        if searched and self.searched_at is None:
            self.searched_at = time.monotonic()
        further = self.after() if searched and wanted != STOPPED else None
        return _Seen(trials, searched, wanted, further)

    def _replace(self) -> None:
        ended = {index: end for index, worker in self._workers.items() if (end := worker.poll())}
        for index, end in ended.items():
            del self._workers[index]
            if not end.died:
                continue
            self._deaths += 1
            self.log("worker died", place=index, **end.facts())
            if self._deaths > REPLACED:
                why = f": {end.reason}" if end.reason else "; see the lines above"
                raise UserError(
                    f"--workers {self.count}: {self._deaths} workers died in a row, the last with "
                    f"status {end.status}, and nothing finished is lost{why}"
                )
            self._workers[index] = self.start(index)

    def _end(self) -> None:
        for worker in self._workers.values():
            worker.terminate()
        for worker in self._workers.values():
            worker.wait()

    def _progress(self, seen: _Seen, before: int) -> Progress:
        """Counted from the first chunk that is seen: before it, workers start and compile."""
        if seen.further is not None:
            paused = seen.wanted == PAUSED
            return replace(seen.further, phase=PAUSED) if paused else seen.further
        trials, phase = seen.trials, PAUSED if seen.wanted == PAUSED else "training"
        found = tally(trials, self._plan, direction_of(self.spec.score.metric))
        flying = flying_of(self.spec, trials)
        if self._first is None:
            now = progress_of(self.spec, found, flying, before, self.begun, phase=phase)
            if now.finished - before + now.partial == 0:
                return now
            self._first = now.finished + now.partial, now.elapsed
        behind, idle = self._first
        return progress_of(self.spec, found, flying, behind, self.begun, idle=idle, phase=phase)
