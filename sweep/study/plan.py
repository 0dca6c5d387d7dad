"""Which trials a study is to have: the baseline, and of the search as many as its spec asks for.

Those of a grid are made at once. Others are made when a worker wants one: Optuna reads all trials
that wait whenever it is asked for any.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from normsweep.spec.space import grid
from normsweep.spec.spec import Spec
from normsweep.study.attributes import BASELINE, counts_in_search, is_foreign, is_taken_over, role

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """So many trials of a search; those of a grid have `points`, in the order of their turns."""

    search: int
    points: tuple[Parameters, ...] | None = None

    @property
    def total(self) -> int:
        """All trials, the baseline among them."""
        return 1 + self.search

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

    def missing(self, counted: Sequence[FrozenTrial]) -> list[Parameters]:
        """What to fix in each trial that is still to be made beside those `within`, in order."""
        search = counted[1:] if counted and role(counted[0]) == BASELINE else counted
        number = self.search - len(search)
        if self.points is None:
            return [{} for _ in range(number)]
        made = {_key(fixed_parameters(trial)) for trial in search}
        return [point for point in self.points if _key(point) not in made][:number]

    def surely_counts(self, number: int) -> bool:
        """Whether a trial of the search with this number counts, whatever the others are."""
        return self.points is None and number < self.search

    def left(self, counted: Sequence[FrozenTrial]) -> int:
        """How many trials have not ended, or are not made, where those `within` are these."""
        return self.total - sum(trial.state.is_finished() for trial in counted)


def plan_of(spec: Spec) -> Plan:
    """The plan of a spec; raises `UserError` for a grid over a range without steps."""
    study = spec.study
    if study.sampler != "grid":
        return Plan(study.trials)
    points = grid(spec)
    # In a drawn order, so that a grid cut short by study.trials is spread over the whole of it.
    order = np.random.Generator(np.random.PCG64(study.seed)).permutation(len(points))
    return Plan(min(study.trials, len(points)), tuple(points[index] for index in order))


def plan_as_made(spec: Spec, trials: Sequence[FrozenTrial]) -> Plan:
    """The plan of a study with these trials, to look at: without the points of its grid.

    They are all made when it is submitted, and to find them takes the user's own files.
    """
    number = spec.study.trials
    if spec.study.sampler == "grid":
        mine = (t for t in trials if not is_taken_over(t) and not is_foreign(t))
        number = min(number, sum(role(trial) != BASELINE for trial in mine))
    return Plan(number)


def fixed_parameters(trial: FrozenTrial) -> Parameters:
    """What was fixed of a trial before it began; other code may have fixed anything."""
    found: Parameters = trial.system_attrs.get("fixed_params", {})
    return found


def _key(parameters: Parameters) -> str:
    return json.dumps(parameters, sort_keys=True)
