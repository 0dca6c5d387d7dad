"""Trains the arms of a confirmation, seed after seed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from threadpoolctl import threadpool_limits

from normsweep.data.decoding import Watch
from normsweep.data.decoding import unwatched as nobody
from normsweep.data.folds import deal_again, outer_plan
from normsweep.engine.compiling import compiling_seconds
from normsweep.engine.devices import use_all_cores
from normsweep.engine.settings import hyperparameters_of, method_of, program_of
from normsweep.errors import UserError
from normsweep.score.setup import Setup, check_part, prepare
from normsweep.score.training import Training
from normsweep.spec.spec import Spec
from normsweep.storage.events import Log, no_log
from normsweep.storage.retry import Retry
from normsweep.study.attributes import CONFIRM, FINAL, study_attributes, write_study
from normsweep.study.confirmation import (
    Arm,
    open_confirmation,
    plan_confirmation,
    planned,
    trainings,
)
from normsweep.study.progress import Progress, Watcher, seconds_left, unwatched
from normsweep.study.records import check_same_data, checked_spec, study_spec
from normsweep.verdict.answers import Answer, answer
from normsweep.verdict.arms import arm_name, arms, arms_of, candidates
from normsweep.verdict.reading import Confirmation, complete_seeds, plan_of, read_confirmation
from normsweep.verdict.statistics.looks import Plan, planned_further
from normsweep.worker.arm_run import ArmRun

SEEDS = 8
"""How many seeds at most where the spec does not say."""
_CONFIRMING = 0xC0F1
"""Sets what is drawn for a confirmation apart from what the search drew from the same seed."""


def confirm_if_wanted(
    study: optuna.Study,
    storage: RDBStorage,
    setup: Setup,
    *,
    watch: Watcher,
    stop: Callable[[], bool],
    log: Log,
) -> bool:
    """Confirms a finished study as its spec says; whether nothing of that is left to do.

    A study without the scores of a baseline and of another config has nothing to confirm.
    """
    if not study_spec(study).confirm.seeds:
        return True
    found = answer(study)
    if found.baseline is None or not candidates(found, 1):
        return True
    return Confirming(study, storage, setup, watch, stop, log).run()


@dataclass
class Confirming:
    """Confirms a study. What is stored already is not trained again, so that it can be stopped.

    After each seed it looks whether there is a word, and then trains no more.

    The seeds of the training and of the folds follow from the study's and the number of the
    repetition alone; the feature map stays, so that scores can be compared with the search's.
    """

    study: optuna.Study
    storage: RDBStorage
    setup: Setup | None = None
    watch: Watcher = unwatched
    stop: Callable[[], bool] = lambda: False
    log: Log = no_log
    decoding: Watch = nobody
    begun: float = field(default_factory=time.monotonic)
    _spec: Spec = field(init=False)
    _into: optuna.Study = field(init=False)
    _retry: Retry = field(init=False)
    _parts: int = 0
    _left: int = 0
    _done: int = 0
    _prepared: float = 0.0

    def run(self, top: int | None = None, seeds: int | None = None) -> bool:
        """Trains the best `top` and the baseline by `seeds` seeds at most; whether all is done.

        By default as many as the spec says; it ends with the look at which there is a word. Then,
        if images were held out for it, has the baseline and the best of them judged by these: once,
        whatever is confirmed later. Raises `UserError` where the study has no scores yet, or was
        made with other data.
        """
        use_all_cores()
        self._spec = checked_spec(self.study)
        wanted = self._spec.confirm
        top = wanted.top if top is None else top
        seeds = (wanted.seeds or SEEDS) if seeds is None else seeds
        self._retry = Retry.with_storage(
            self.storage, self._spec.service.storage_patience, self.log
        )
        trials = self.study.get_trials(deepcopy=False)
        found = answer(self.study)
        wanted_arms = arms(found, trials, top)
        if self.setup is None:
            self.setup = prepare(self._spec, self.decoding)
        check_same_data(self.study, self.setup.fingerprints())
        self._into = open_confirmation(self.study, self.storage)
        each = wanted.looks == "each"
        self._parts = self._divided(seeds)
        if self._parts:
            # Too few images in a part are told before anything is written.
            self._fresh(1)
        looks = self._looks(seeds, each=each)
        plan_confirmation(self._into, top, seeds, wanted_arms, looks, self._parts)
        rounds = [(seed, self._missing(CONFIRM, wanted_arms, seed)) for seed in range(1, seeds + 1)]
        self._left = sum(len(missing) for _, missing in rounds)
        self._prepared = time.monotonic() - self.begun - compiling_seconds()
        with threadpool_limits(limits=1, user_api="blas"):
            for seed, missing in rounds:
                if missing and self._is_decided():
                    self._left = self._done
                    break
                if missing and not self._train(CONFIRM, missing, seed, self._fresh(seed)):
                    return False
            return self._look_once(found, trials, self._seeds(seeds))

    def _divided(self, seeds: int) -> int:
        """Into how many parts the images are divided, one for each seed; 0: not.

        That stays as it was at first, or parts of seeds would come to share images.
        """
        images = self._spec.confirm.images
        if images == "halves" and (seeds % 2 or seeds < 4):
            raise UserError(
                f'confirm.seeds = {seeds}: accepted with confirm.images = "halves" are even '
                "numbers from 4 on"
            )
        if images != "shards":
            return 2 if images == "halves" else 0
        before = planned(self._into)
        parts = seeds if before is None else before.parts
        if seeds > parts:
            raise UserError(
                f'confirm.seeds = {seeds}: with confirm.images = "shards" the images were divided '
                f"into {parts} parts, one for each seed; accepted are {parts} or fewer"
            )
        return parts

    def _looks(self, seeds: int, *, each: bool) -> Plan:
        """When one looks, with what was planned before."""
        before = planned(self._into)
        there = complete_seeds(before, trainings(self._into))
        return planned_further(plan_of(before), there, seeds, each=each)

    def _is_decided(self) -> bool:
        found = self._found()
        return found is not None and found.is_decided

    def _seeds(self, asked: int) -> int:
        """By how many seeds the verdict is, where it needed fewer than asked for."""
        found = self._found()
        decided = found is not None and found.is_decided
        return found.look or asked if decided and found is not None else asked

    def _found(self) -> Confirmation | None:
        return self._retry.until(partial(read_confirmation, self.study, self.storage))

    def _look_once(self, found: Answer, trials: list[FrozenTrial], seeds: int) -> bool:
        assert self.setup is not None
        if not len(self.setup.plan.outer):
            return True
        name = self._looked_at()
        # Also where it is no longer among the best.
        those = arms_of(found, trials, [each for each in found.ranking if arm_name(each) == name])
        pair = {name, *(arm.against for arm in those if arm.name == name)}
        chosen = [arm for arm in those if arm.name in pair]
        setup = self.setup.with_plan(outer_plan(self.setup.plan))
        rounds = [(seed, self._missing(FINAL, chosen, seed)) for seed in range(1, seeds + 1)]
        self._left += sum(len(missing) for _, missing in rounds)
        return all(self._train(FINAL, missing, seed, setup) for seed, missing in rounds if missing)

    def _looked_at(self) -> str | None:
        """The candidate of the final look; once chosen it stays, also where the look was cut short.

        None where none has an effect to choose by.
        """
        if study_attributes(self._into).looked_at is None:
            found = read_confirmation(self.study, self.storage)
            # Earlier versions did not store what they chose.
            begun = [e.arm for e in trainings(self._into) if e.role == FINAL and e.arm != e.against]
            if names := begun or ([] if found is None else [found.best.name]):
                write_study(self._into, looked_at=names[0])
        # Another process may have chosen at the same time: what is stored holds for both.
        return study_attributes(self._into).looked_at

    def _missing(self, role: str, wanted: Sequence[Arm], seed: int) -> list[Arm]:
        there = {(e.role, e.arm, e.seed) for e in trainings(self._into)}
        return [arm for arm in wanted if (role, arm.name, seed) not in there]

    def _fresh(self, seed: int) -> Setup:
        assert self.setup is not None
        drawn = (self._spec.data.seed, _CONFIRMING, seed)
        data, whole = self.setup.dataset, self.setup.plan
        if not self._parts:
            return self.setup.with_plan(deal_again(whole, data.labels, drawn, groups=data.groups))
        halves = self._spec.confirm.images == "halves"
        # Drawn once for all seeds that share the images between them.
        division = (*drawn[:2], 0, (seed + 1) // 2 if halves else 0)
        parts = deal_again(whole, data.labels, division, groups=data.groups, folds=self._parts)
        inside = parts.held_out[(seed - 1) % self._parts]
        plan = deal_again(whole, data.labels, drawn, groups=data.groups, inside=inside)
        check_part(self._spec, self.setup, plan, self._parts)
        return self.setup.with_plan(plan)

    def _train(self, role: str, wanted: Sequence[Arm], seed: int, setup: Setup) -> bool:
        """Trains arms by one seed, as many at a time as the population has slots."""
        drawn = np.random.SeedSequence([self._spec.study.seed, _CONFIRMING, seed])
        spec = self._spec.with_values({"study.seed": int(drawn.generate_state(1)[0] & 0x7FFFFFFF)})
        training = Training(spec, setup)
        waiting = iter(wanted)
        while together := list(islice(waiting, training.slots)):
            runs = [self._run(role, arm, seed, training, setup) for arm in together]
            slots = [*runs, *[None] * (training.slots - len(runs))]
            while any(run.end is None for run in runs):
                if self.stop():
                    return False
                for _ in training.advance(slots):
                    pass
                self._tell(runs)
            for run in runs:
                self._store(run)
            self._tell([])
        return True

    def _run(self, role: str, arm: Arm, seed: int, training: Training, setup: Setup) -> ArmRun:
        methods = training.methods(arm.method)
        if method_of(arm.config) not in methods:
            # A baseline with settings of its own.
            methods = ()
        program = program_of(
            arm.config, setup.image_shape, setup.samples, methods, classes=setup.classes
        )
        return ArmRun(
            arm.config,
            program,
            hyperparameters_of(arm.config, methods, program.family),
            arm=arm,
            seed=seed,
            role=role,
            # Images of a part are numbered within it, and no seed's are another's.
            of_images=role == FINAL or not self._parts,
            storage=self.storage,
        )

    def _store(self, run: ArmRun) -> None:
        self._retry.until(partial(run.store, self._into))
        self._done += 1
        self.log("confirmed", study=self.study.study_name, arm=run.arm.name, seed=run.seed)

    def _tell(self, flying: Sequence[ArmRun]) -> None:
        partly = sum(run.chunks for run in flying) / self._spec.train.chunks
        elapsed = time.monotonic() - self.begun
        behind, idle = self._done + partly, self._prepared + compiling_seconds()
        self.watch(
            Progress(
                study=f"{self.study.study_name}, confirming",
                phase="confirming",
                total=self._left,
                complete=self._done,
                running=len(flying),
                pruned=0,
                failed=0,
                best_score=None,
                best_number=None,
                baseline_score=None,
                elapsed=elapsed,
                training=0.0,
                partial=partly,
                remaining=seconds_left(elapsed - idle, behind, self._left - behind),
            )
        )
