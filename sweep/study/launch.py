"""The loop of a study: fill the slots, train a chunk, score, report; until all trials are done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from threadpoolctl import threadpool_limits

from models.method import Method
from models.program import Program
from objectives.distances import cost
from sweep.engine.devices import local_devices, use_all_cores
from sweep.engine.population import Chunk, Population
from sweep.engine.settings import methods_of
from sweep.prepare import Setup, prepare
from sweep.search.methods import (
    PrunerSettings,
    SamplerSettings,
    check_sampler,
    pruner,
    sampler,
    trial_seed,
)
from sweep.search.space import check_ranges, grid, unconditional_space
from sweep.spec.spec import Spec
from sweep.storage import clear_measurements, open_storage, write_measurements
from sweep.study.measure import measure
from sweep.study.progress import Progress, Watcher, unwatched
from sweep.study.records import BASELINE, SEARCH, give_back, open_study, remaining, role
from sweep.study.trial_run import TrialRun, begin


@dataclass(frozen=True)
class Launched:
    """A study after a launch: whether all of its trials are done, and where the time went.

    `seconds` in all; before the first trial `preparing_seconds`; `training_seconds` on the
    devices, compilation included.
    """

    study: optuna.Study
    done: bool
    seconds: float
    preparing_seconds: float
    training_seconds: float


def launch(
    spec: Spec,
    storage: str | RDBStorage | None = None,
    *,
    timeout: float | None = None,
    watch: Watcher = unwatched,
    stop: Callable[[], bool] = lambda: False,
) -> Launched:
    """Runs the study of a spec, from its beginning or from where it was left.

    `storage` is a database URL (default: the environment's SWEEP_STORAGE, or studies.db here).
    `watch` is called after each chunk. When `stop()` turns true or `timeout` seconds are over, the
    running chunk is finished and scored, trials in flight go back to the queue, and the launch
    ends; a later launch of the same spec goes on. Raises `UserError` for what the user can mend;
    nothing is written before spec, data and storage are found to be usable.
    """
    begun = time.monotonic()
    use_all_cores()
    check_ranges(spec)
    check_sampler(spec.study.sampler, unconditional_space(spec))
    if spec.study.sampler == "grid":
        grid(spec)
    setup = prepare(spec)
    opened = storage if isinstance(storage, RDBStorage) else open_storage(storage, create=True)
    study = open_study(spec, opened, setup)
    prepared = time.monotonic()
    loop = _Loop(spec, setup, study, opened, watch, begun)
    deadline = np.inf if timeout is None else begun + timeout
    # One BLAS thread: the judge's matrices are small, and its bits must not depend on the cores.
    with threadpool_limits(limits=1, user_api="blas"):
        done = loop.run(lambda: stop() or time.monotonic() >= deadline)
    return Launched(study, done, time.monotonic() - begun, prepared - begun, loop.training)


@dataclass
class _Loop:
    spec: Spec
    setup: Setup
    study: optuna.Study
    storage: RDBStorage
    watch: Watcher
    begun: float
    training: float = 0.0
    finished_before: int = 0
    slots: list[TrialRun | None] = field(default_factory=list)
    space: dict[str, BaseDistribution] = field(default_factory=dict)
    populations: dict[Program, Population] = field(default_factory=dict)
    menus: dict[str | None, tuple[Method, ...]] = field(default_factory=dict)

    def run(self, stop: Callable[[], bool]) -> bool:
        study = self.spec.study
        self.slots = [None] * study.slots
        self.space = unconditional_space(self.spec)
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
        self.finished_before = sum(
            trial.state.is_finished() for trial in self.study.get_trials(deepcopy=False)
        )
        self._tell("compiling")
        try:
            while not stop():
                self._fill()
                if not any(self.slots):
                    return True
                self._advance()
                self._tell("training")
            return not any(self.slots) and not self._has_next()
        finally:
            for run in filter(None, self.slots):
                give_back(self.study, run.trial._trial_id)

    def _has_next(self) -> bool:
        trials = self.study.get_trials(deepcopy=False)
        waiting = any(trial.state == TrialState.WAITING for trial in trials)
        return waiting or remaining(self.spec, trials) > 0

    def _fill(self) -> None:
        for index, run in enumerate(self.slots):
            if run is None and self._has_next():
                self.slots[index] = self._begin()
        # A program that no trial in flight needs gives its memory back; it stays compiled.
        needed = {run.program for run in self.slots if run is not None}
        self.populations = {p: each for p, each in self.populations.items() if p in needed}

    def _begin(self) -> TrialRun:
        trial = self.study.ask()
        try:
            # Optuna asks the sampler at the first suggestion, when the trial's number is known.
            self.study.sampler = sampler(
                self.spec.study.sampler,
                SamplerSettings(
                    trial_seed(self.spec.study.seed, trial.number),
                    self.spec.study.seed,
                    self.spec.study.startup_trials,
                ),
                self.space,
            )
            clear_measurements(self.storage.engine, trial._trial_id)
            return begin(trial, self.spec, self.setup, self._menu)
        except BaseException:
            give_back(self.study, trial._trial_id)
            raise

    def _menu(self, method: str | None) -> tuple[Method, ...]:
        # Under vmap every member would run all of a menu: there a program holds one method alone,
        # as it does where there are too many.
        if local_devices()[0].platform != "cpu":
            return ()
        if method not in self.menus:
            self.menus[method] = methods_of(self.spec, method)
        return self.menus[method]

    def _advance(self) -> None:
        """One chunk of every trial in flight, program by program; then scores and reports."""
        for program in dict.fromkeys(run.program for run in self.slots if run is not None):
            runs = [run if run and run.program == program else None for run in self.slots]
            started = time.monotonic()
            chunk = self._population(program).advance(
                [None if run is None else run.hyperparameters for run in runs],
                [run is not None and run.chunks == 0 for run in runs],
            )
            self.training += time.monotonic() - started
            for index, run in enumerate(runs):
                if run is not None and self._report(run, chunk, index):
                    self.slots[index] = None

    def _population(self, program: Program) -> Population:
        if program not in self.populations:
            self.populations[program] = Population(
                program,
                self.setup.features,
                self.setup.shared(self.spec.study.seed),
                self.spec.study.slots,
                local_devices(),
            )
        return self.populations[program]

    def _report(self, run: TrialRun, chunk: Chunk, slot: int) -> bool:
        """Stores a trial's chunk. Returns whether the trial has ended."""
        step = (run.chunks + 1) * run.program.chunk_steps
        if not chunk.finite[slot].all():
            folds = ", ".join(str(fold) for fold in np.flatnonzero(~chunk.finite[slot]))
            reason = f"loss, weights or samples not finite by step {step} on fold {folds}"
            run.fail(self.study, reason)
            return True
        rows = measure(self.setup, chunk, step, slot, run.trial._trial_id)
        write_measurements(self.storage.engine, rows)
        run.add_chunk(rows)
        if run.chunks == self.spec.train.chunks:
            run.complete(self.study)
            return True
        # The baseline is what all others are compared with: it always runs to its end.
        single = len(self.spec.score.objectives) == 1
        if single and not run.is_baseline and run.trial.should_prune():
            run.prune(self.study)
            return True
        return False

    def _tell(self, phase: str) -> None:
        trials = self.study.get_trials(deepcopy=False)
        states = [trial.state for trial in trials]
        complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        searched = [trial for trial in complete if role(trial) == SEARCH]
        metric = self.spec.score.metric
        best = min(searched, key=lambda trial: cost(metric, trial.values[0]), default=None)
        baselines = [trial.values[0] for trial in complete if role(trial) == BASELINE]
        total = len(trials) + remaining(self.spec, trials)
        elapsed = time.monotonic() - self.begun
        flying = sum(run.chunks for run in self.slots if run) / self.spec.train.chunks
        finished = sum(state.is_finished() for state in states)
        begun_here = finished - self.finished_before + flying
        left = total - finished - flying
        self.watch(
            Progress(
                study=self.study.study_name,
                phase=phase,
                total=total,
                complete=len(complete),
                running=sum(run is not None for run in self.slots),
                pruned=states.count(TrialState.PRUNED),
                failed=states.count(TrialState.FAIL),
                best_score=None if best is None else best.values[0],
                best_number=None if best is None else best.number,
                baseline_score=baselines[0] if baselines else None,
                elapsed=elapsed,
                training=self.training,
                partial=flying,
                remaining=elapsed / begun_here * left if begun_here else None,
            )
        )
