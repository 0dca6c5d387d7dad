"""Which trials a study is to have: the baseline, and of the search as many as its spec asks for.

Those of a small grid are made at once. Others are made when a worker wants one: Optuna reads all
trials that wait whenever it is asked for any.
"""

import json
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from normsweep.errors import UserError
from normsweep.spec.grid import Grid, grid
from normsweep.spec.spec import Spec
from normsweep.study.attributes import BASELINE, counts_in_search, is_foreign, is_taken_over, role

Parameters = dict[str, Any]

_SHUFFLED = 1_000_000
"""Points of a grid up to which all are shuffled at once, as they always were."""

BASE = "baseline"
"""The key of the baseline; those of others are numbers, or JSON, which this is not."""

MADE_AT_ONCE = 1000
"""Trials of a grid that are made when it is submitted; workers make the others."""


@dataclass(frozen=True)
class Plan:
    """So many trials of a search; those of a grid have `points`, in the order of their turns."""

    search: int
    points: Iterable[Parameters] | None = None

    @property
    def most(self) -> int:
        """So many trials beside the baseline count."""
        return self.search

    @property
    def total(self) -> int:
        """All trials, the baseline among them."""
        return 1 + self.search

    def key(self, trial: FrozenTrial) -> Hashable | None:
        """What a trial is: the first one of a key counts, and none whose key is None."""
        if counts_in_search(trial):
            return trial.number if self.points is None else self.key_of(fixed_parameters(trial))
        return BASE if role(trial) == BASELINE else None

    def key_of(self, point: Parameters) -> Hashable:
        """The key of the trial at a point of a grid."""
        return _key(point)

    def within(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Those that count, by number, after the baseline; none that other code or studies made.

        There may be more: two workers at once may both have made the last one, or the same point of
        a grid, and an earlier launch may have asked for more.
        """
        baselines, search = [], []
        # One pass, and few calls a trial: it is asked several times a trial, of thousands.
        for trial in trials:
            if counts_in_search(trial):
                search.append(trial)
            elif role(trial) == BASELINE:
                baselines.append(trial)
        if self.points is not None:
            first = {_key(fixed_parameters(trial)): trial for trial in reversed(search)}
            search = [trial for trial in search if first[_key(fixed_parameters(trial))] is trial]
        return baselines[:1] + search[: self.search]

    def missing(self, counted: Sequence[FrozenTrial]) -> Iterator[Parameters]:
        """What to fix in each trial that is still to be made beside those `within`, in order."""
        search = counted[1:] if counted and role(counted[0]) == BASELINE else counted
        number = self.search - len(search)
        if self.points is None:
            return ({} for _ in range(number))
        made = {_key(fixed_parameters(trial)) for trial in search}
        return islice((p for p in self.points if _key(p) not in made), max(number, 0))

    def surely_counts(self, number: int) -> bool:
        """Whether a trial of the search with this number counts, whatever the others are."""
        return self.points is None and number < self.search

    def left(self, counted: Sequence[FrozenTrial]) -> int:
        """How many trials have not ended, or are not made, where those `within` are these."""
        return self.total - sum(trial.state.is_finished() for trial in counted)


def plan_of(spec: Spec) -> Plan:
    """The plan of a spec; raises `UserError` for a grid over a range without steps.

    One that searches nothing is a grid of one point.
    """
    study = spec.study
    if not _is_grid(spec):
        return Plan(study.trials)
    points = grid(spec)
    return Plan(min(study.trials, points.size), _Drawn(points, study.seed))


@dataclass(frozen=True)
class _Drawn:
    """The points of a grid in a drawn order: one cut short is spread over the whole of it."""

    points: Grid
    seed: int

    def __iter__(self) -> Iterator[Parameters]:
        drawn, count = np.random.Generator(np.random.PCG64(self.seed)), self.points.size
        if count <= _SHUFFLED:
            yield from (self.points[int(index)] for index in drawn.permutation(count))
            return
        # A shuffle of which nothing is remembered but what was exchanged (Fisher and Yates).
        exchanged: dict[int, int] = {}
        for place in range(count):
            other = place + int(drawn.random() * (count - place))
            yield self.points[exchanged.get(other, other)]
            exchanged[other] = exchanged.pop(place, place)


def plan_as_made(spec: Spec, trials: Sequence[FrozenTrial]) -> Plan:
    """The plan of a study with these trials, to look at: without the points of its grid.

    Of a small grid they are all made when it is submitted, and to find them may take files of the
    user's own; a large one is counted, unless such a file is gone.
    """
    number = spec.study.trials
    if _is_grid(spec):
        mine = (t for t in trials if not is_taken_over(t) and not is_foreign(t))
        made = sum(role(trial) != BASELINE for trial in mine)
        # The baseline is one of those that are made at once.
        if made < MADE_AT_ONCE - 1:
            return Plan(min(number, made))
        with suppress(UserError):
            number = min(number, grid(spec).size)
    return Plan(number)


def _is_grid(spec: Spec) -> bool:
    return spec.study.sampler == "grid" or not spec.searches


def fixed_parameters(trial: FrozenTrial) -> Parameters:
    """What was fixed of a trial before it began; other code may have fixed anything."""
    found: Parameters = trial.system_attrs.get("fixed_params", {})
    return found


def _key(parameters: Parameters) -> str:
    return json.dumps(parameters, sort_keys=True)
