"""Which trial is whose: trials are taken from the database, given back, and found when lost."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Engine

from normsweep.storage import workers as table
from normsweep.storage.making import make_trials
from normsweep.storage.taking import make_taken, take
from normsweep.storage.telling import Ending, tell, write_attributes
from normsweep.study.attributes import (
    SEARCH,
    deaths_of,
    of_deaths,
    of_reason,
    of_role,
    study_attributes,
    write_study,
)
from normsweep.study.counted import Counted
from normsweep.study.plan import Parameters, Plan, fixed_parameters
from normsweep.study.ranking import begun_of


def enqueue(study: optuna.Study, parameters: Parameters) -> int:
    """Makes a trial of the search that waits, with some of its parameters fixed; its id."""
    # `Study.enqueue_trial`, which does not say which trial it made.
    return study._storage.create_new_trial(study._study_id, template_trial=_waiting(parameters))


def begin_with(
    study: optuna.Study, storage: RDBStorage, suggested: Iterable[Mapping[str, Any]], most: int
) -> int:
    """Makes trials with these parameters, the first of the search; how many there are.

    At most so many. Which they are is settled once: what was cut short is finished by the next
    call, whatever it is given, and two at once make each once.
    """
    settled = study_attributes(study).begun_with
    if settled is None:
        settled = [dict(parameters) for parameters in islice(suggested, most)]
        write_study(study, begun_with=settled)
    while True:
        trials = study.get_trials(deepcopy=False)
        made = [fixed_parameters(trial) for trial in trials]
        absent = [_waiting(dict(each)) for each in settled if each not in made]
        if not absent or make_trials(storage, study._study_id, len(trials), absent):
            return len(settled)


def _waiting(parameters: Parameters) -> FrozenTrial:
    return create_trial(
        state=TrialState.WAITING,
        system_attrs={"fixed_params": parameters} if parameters else {},
        user_attrs=of_role(SEARCH),
    )


def lost_trials(study: optuna.Study, engine: Engine, grace: float) -> dict[int, str | None]:
    """The trials whose worker is dead, finished or not, with its name; None: nobody has it."""
    trials = study.get_trials(deepcopy=False)
    claims = table.claimed(engine)
    seen = {entry.worker.worker: entry for entry in table.seen_workers(engine)}
    found = {}
    for trial in trials:
        holder = claims.get(trial._trial_id)
        if holder is None:
            # RUNNING and nobody's: an earlier version's, or finished since our look.
            lost = trial.state == TrialState.RUNNING
        else:
            lost = table.is_gone(seen.get(holder), grace)
        if lost:
            found[trial._trial_id] = holder
    return found


@dataclass
class Queue:
    """A study's trials, as one worker sees them, `counted` when it last looked.

    A trial that died with its worker is run again at most `retries` times. A worker of another
    machine counts as dead after `grace` seconds of silence.
    """

    study: optuna.Study
    storage: RDBStorage
    worker: str
    plan: Plan
    retries: int
    grace: float
    counted: Counted = field(init=False)

    def __post_init__(self) -> None:
        self.counted = Counted(self.plan)

    def look(self) -> Counted:
        """Reads the trials of the study as they are now."""
        self.counted.look(self.study.get_trials(deepcopy=False))
        return self.counted

    def take(self) -> optuna.Trial | None:
        """The next trial, RUNNING and this worker's; None where all are taken.

        Trials that were given back because one of the same config is in training are left.
        """
        while True:
            counted = self.look()
            running = {begun_of(trial) for trial in counted.running()} - {None}
            waiting = [
                trial._trial_id
                for trial in counted.unfinished()
                if trial.state == TrialState.WAITING and begun_of(trial) not in running
            ]
            others = table.claimed(self.storage.engine) if waiting else {}
            for trial_id in waiting:
                if trial_id not in others and take(self.storage.engine, trial_id, self.worker):
                    return optuna.Trial(self.study, trial_id)
            missing = counted.missing()
            if missing is None:
                return None
            # Of two workers that both make the last one, each looks again whether its own counts.
            made = make_taken(
                self.study,
                self.storage,
                _waiting(missing),
                self.worker,
                self.plan.surely_counts,
            )
            if made is not None:
                return optuna.Trial(self.study, made)

    def unfinished(self) -> bool:
        """Whether any trial waits or runs, here or elsewhere, or is to be made."""
        return self.look().left() > 0

    def trials(self) -> list[FrozenTrial]:
        """The trials of the study as its spec has them, as far as they are made."""
        return self.plan.within(self.study.get_trials(deepcopy=False))

    def give_back(self, trial_id: int) -> None:
        """Puts one of this worker's trials back into the queue, with its number and parameters."""
        if trial_id not in table.held(self.storage.engine, self.worker):
            # This worker was silent for so long that another has it now.
            return
        try:
            if self.storage.get_trial(trial_id).state == TrialState.RUNNING:
                self.storage.set_trial_state_values(trial_id, TrialState.WAITING)
        except UpdateFinishedTrialError:
            pass
        self.done(trial_id)

    def done(self, trial_id: int) -> None:
        """Ends the claim on one of this worker's trials."""
        table.free(self.storage.engine, trial_id, self.worker)

    def recover(self) -> list[int]:
        """Gives the trials of dead workers back, or fails those that died too often; their ids.

        A worker may have died with a trial finished and not yet freed: that is freed. Any worker
        may recover at any time: of several, one takes a claim over.
        """
        engine = self.storage.engine
        found = []
        for trial_id, holder in lost_trials(self.study, engine, self.grace).items():
            if holder == self.worker:
                # Its row may be gone, and it is not.
                continue
            if holder is None:
                mine = table.claim(engine, trial_id, self.worker)
            else:
                mine = table.take_over(engine, trial_id, holder, self.worker)
            if mine:
                self.count_death(trial_id)
                found.append(trial_id)
        return found

    def fail(self, trial_id: int, reason: str) -> None:
        """Ends one of this worker's trials without a score, and says why."""
        ending = Ending(TrialState.FAIL, user_attrs=of_reason(reason))
        tell(self.storage.engine, trial_id, self.worker, ending=ending)

    def count_death(self, trial_id: int) -> None:
        """Gives a trial of this worker back, or fails it where its workers died too often."""
        trial = self.storage.get_trial(trial_id)
        if trial.state == TrialState.RUNNING:
            deaths = deaths_of(trial) + 1
            # A worker that was only silent may end it meanwhile: then it has ended.
            with contextlib.suppress(UpdateFinishedTrialError):
                if deaths > self.retries:
                    told = of_deaths(deaths) | of_reason(f"its worker died {deaths} times in it")
                    ending = Ending(TrialState.FAIL, user_attrs=told)
                    tell(self.storage.engine, trial_id, self.worker, ending=ending)
                    return
                write_attributes(self.storage.engine, trial_id, of_deaths(deaths))
        self.give_back(trial_id)
