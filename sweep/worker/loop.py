"""A worker's loop: take trials, train a chunk of all in flight, store, report; until none is left.

Training needs no database. What it found is stored as soon as the database is there, and may be
stored twice with the same effect as once.
"""

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.engine.population import Chunk
from normsweep.objectives.distances import cost
from normsweep.score.measure import measure
from normsweep.score.pictures import draw_grid
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.search.pruners import PrunerSettings, pruner
from normsweep.search.samplers import SamplerSettings, sampler, trial_seed
from normsweep.spec.space import unconditional_space
from normsweep.spec.spec import Spec
from normsweep.storage import clear_measurements, read_measurements
from normsweep.storage.artifacts import SAMPLES, put_on_trial
from normsweep.storage.checkpoint_writer import CheckpointWriter
from normsweep.storage.checkpoints import Checkpoints, checkpoint_identity
from normsweep.storage.events import Log, unheard
from normsweep.storage.heartbeat import GRACE, Heart
from normsweep.storage.retry import Patience, StorageLost
from normsweep.storage.workers import forget, held
from normsweep.study.control import ENDED, OPEN, control
from normsweep.study.plan import plan_of
from normsweep.study.progress import Watcher, progress_of, unwatched
from normsweep.study.queue import Queue
from normsweep.study.stopping import any_running, settle
from normsweep.worker.trial_run import TrialRun

_LOOK = 5.0
"""Seconds between two looks for trials whose worker died."""

_REMEMBERED = 3600.0
"""Seconds for which a worker that died is shown, unless it holds a trial that is to be found."""

