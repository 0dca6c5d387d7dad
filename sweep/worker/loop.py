"""A worker's loop: take trials, train a chunk of all in flight, store, report; until none is left.

Training needs no database. What it found is stored as soon as the database is there, and may be
stored twice with the same effect as once.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.data.stored import DataLost
from normsweep.engine.compiling import compiling_seconds
from normsweep.errors import UserError, in_one_line
from normsweep.score.run import Failed, Pruned
from normsweep.score.setup import Setup
from normsweep.score.training import Training, is_of_no_trial
from normsweep.search.samplers import SamplerSettings, sampler, trial_seed
from normsweep.spec.plugins import SamplerError, is_plugin, plugin_sampler, telling_sampler
from normsweep.spec.space import unconditional_space
from normsweep.spec.spec import Spec
from normsweep.storage import clear_measurements
from normsweep.storage.checkpoint_writer import CheckpointWriter
from normsweep.storage.checkpoints import Checkpoints
from normsweep.storage.events import CHUNK, Log, no_log
from normsweep.storage.heartbeat import GRACE, Heartbeat
from normsweep.storage.retry import Retry, Stopped, StorageLost
from normsweep.storage.workers import forget, held
from normsweep.study.attributes import OPEN, collapse_of, is_foreign, reason_of
from normsweep.study.control import ENDED, control
from normsweep.study.counted import Counted
from normsweep.study.endings import state_of
from normsweep.study.plan import plan_of
from normsweep.study.progress import Watcher, flying_of, progress_of, unwatched
from normsweep.study.pruning import pruner_of
from normsweep.study.queue import Queue
from normsweep.study.ranking import direction_of
from normsweep.study.stopping import StoppingRule
from normsweep.study.tally import Count, ended
from normsweep.worker.keepsakes import draw_samples, keep_references
from normsweep.worker.sharing import LAST, other_workers, share
from normsweep.worker.trial_checkpoints import TrialCheckpoints
from normsweep.worker.trial_run import TrialRun, begin
from normsweep.worker.twins import Twins, goes_before
from normsweep.worker.waiting import rest

_LOOK = 5.0
"""Seconds between two looks for workers: who is there, and which have died."""

_REST = 0.5
"""Seconds between two looks for something to train, where all is in the hands of others."""

_REMEMBERED = 3600.0
"""Seconds for which a worker that died is shown, unless it holds a trial that is to be found."""

_ASKED_AGAIN = 4
"""Trials of configs in training elsewhere that are made or tried again at a look for a new one."""

_FAILED = {"fail": "failed"}


@dataclass
class Work:
    """One worker's part in a study. `stop()` turns true when the user wants it to end."""

    spec: Spec
    setup: Setup
    study: optuna.Study
    storage: RDBStorage
    heartbeat: Heartbeat
    checkpoints: Checkpoints
    files: Path
    retry: Retry
    log: Log = no_log
    watch: Watcher = unwatched
    stop: Callable[[], bool] = lambda: False
    begun: float = field(default_factory=time.monotonic)
    done: bool = False
    training: Training = field(init=False)
    queue: Queue = field(init=False)
    _checkpoints: TrialCheckpoints = field(init=False)
    _slots: list[TrialRun | None] = field(default_factory=list)
    _space: dict[str, BaseDistribution] = field(default_factory=dict)
    _twins: Twins = field(default_factory=Twins)
    _count: Count = field(init=False)
    _rule: StoppingRule = field(init=False)
    _others: int = 0
    _ended_before: int | None = None
    _prepared: float | None = None
    _ended_since: bool = True
    _looked: float = -np.inf

    def __post_init__(self) -> None:
        self.training = Training(self.spec, self.setup)
        self._count = Count(direction_of(self.spec.score.metric))
        self._rule = StoppingRule(self.spec)
        self.queue = Queue(
            self.study,
            self.storage,
            self.heartbeat.worker.worker,
            plan_of(self.spec),
            self.spec.service.retries,
            GRACE,
        )

    def run(self) -> None:
        """Works until no trial is left to take, or until told to stop.

        Raises `Stopped` where it was told so while it waited for the database.
        """
        self._prepare()
        died = False
        try:
            with CheckpointWriter(self.checkpoints, self.log) as writer:
                self._checkpoints = TrialCheckpoints(self.training, self.storage, writer)
                self.retry.until(self._start, self.stop)
                self.done = self._loop()
                self._checkpoint_all()
        except Exception as error:
            died = not isinstance(error, StorageLost | Stopped | DataLost)
            raise
        finally:
            # Not before all is written: whoever takes a trial up again writes to the same place.
            # Without a database, the end of this process will say that they are free.
            with contextlib.suppress(StorageLost):
                self.retry.once(partial(self._give_back, died))

    @property
    def _worker(self) -> str:
        """Its name in the database."""
        return self.heartbeat.worker.worker

    def _prepare(self) -> None:
        """What needs no database."""
        self._slots = [None] * self.training.slots
        self._space = unconditional_space(self.spec)
        self.study.pruner = pruner_of(self.spec, self.storage.engine)

    def _start(self) -> None:
        forget(self.storage.engine, _REMEMBERED)
        # What is left is known before any is taken: whoever joins late takes a share of it.
        self.queue.look()
        if self._ended_before is None:
            self._ended_before = ended(self.study.get_trials(deepcopy=False))
        if self._prepared is None:
            self._prepared = time.monotonic() - self.begun - compiling_seconds()
        self.heartbeat.tell(state="training", study=self.study.study_name)

    def _loop(self) -> bool:
        phase = "compiling"
        while True:
            there, found = self.retry.once(self._exchange)
            wanted, unfinished = found or (OPEN, True)
            if there:
                self.retry.once(partial(self.tell, phase))
            if self.stop() or wanted != OPEN or not unfinished:
                return not unfinished
            if any(run and run.end is None for run in self._slots):
                self._advance()
                phase = "training"
            elif not there or any(self._slots):
                self.retry.until(self._exchange, self.stop)
            else:
                # The rest is in the hands of others, who may die.
                self.heartbeat.tell(state="waiting")
                self._rest()

    def _rest(self) -> None:
        rest(_REST, self.stop)

    def _advance(self) -> None:
        """One chunk of every trial in flight, and its scores."""
        for slot, run, _ in self.training.advance(self._slots):
            self.heartbeat.tell(state="training", chunks=1)
            self.log(CHUNK, study=self.study.study_name, trial=run.trial.number, **run.so_far())
            if not isinstance(run.end, Failed):
                self._checkpoints.after_chunk(run, slot)

    def _checkpoint_all(self) -> None:
        """Writes down what is in flight, if all before it is stored."""
        there, _ = self.retry.once(self._store) if any(self._slots) else (False, None)
        for slot, run in enumerate(self._slots):
            if there and run is not None and run.chunks:
                self._checkpoints.save(run, slot)

    def _give_back(self, died: bool) -> None:
        give_back = self.queue.count_death if died else self.queue.give_back
        for run in filter(None, self._slots):
            give_back(run.trial_id)

    def _exchange(self) -> tuple[str, bool]:
        """Tells the database what there is to tell, and takes new trials.

        Returns what the user wants, and whether any trial of the study is unfinished. May fail at
        any point and be called again.
        """
        self.heartbeat.check()
        self._store()
        self._stop_if_due()
        wanted = self.wanted()
        if wanted not in (OPEN, ENDED) or self.stop():
            return wanted, self._unfinished()
        if time.monotonic() - self._looked > _LOOK:
            self._recover()
            self._others = self._other_workers()
            self._looked = time.monotonic()
        if wanted == ENDED:
            # What is in training is finished, here or elsewhere.
            return OPEN, any(self._slots) or bool(self.queue.look().running())
        self._fill()
        self.training.keep_needed(self._slots)
        if busy := any(self._slots) or self._unfinished():
            return wanted, busy
        # Nobody looks at a finished study again: what the dead have not freed is freed now.
        self._recover()
        return wanted, False

    def wanted(self) -> str:
        """What the user wants of the study."""
        return control(self.study)

    def _unfinished(self) -> bool:
        """Whether anything is left to do, here or elsewhere."""
        return self.queue.unfinished()

    def _fill(self) -> None:
        """Takes trials for free slots."""
        free = [slot for slot, run in enumerate(self._slots) if run is None]
        for slot in free[: self._wanted()] if free else ():
            self._slots[slot] = self._take(slot)

    def _wanted(self) -> int:
        """How many trials to take; of the last ones a share."""
        workers, slots = 1 + self._others, len(self._slots)
        if workers == 1 or self.queue.counted.left() > LAST * slots * workers:
            return slots
        counted = self.queue.look()
        left = counted.left() - flying_of(self.spec, counted.running())
        mine = [1 - run.steps / run.config.train.steps for run in self._slots if run is not None]
        return share(left, mine, workers)

    def _other_workers(self) -> int:
        """How many others are at work on the study."""
        return other_workers(self.storage.engine, self.study.study_name, self._worker)

    def _stop_if_due(self) -> None:
        """Asks, whenever a trial has ended, whether the search is to stop for all workers."""
        if not self._ended_since:
            return
        if (why := self._rule.stop_if_due(self.study, self.queue.look)) is not None:
            self.log("study stopped by itself", study=self.study.study_name, reason=why)
        self._ended_since = False

    def _recover(self) -> None:
        for trial_id in self.queue.recover():
            trial = self.storage.get_trial(trial_id)
            self.log("trial of a dead worker", study=self.study.study_name, trial=trial.number)
            if trial.state.is_finished():
                self._checkpoints.tidy(trial.number, self.queue.trials)

    def _store(self) -> None:
        mine = held(self.storage.engine, self._worker)
        for trial_id in mine - {run.trial_id for run in self._slots if run is not None}:
            # Taken by a call that failed before it could say so.
            self.queue.give_back(trial_id)
        for slot, run in enumerate(self._slots):
            if run is not None and self._is_gone(run, mine):
                self._slots[slot] = None

    def _is_gone(self, run: TrialRun, mine: set[int]) -> bool:
        """Stores what is new of a trial; whether this worker has no more to do with it."""
        if run.trial_id in mine:
            return self._yielded(run) or self._ended_somehow(run)
        # This worker was silent for so long that another has taken it over; or its end was stored,
        # with that of the claim, by a call whose answer was lost.
        if run.end is not None:
            stored = self.storage.get_trial(run.trial_id)
            if stored.state.is_finished() and not is_foreign(stored):
                self._has_ended(stored)
        return True

    def _ended_somehow(self, run: TrialRun) -> bool:
        """The same, whatever other code has done to the trial meanwhile."""
        try:
            return self._ended(run)
        except UpdateFinishedTrialError:
            self._leave(run.trial_id, run.trial.number)
            return True

    def _leave(self, trial_id: int, number: int) -> None:
        """Lets go of a trial that other code has ended."""
        self._ended_since = True
        self.queue.done(trial_id)
        self.log("trial ended by other code", study=self.study.study_name, trial=number)
        self._checkpoints.tidy(number, self.queue.trials)

    def _ended(self, run: TrialRun) -> bool:
        """Stores what is new of a trial; whether it has ended, and the database knows."""
        engine = self.storage.engine
        if run.end is None:
            if run.unstored:
                run.store(engine, self._worker)
                run.undecided = True
            if run.undecided and self._should_prune(run):
                run.end = Pruned()
            run.undecided = False
        if run.end is None:
            return False
        keep_references(run, self.training, self.study, self.files, self.log)
        if run.pictures is None:
            run.pictures = draw_samples(run, self.files, self.log)
        self._has_ended(run.finish(engine, self._worker, self.study))
        return True

    def _has_ended(self, trial: FrozenTrial) -> None:
        """What follows the end of one of this worker's trials."""
        self._ended_since = True
        self._say_end(trial)
        self._checkpoints.tidy(trial.number, self.queue.trials)

    def _say_end(self, ended: FrozenTrial) -> None:
        self.log(
            f"trial {_FAILED.get(state_of(ended), state_of(ended))}",
            study=self.study.study_name,
            trial=ended.number,
            **({"score": ended.values[0]} if ended.state == TrialState.COMPLETE else {}),
            **({"reason": why} if (why := collapse_of(ended) or reason_of(ended)) else {}),
        )

    def _should_prune(self, run: TrialRun) -> bool:
        # The baseline is what all others are compared with: it always runs to its end.
        single = len(self.spec.score.objectives) == 1
        return single and not run.is_baseline and run.trial.should_prune()

    def _take(self, slot: int) -> TrialRun | None:
        """The next trial that can be trained; those that cannot fail, and say why.

        Those of a config that is in training go back into the queue, until it has ended.
        """
        asked_again = 0
        # A sampler that has learned nothing since may ask for it until there are no trials left.
        while asked_again < _ASKED_AGAIN and (trial := self.queue.take()) is not None:
            try:
                run = self._begin(trial, slot)
            except UpdateFinishedTrialError:
                self._leave(trial._trial_id, trial.number)
            except (SamplerError, DataLost):
                self.queue.give_back(trial._trial_id)
                raise
            except UserError as error:
                self._fail(trial, str(error))
            except Exception as error:
                if is_of_no_trial(error):
                    self.queue.give_back(trial._trial_id)
                    raise
                # Of a study that was deleted this raises again.
                self._fail(trial, in_one_line(error))
            except BaseException:
                self.queue.give_back(trial._trial_id)
                raise
            else:
                if run is not None:
                    return run
                self.queue.give_back(trial._trial_id)
                asked_again += 1
        return None

    def _fail(self, trial: optuna.Trial, reason: str) -> None:
        self._ended_since = True
        try:
            self.queue.fail(trial._trial_id, reason)
        except UpdateFinishedTrialError:
            self._leave(trial._trial_id, trial.number)
            return
        facts = {"trial": trial.number, "reason": reason}
        self.log("trial failed", study=self.study.study_name, **facts)

    def _begin(self, trial: optuna.Trial, slot: int) -> TrialRun | None:
        """Asks for its parameters; None where another trial of the same config is in training."""
        study = self.spec.study
        # Optuna asks the sampler at the first suggestion, when the trial's number is known.
        self.study.sampler = sampler(
            study.sampler,
            SamplerSettings(trial_seed(study.seed, trial.number), study.seed, study.startup_trials),
            self._space,
            plugin_sampler(study.sampler) if is_plugin(study.sampler) else None,
        )
        with telling_sampler(study.sampler):
            run = begin(trial, self.spec, self.training, self.storage.engine)
        with self.training.heeding_faults([run]):
            self._checkpoints.resume(run, slot)
        if not run.chunks:
            clear_measurements(self.storage.engine, trial._trial_id)
            counted = self.queue.look()
            self._twins.take_over(run, counted, self.storage.engine)
            if run.end is None and self._goes_before(run, counted):
                return None
        self.log("trial taken", study=self.study.study_name, trial=trial.number, step=run.steps)
        return run

    def _goes_before(self, run: TrialRun, counted: Counted) -> bool:
        return goes_before(run, counted, self.storage.engine)

    def _yielded(self, run: TrialRun) -> bool:
        """Gives a trial back that another worker has begun, too, before its first chunk is stored.

        When it was begun, the other might not have been.
        """
        first = len(run.unstored) == run.chunks * run.config.score.folds
        if run.end is not None or not run.chunks or not first:
            return False
        if not self._goes_before(run, self.queue.look()):
            return False
        self.queue.give_back(run.trial_id)
        return True

    def tell(self, phase: str) -> None:
        """Tells who watches how far the study is; not for nothing after thousands of trials."""
        if self.watch is unwatched:
            return
        counted = self.queue.look()
        self.watch(
            progress_of(
                self.spec,
                self._count.follow(counted),
                flying_of(self.spec, counted.open),
                self._ended_before or 0,
                self.begun,
                phase=phase,
                training=self.training.seconds,
                idle=(self._prepared or 0.0) + compiling_seconds(),
            )
        )
