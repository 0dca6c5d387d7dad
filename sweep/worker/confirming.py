"""Plans the confirmation of a study, and takes part in it with whoever else does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from normsweep.data.decoding import Watch
from normsweep.data.decoding import unwatched as nobody
from normsweep.data.folds import deal_again, outer_plan
from normsweep.engine.devices import use_all_cores
from normsweep.errors import UserError
from normsweep.score.setup import Setup, check_part, prepare
from normsweep.spec.fields import ServiceSection
from normsweep.spec.spec import Spec
from normsweep.storage.events import Log, no_log
from normsweep.storage.retry import Retry, Stopped
from normsweep.study.attributes import CONFIRM, FINAL, REPLICATE, study_attributes
from normsweep.study.confirmation import (
    find_confirmation,
    open_confirmation,
    plan_confirmation,
    planned,
    trainings,
)
from normsweep.study.confirming import ended_of, is_unconcluded, progress_of_confirmation
from normsweep.study.control import telling_deletion
from normsweep.study.progress import Progress, Watcher, unwatched
from normsweep.study.records import check_same_data, checked_spec, study_spec
from normsweep.study.rounds import Round
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arms, candidates
from normsweep.verdict.race import race, raced
from normsweep.verdict.reading import complete_seeds, plan_of
from normsweep.verdict.scaled import SEEDS
from normsweep.verdict.statistics.looks import Plan, planned_further
from normsweep.worker.arm_work import ArmWork, drawn_for
from normsweep.worker.part import take_part


def is_to_confirm(study: optuna.Study, storage: RDBStorage) -> bool:
    """Whether workers that find a study searched have its confirmation to train.

    One that is planned, and not done; or that its spec wants, and nobody has planned. A study
    without the scores of a baseline and of another config has nothing to confirm.
    """
    if planned(find_confirmation(study, storage)) is not None:
        return is_unconcluded(study, storage)
    return is_wanted(study)


def is_wanted(study: optuna.Study) -> bool:
    """Whether the spec of a study wants it confirmed, and there is something to confirm."""
    if not study_spec(study).confirm.seeds:
        return False
    found = answer(study)
    return found.baseline is not None and bool(candidates(found, 1))


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
    files: str | Path | None = None
    watch: Watcher = unwatched
    stop: Callable[[], bool] = lambda: False
    log: Log = no_log
    decoding: Watch = nobody
    rests: bool = True
    begun: float = field(default_factory=time.monotonic)
    _spec: Spec = field(init=False)
    _into: optuna.Study = field(init=False)
    _parts: int = 0
    _before: int | None = None
    _since: float = 0.0

    def run(
        self, top: int | None = None, seeds: int | None = None, replicates: int | None = None
    ) -> bool:
        """Trains the best `top` and the baseline by `seeds` seeds at most; whether all is done.

        Which those are, `replicates` trainings at most say before. By default as many as the spec
        says; it ends with the look at which there is a word. Then, if images were held out for it,
        has the baseline and the best of them judged by these: once, whatever is confirmed later.
        Others that confirm the study at the same time share the training; what was asked for last
        holds for all of them. Raises `UserError` where the study has no scores yet, or was made
        with other data.
        """
        return self._work(partial(self._plan, top, seeds, replicates), heeds=False)

    def run_if_wanted(self) -> bool:
        """The same as the spec of a study that was searched says, and nothing where it does not."""
        return self._work(self._plan_as_wanted)

    def join(self) -> bool:
        """Takes part in what is planned; where nothing is, in what the spec says."""

        def plan() -> bool:
            if is_unconcluded(self.study, self.storage):
                return self._open()
            return is_to_confirm(self.study, self.storage) and self._plan()

        return self._work(plan)

    def look(self) -> Progress | None:
        """For who has workers confirm a searched study: how far they are; None when it is done.

        The first time plans what the spec says.
        """
        if self._before is None:
            if not self._plan_as_wanted():
                return None
            self._before, self._since = ended_of(self._into), time.monotonic()
        with telling_deletion(self._into):
            ended_of(self._into)
        if not is_unconcluded(self.study, self.storage):
            return None
        assert self.setup is not None
        final = len(self.setup.plan.outer)
        return progress_of_confirmation(
            self._spec, self._into, self._before, self._since, final=final
        )

    def _plan_as_wanted(self) -> bool:
        """Plans what the spec says, or opens what another has planned and not done; if any."""
        if is_wanted(self.study):
            return self._plan()
        return is_unconcluded(self.study, self.storage) and self._open()

    def _work(self, plan: Callable[[], bool], *, heeds: bool = True) -> bool:
        """Trains what is planned, if anything is; whether nothing is left."""
        use_all_cores()
        patience = ServiceSection().storage_patience
        retry = Retry.with_storage(self.storage, patience, self.log)
        try:
            retry.seconds = retry.until(
                partial(checked_spec, self.study), self.stop
            ).service.storage_patience
            if not retry.until(plan, self.stop):
                return True
        except Stopped:
            return False
        assert self.setup is not None
        with telling_deletion(self._into), telling_deletion(self.study):
            return take_part(
                self._spec,
                self.setup,
                self._into,
                self.storage,
                files=self.files,
                watch=self.watch,
                stop=self.stop,
                log=self.log,
                begun=self.begun,
                rests=self.rests,
                kind=partial(ArmWork, searched=self.study, deal=self._deal, heeds=heeds),
            ).done

    def _plan(
        self, top: int | None = None, seeds: int | None = None, replicates: int | None = None
    ) -> bool:
        """Stores what is to be trained. May fail at any point and be called again."""
        spec = checked_spec(self.study)
        wanted = spec.confirm
        top = wanted.top if top is None else top
        seeds = (wanted.seeds or SEEDS) if seeds is None else seeds
        replicates = wanted.replicates if replicates is None else replicates
        found, trials = answer(self.study), self.study.get_trials(deepcopy=False)
        # Raises where there is nothing to confirm, before anything is made.
        arms(found, trials, top)
        self._open()
        self._parts = self._divided(seeds)
        if self._parts:
            # Too few images in a part are told before anything is written.
            self._fresh(1)
        looks = self._looks(seeds, each=wanted.looks == "each")
        before = planned(self._into)
        begun = before is not None and before.arms
        if before is not None and begun:
            # Who races when there is a verdict to see chooses by it.
            replicates = before.replicates
        if found.scaled is not None:
            # All of its configs are confirmed.
            replicates = 0
        running = race(found, trainings(self._into), top, replicates)
        over = running.next is None or begun
        chosen = arms(raced(found, running), trials, top) if over else []
        plan_confirmation(self._into, top, seeds, chosen, looks, self._parts, replicates)
        return True

    def _open(self) -> bool:
        self._spec = checked_spec(self.study)
        if self.setup is None:
            known = study_attributes(self.study).fingerprints
            self.setup = prepare(self._spec, self.decoding, known=known)
        check_same_data(self.study, self.setup.fingerprints())
        self._into = open_confirmation(self.study, self.storage)
        before = planned(self._into)
        self._parts = 0 if before is None else before.parts
        return True

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

    def _deal(self, of: Round) -> Setup:
        """Data and folds of a round."""
        assert self.setup is not None
        if of.role == FINAL:
            return self.setup.with_plan(outer_plan(self.setup.plan))
        return self._fresh(of.seed, of.role)

    def _fresh(self, seed: int, role: str = CONFIRM) -> Setup:
        assert self.setup is not None
        drawn = (self._spec.data.seed, drawn_for(role), seed)
        data, whole = self.setup.dataset, self.setup.plan
        # What is confirmed is chosen as the search chose: by all images.
        if not self._parts or role == REPLICATE:
            return self.setup.with_plan(deal_again(whole, data.labels, drawn, groups=data.groups))
        halves = self._spec.confirm.images == "halves"
        # Drawn once for all seeds that share the images between them.
        division = (*drawn[:2], 0, (seed + 1) // 2 if halves else 0)
        parts = deal_again(whole, data.labels, division, groups=data.groups, folds=self._parts)
        inside = parts.held_out[(seed - 1) % self._parts]
        plan = deal_again(whole, data.labels, drawn, groups=data.groups, inside=inside)
        check_part(self._spec, self.setup, plan, self._parts)
        return self.setup.with_plan(plan)