_ENDS = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass
class Work:
    """One worker's part in a study. `stop()` turns true when the user wants it to end."""

    spec: Spec
    setup: Setup
    study: optuna.Study
    storage: RDBStorage
    heart: Heart
    checkpoints: Checkpoints
    files: Path
    patience: Patience
    log: Log = unheard
    watch: Watcher = unwatched
    stop: Callable[[], bool] = lambda: False
    begun: float = field(default_factory=time.monotonic)
    done: bool = False
    training: Training = field(init=False)
    queue: Queue = field(init=False)
    _writer: CheckpointWriter = field(init=False)
    _slots: list[TrialRun | None] = field(default_factory=list)
    _space: dict[str, BaseDistribution] = field(default_factory=dict)
    _finished_before: int = 0
    _unsettled: bool = True
    _looked: float = -np.inf

    def __post_init__(self) -> None:
        self.training = Training(self.spec, self.setup)
        self.queue = Queue(
            self.study,
            self.storage,
            self.heart.worker.worker,
            plan_of(self.spec),
            self.spec.service.retries,
            GRACE,
        )

    def run(self) -> None:
        """Works until no trial is left to take, or until told to stop.

        Raises `Stopped` where it was told so while it waited for the database.
        """
        study = self.spec.study
        self._slots = [None] * study.slots
        self._space = unconditional_space(self.spec)
        self.study.pruner = pruner(
            study.pruner,
            PrunerSettings(
                study.startup_trials,
                study.pruner_warmup,
                study.pruner_percentile,
                self.spec.train.chunks,
                self.spec.train.steps // self.spec.train.chunks,
            ),
        )
        try:
            with CheckpointWriter(self.checkpoints, self.log) as self._writer:
                self.patience.until(self._start, self.stop)
                self.done = self._loop()
                self._checkpoint_all()
        finally:
            # Not before all is written: whoever takes a trial up again writes to the same place.
            # Without a database, the end of this process will say that they are free.
            with contextlib.suppress(StorageLost):
                self.patience.once(self._give_back)

    def _start(self) -> None:
        forget(self.storage.engine, _REMEMBERED)
        self._finished_before = self.queue.plan.total - self.queue.plan.left(self.queue.trials())
        self.heart.tell(state="training", study=self.study.study_name)

    def _loop(self) -> bool:
        phase = "compiling"
        while True:
            there, found = self.patience.once(self._exchange)
            wanted, unfinished = found or (OPEN, True)
            if there:
                self.patience.once(partial(self._tell, phase))
            if self.stop() or wanted != OPEN or not unfinished:
                return not unfinished
            if any(run is not None and run.end is None for run in self._slots):
                self._advance()
                phase = "training"
            elif not there or any(self._slots):
                self.patience.until(self._exchange, self.stop)
            else:
                # The rest is in the hands of others, who may die.
                self.heart.tell(state="waiting")
                self._rest()

    def _rest(self) -> None:
        until = time.monotonic() + _LOOK
        while time.monotonic() < until and not self.stop():
            time.sleep(0.1)

    def _checkpoint_all(self) -> None:
        """Writes down what is in flight, if all before it is stored."""
        there, _ = self.patience.once(self._store) if any(self._slots) else (False, None)
        for index, run in enumerate(self._slots):
            if there and run is not None and run.chunks:
                self._checkpoint(run, index)

    def _give_back(self) -> None:
        for run in filter(None, self._slots):
            self.queue.give_back(run.trial._trial_id)

    def _exchange(self) -> tuple[str, bool]:
        """Tells the database what there is to tell, and takes new trials.

        Returns what the user wants, and whether any trial of the study is unfinished. May fail at
        any point and be called again.
        """
        self._store()
        self._settle()
        wanted = control(self.study)
        if wanted not in (OPEN, ENDED) or self.stop():
            return wanted, self.queue.unfinished()
        if time.monotonic() - self._looked > _LOOK:
            self._recover()
            self._looked = time.monotonic()
        if wanted == ENDED:
            # What is in training is finished, here or elsewhere.
            return OPEN, any(self._slots) or any_running(self.queue.trials())
        for index, run in enumerate(self._slots):
            if run is None:
                self._slots[index] = self._take(index)
        self.training.keep_needed(self._slots)
        if busy := any(self._slots) or self.queue.unfinished():
            return wanted, busy
        # Nobody looks at a finished study again: what the dead have not freed is freed now.
        self._recover()
        return wanted, False

    def _settle(self) -> None:
        """Asks, whenever a trial has ended, whether the search is to stop for all workers."""
        if self._unsettled and (why := settle(self.study, self.spec)) is not None:
            self.log("study stopped by itself", study=self.study.study_name, reason=why)
        self._unsettled = False

    def _recover(self) -> None:
        for trial_id in self.queue.recover():
            trial = self.storage.get_trial(trial_id)
            self.log("trial of a dead worker", study=self.study.study_name, trial=trial.number)
            if trial.state.is_finished():
                self._tidy(trial.number)

    def _store(self) -> None:
        engine = self.storage.engine
        mine = held(engine, self.heart.worker.worker)
        for trial_id in mine - {run.trial._trial_id for run in self._slots if run is not None}:
            # Taken by a call that failed before it could say so.
            self.queue.give_back(trial_id)
        for index, run in enumerate(self._slots):
            if run is None:
                continue
            if run.trial._trial_id not in mine:
                # This worker was silent for so long that another took its trial over.
                self._slots[index] = None
                continue
            if run.unstored:
                run.store(engine)
                run.undecided = True
            if run.undecided and run.end is None and self._should_prune(run):
                run.end = run.prune
            run.undecided = False
            if run.end is not None:
                # It is finished already where the answer to an earlier call was lost.
                stored = self.storage.get_trial(run.trial._trial_id)
                if not stored.state.is_finished():
                    self._draw(run, stored)
                    run.end(self.study)
                self._unsettled = True
                self.queue.done(run.trial._trial_id)
                self._say_end(run)
                self._tidy(run.trial.number)
                self._slots[index] = None

    def _draw(self, run: TrialRun, stored: FrozenTrial) -> None:
        """Adds a grid of samples to a trial that is about to end, a fold below the other."""
        if run.images is None or run.chunks < self.spec.train.chunks:
            return
        folds, count, *shape = run.images.shape
        grid = io.BytesIO()
        draw_grid(run.images.reshape(folds * count, *shape), grid, columns=count)
        try:
            put_on_trial(self.files, self.storage, stored, SAMPLES, grid.getvalue())
        except OSError as error:
            self.log("picture not written", reason=str(error), trial=run.trial.number)

    def _say_end(self, run: TrialRun) -> None:
        ended = self.storage.get_trial(run.trial._trial_id)
        self.log(
            f"trial {_ENDS[ended.state]}",
            study=self.study.study_name,
            trial=ended.number,
            **({"score": ended.values[0]} if ended.state == TrialState.COMPLETE else {}),
            **({"reason": reason} if (reason := ended.user_attrs.get("reason")) else {}),
        )

    def _tidy(self, number: int) -> None:
        """Removes the checkpoints of a trial that has ended, and those no longer among the best."""
        drop = [number]
        if keep := self.spec.service.keep_checkpoints:
            ended = (t for t in self.queue.trials() if t.state == TrialState.COMPLETE)
            metric = self.spec.score.metric
            best = nsmallest(keep + 1, ended, key=lambda trial: cost(metric, trial.values[0]))
            kept = {trial.number for trial in best[:keep]}
            drop = [trial.number for trial in best[keep:]] + sorted(set(drop) - kept)
        for number in drop:
            self._writer.drop(number)

    def _should_prune(self, run: TrialRun) -> bool:
        # The baseline is what all others are compared with: it always runs to its end.
        single = len(self.spec.score.objectives) == 1
        return single and not run.is_baseline and run.trial.should_prune()

    def _take(self, slot: int) -> TrialRun | None:
        study = self.spec.study
        trial = self.queue.take()
        if trial is None:
            return None
        try:
            # Optuna asks the sampler at the first suggestion, when the trial's number is known.
            self.study.sampler = sampler(
                study.sampler,
                SamplerSettings(
                    trial_seed(study.seed, trial.number), study.seed, study.startup_trials
                ),
                self._space,
            )
            run = self.training.begin(trial)
            if self.checkpoints.has(trial.number):
                with self.training.heeding_plugins([run]):
                    self._resume(run, slot)
            if not run.chunks:
                clear_measurements(self.storage.engine, trial._trial_id)
            self.log(
                "trial taken",
                study=self.study.study_name,
                trial=trial.number,
                step=run.chunks * run.program.chunk_steps,
            )
            return run
        except BaseException:
            self.queue.give_back(trial._trial_id)
            raise

    def _resume(self, run: TrialRun, slot: int) -> None:
        """Sets a trial that another worker began to its last checkpoint that is of use."""
        identity, like = self._identity(run), self.training.like(run)
        found = self.checkpoints.load(run.trial.number, identity, like)
        if found is None:
            return
        step, state = found
        rows = [
            row
            for row in read_measurements(self.storage.engine, run.trial._trial_id)
            if row.step <= step
        ]
        chunks, folds = step // run.program.chunk_steps, self.spec.score.folds
        if len(rows) != chunks * folds:
            return
        for chunk in range(chunks):
            run.add_chunk(rows[chunk * folds : (chunk + 1) * folds])
        # The other may have died between writing its rows and reporting their mean.
        reported = self.storage.get_trial(run.trial._trial_id).intermediate_values
        run.unstored = [row for row in rows if row.step not in reported]
        self.training.put_state(run, slot, state)
        if run.chunks == self.spec.train.chunks:
            run.end = run.complete

    def _identity(self, run: TrialRun) -> dict[str, Any]:
        return checkpoint_identity(run.config, self.setup.fingerprints())

    def _advance(self) -> None:
        """One chunk of every trial in flight, and its scores."""
        for slot, run, chunk in self.training.advance(self._slots):
            self.heart.tell(state="training", chunks=1)
            self._judge(run, chunk, slot)

    def _judge(self, run: TrialRun, chunk: Chunk, slot: int) -> None:
        """Scores a trial's chunk, and says whether it was its last."""
        step = (run.chunks + 1) * run.program.chunk_steps
        if not chunk.finite[slot].all():
            folds = ", ".join(str(fold) for fold in np.flatnonzero(~chunk.finite[slot]))
            run.end = run.failing(
                f"loss, weights or samples not finite by step {step} on fold {folds}"
            )
            return
        run.add_chunk(measure(self.setup, chunk, step, slot, run.trial._trial_id))
        if run.final_chunk() == run.chunks - 1:
            run.images = chunk.images[slot]
        if run.chunks == self.spec.train.chunks:
            run.end = run.complete
            if self.spec.service.keep_checkpoints:
                self._checkpoint(run, slot)
        elif run.chunks % self.spec.service.checkpoint_every == 0:
            self._checkpoint(run, slot)

    def _checkpoint(self, run: TrialRun, slot: int) -> None:
        step = run.chunks * run.program.chunk_steps
        state = self.training.state_of(run, slot)
        self._writer.save(run.trial.number, step, self._identity(run), state)

    def _tell(self, phase: str) -> None:
        # Of no use to a worker that nobody watches, and not free after thousands of trials.
        if self.watch is unwatched:
            return
        self.watch(
            progress_of(
                self.spec,
                self.queue.plan,
                self.queue.trials(),
                self._finished_before,
                self.begun,
                phase=phase,
                training=self.training.seconds,
            )
        )
