"""The trials of a study that is read again and again: what has ended is looked at once."""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from normsweep.study.plan import BASE, Parameters, Plan


@dataclass
class Counted:
    """Which trials count in a plan, as `Plan.within` has it, brought up to date by each `look`.

    Optuna leaves a trial as it is that has ended. `ended` are all of the study that have, in the
    order in which they were seen to; `open` all others, by number.
    """

    plan: Plan
    ended: list[FrozenTrial] = field(default_factory=list)
    open: list[FrozenTrial] = field(default_factory=list)
    _seen: int = 0
    _places: list[int] = field(default_factory=list)
    _first: dict[Hashable, int] = field(default_factory=dict)
    _points: Iterator[Parameters] | None = None
    _point: Parameters | None = None

    def look(self, trials: Sequence[FrozenTrial]) -> None:
        """Takes all trials of the study, by number, as they are now."""
        places = [*self._places, *range(self._seen, len(trials))]
        for place in places:
            trial = trials[place]
            if trial.state.is_finished():
                self.ended.append(trial)
                key = self.plan.key(trial)
                if key is not None:
                    self._first[key] = min(trial.number, self._first.get(key, trial.number))
                else:
                    # Other code may have ended what was at a point, which is made again.
                    self._points = self._point = None
        # Others are only ever added after them.
        self._seen = len(trials)
        self._places = [place for place in places if not trials[place].state.is_finished()]
        self.open = [trials[place] for place in self._places]

    def unfinished(self) -> list[FrozenTrial]:
        """Those that count and have not ended, by number."""
        opened = self._opened()
        last = self._last(opened)
        return [t for key, t in opened.items() if key == BASE or t.number <= last]

    def running(self) -> list[FrozenTrial]:
        """Those of them that somebody trains."""
        return [trial for trial in self.unfinished() if trial.state == TrialState.RUNNING]

    def left(self) -> int:
        """As `Plan.left`: how many have not ended, or are not made."""
        opened = self._opened()
        last = self._last(opened)
        ended = len(self._first) - len(self._first.keys() & opened.keys())
        if last < math.inf:
            ended = sum(
                key not in opened and (key == BASE or number <= last)
                for key, number in self._first.items()
            )
        return self.plan.total - ended

    def missing(self) -> Parameters | None:
        """As `Plan.missing` the first: what to fix in the next trial that is to be made, if any."""
        opened = self._opened()
        if self._searched(opened) >= self.plan.most:
            return None
        if self.plan.points is None:
            return {}
        self._points = self._points or iter(self.plan.points)
        # What is made stays, so that a point is passed once.
        while self._point is None or (
            (key := self.plan.key_of(self._point)) in self._first or key in opened
        ):
            self._point = next(self._points, None)
            if self._point is None:
                break
        return self._point

    def _opened(self) -> dict[Hashable, FrozenTrial]:
        """The first of each key among the open ones, unless an earlier one has ended."""
        found: dict[Hashable, FrozenTrial] = {}
        for trial in self.open:
            key = self.plan.key(trial)
            if key is not None and self._first.get(key, trial.number) >= trial.number:
                found.setdefault(key, trial)
        return found

    def _searched(self, opened: dict[Hashable, FrozenTrial]) -> int:
        """How many trials of the search there are, whether they are more than count or not."""
        new = sum(key not in self._first for key in opened)
        return len(self._first) + new - (BASE in self._first or BASE in opened)

    def _last(self, opened: dict[Hashable, FrozenTrial]) -> float:
        """The number of the last one that counts; infinite where all do."""
        if self._searched(opened) <= self.plan.most:
            return math.inf
        numbers = self._first | {key: trial.number for key, trial in opened.items()}
        numbers.pop(BASE, None)
        return sorted(numbers.values())[self.plan.most - 1] if self.plan.most else -1
