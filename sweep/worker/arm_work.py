"""A worker's part in a confirmation: the loop of a search, on trials that are arms by seeds.

What is trained follows from the database alone: after each look the seeds up to the next, and in
the end the look at images that were held out. So it does not depend on who trains, or how many.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import optuna
from optuna.trial import TrialState

from normsweep.engine.compiling import compiling_seconds
from normsweep.engine.devices import local_devices
from normsweep.engine.settings import hyperparameters_of, method_of, program_of
from normsweep.errors import UserError
from normsweep.score.run import Failed
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.storage import clear_measurements
from normsweep.storage.heartbeat import GRACE
from normsweep.storage.influences import clear_influences
from normsweep.storage.taking import take
from normsweep.storage.telling import Ending, tell
from normsweep.storage.workers import claimed
from normsweep.study.attributes import (
    CONFIRM,
    FINAL,
    OPEN,
    PAUSED,
    REPLICATE,
    ArmAttributes,
    Planned,
    arm_of,
    exchange_planned,
    of_withdrawn,
    reason_of,
    study_attributes,
    write_study,
)
from normsweep.study.confirmation import (
    Arm,
    arms_by_name,
    conclude,
    first_of_each,
    planned,
    trainings,
)
from normsweep.study.confirming import PHASE, ended_of, progress_of_confirmation
from normsweep.study.control import ENDED, control
from normsweep.study.counted import Counted
from normsweep.study.progress import unwatched
from normsweep.study.queue import Queue
from normsweep.study.rounds import Round, make_rounds
from normsweep.verdict.answers import answer
from normsweep.verdict.arms import arm_name, arms, arms_of
from normsweep.verdict.race import race, raced
from normsweep.verdict.reading import Confirmation, complete_seeds, plan_of, read_confirmation
from normsweep.verdict.statistics.looks import looks
from normsweep.worker.arm_run import ArmRun
from normsweep.worker.loop import Work
from normsweep.worker.trial_run import TrialRun, write_begin

CONFIRMING, REPLICATING = 0xC0F1, 0x4E7E
"""Sets what is drawn for a confirmation apart from what the search drew from the same seed; and
that from what was drawn to choose what is confirmed, which its verdict must not rest on."""


def drawn_for(role: str) -> int:
    """What sets draws for a role apart from others by the same seed."""
    return REPLICATING if role == REPLICATE else CONFIRMING


@dataclass
class ArmWork(Work):
    """One worker's part in the confirmation of `searched`; `study` is the one that holds it.

    `deal` gives data and folds of a round. It `heeds` whether the study was paused or stopped
    before it began; one that its user has called for afterwards does not.
    """

    searched: optuna.Study = field(kw_only=True)
    deal: Callable[[Round], Setup] = field(kw_only=True)
    heeds: bool = field(default=True, kw_only=True)
    _round: Round = field(default_factory=Round)
    _arms: dict[str, Arm] = field(default_factory=dict)
    _was: str = OPEN
    _most_slots: int | None = None
    _found: tuple[Planned, int, Confirmation | None] | None = None

    def __post_init__(self) -> None:
        # Of a confirmation no state is kept.
        self.spec = self.spec.with_values({"service.keep_checkpoints": 0})
        self.training = Training(self.spec, self.setup)
        # The search has trained these configs: whatever its workers die of, they are not to blame,
        # and a training given up would count as a seed on which they diverged.
        retries, worker = sys.maxsize, self.heartbeat.worker.worker
        self.queue = Queue(self.study, self.storage, worker, self._round, retries, GRACE)

    def _prepare(self) -> None:
        """A round brings its own slots."""

    def _start(self) -> None:
        # Once: a rest, or a call that is made again, changes neither.
        if self._ended_before is None:
            if not self.heeds:
                self._was = control(self.searched)
            self._ended_before = ended_of(self.study)
        super()._start()

    def wanted(self) -> str:
        # A search may well have been stopped to be confirmed as it is.
        found = control(self.searched)
        return OPEN if found in (OPEN, ENDED, self._was) else found

    def _unfinished(self) -> bool:
        return bool(self._open())

    def _fill(self) -> None:
        """Takes arms of one round."""
        if not any(self._slots):
            found = self._next()
            if found is None:
                return
            self._enter(found)
        # They come and go between two of its looks, and a round is short.
        self._others = self._other_workers()
        super()._fill()

    def _next(self) -> Round | None:
        """The first round with a trial that nobody has; the trials of all that may be are made."""
        rounds = self._open()
        if not rounds:
            return None
        arms = {name: self._arm(name) for each in rounds for name in each.arms}
        make_rounds(self.study, self.storage, rounds, arms)
        taken = claimed(self.storage.engine)
        trials = first_of_each(self.study.get_trials(deepcopy=False))
        free = {
            key
            for key, trial in trials.items()
            if trial.state == TrialState.WAITING and trial._trial_id not in taken
        }
        return next((each for each in rounds if each.keys & free), None)

    def _open(self) -> list[Round]:
        """The rounds that are to be trained before anything is decided anew; none in the end."""
        wanted = planned(self.study)
        if wanted is None:
            return []
        trained = trainings(self.study)
        if not wanted.arms:
            heat, wanted = self._race(wanted, trained)
            if heat is not None:
                return [heat]
        complete = complete_seeds(wanted, trained)
        rounds = self._until_next_look(wanted, complete)
        there = {(e.role, e.arm, e.seed) for e in trained}
        if open_rounds := [each for each in rounds if not each.keys <= there]:
            return open_rounds
        rounds = self._final(wanted, complete)
        open_rounds = [each for each in rounds if not each.keys <= there]
        if not open_rounds:
            self._withdraw()
            if study_attributes(self.study).concluded != wanted:
                conclude(self.study, wanted)
        return open_rounds

    def _withdraw(self) -> None:
        """Ends what an earlier plan asked for and nobody does any more, or it would wait for ever.

        Where it is asked for again, it is made anew.
        """
        engine, worker = self.storage.engine, self.heartbeat.worker.worker
        for trial in self.study.get_trials(deepcopy=False):
            waits = trial.state == TrialState.WAITING and arm_of(trial) is not None
            if waits and take(engine, trial._trial_id, worker):
                ending = Ending(TrialState.FAIL, user_attrs=of_withdrawn())
                tell(engine, trial._trial_id, worker, ending=ending)
                self._checkpoints.tidy(trial.number, self.queue.trials)

    def _race(
        self, wanted: Planned, trained: Sequence[ArmAttributes]
    ) -> tuple[Round | None, Planned]:
        """What trains next of the replicates; in the end none, and the plan with its arms."""
        found = answer(self.searched)
        running = race(found, trained, wanted.top, wanted.replicates)
        if running.next is not None:
            seed, names = running.next
            return Round(role=REPLICATE, seed=seed, arms=names), wanted
        trials = self.searched.get_trials(deepcopy=False)
        chosen = arms(raced(found, running), trials, wanted.top)
        made = replace(wanted, arms=arms_by_name(chosen))
        if exchange_planned(self.study, self.storage, wanted, made):
            return None, made
        # Whoever else is as far writes the same; what somebody asks for meanwhile holds.
        newer = planned(self.study)
        assert newer is not None
        return (None, newer) if newer.arms else self._race(newer, trainings(self.study))

    def _until_next_look(self, wanted: Planned, complete: int) -> list[Round]:
        if complete >= wanted.seeds or self._is_over(wanted, complete):
            return []
        ahead = (look for look in looks(plan_of(wanted)) if look > complete)
        last = min(next(ahead, wanted.seeds), wanted.seeds)
        names = tuple(wanted.arms)
        return [Round(role=CONFIRM, seed=k, arms=names) for k in range(1, last + 1)]

    def _final(self, wanted: Planned, complete: int) -> list[Round]:
        """The look at images that were held out, by as many seeds as the verdict needed."""
        if not len(self.setup.plan.outer):
            return []
        found = self._reading(wanted, complete)
        name = self._looked_at(found)
        if name is None:
            return []
        # Also where it is no longer among the best.
        names = tuple({self._arm(name).against: None, name: None})
        over = found is not None and found.is_over
        seeds = found.look or wanted.seeds if over and found is not None else wanted.seeds
        return [Round(role=FINAL, seed=k, arms=names) for k in range(1, seeds + 1)]

    def _looked_at(self, found: Confirmation | None) -> str | None:
        """The candidate of the final look; once chosen it stays, also where the look was cut short.

        None where none has an effect to choose by.
        """
        if study_attributes(self.study).looked_at is None:
            # Earlier versions did not store what they chose.
            begun = [e.arm for e in trainings(self.study) if e.role == FINAL and e.arm != e.against]
            if names := begun or ([] if found is None else [found.best.name]):
                write_study(self.study, looked_at=names[0])
        # Another process may have chosen at the same time: what is stored holds for both.
        return study_attributes(self.study).looked_at

    def _is_over(self, wanted: Planned, complete: int) -> bool:
        found = self._reading(wanted, complete)
        return found is not None and found.is_over

    def _reading(self, wanted: Planned, complete: int) -> Confirmation | None:
        """What is confirmed by so many seeds, read once: it takes long, and stays as it is."""
        if self._found is None or self._found[:2] != (wanted, complete):
            self._found = wanted, complete, read_confirmation(self.searched, self.storage)
        return self._found[2]

    def _arm(self, name: str) -> Arm:
        if name not in self._arms:
            found = answer(self.searched)
            trials = self.searched.get_trials(deepcopy=False)
            wanted = planned(self.study)
            names = {name} if wanted is None else {name, *wanted.arms}
            chosen = [entry for entry in found.ranking if arm_name(entry) in names]
            if found.baseline is not None:
                self._arms |= {arm.name: arm for arm in arms_of(found, trials, chosen)}
        if name not in self._arms:
            raise UserError(
                f"study {self.searched.study_name!r} has no score of {name!r} any more, which its "
                "confirmation is about; `sweep confirm` plans it anew"
            )
        return self._arms[name]

    def _enter(self, found: Round) -> None:
        """Sets what is trained to a round. Only between trials: each has folds of its own."""
        if found == self._round:
            return
        setup, slots = self.deal(found), self._slots_for(found)
        drawn = np.random.SeedSequence([self.spec.study.seed, drawn_for(found.role), found.seed])
        seed = int(drawn.generate_state(1)[0] & 0x7FFFFFFF)
        changed = self.spec.with_values({"study.seed": seed, "study.slots": slots})
        self.training = Training(changed, setup)
        self._checkpoints = replace(self._checkpoints, training=self.training)
        self._slots = [None] * slots
        self.queue = replace(self.queue, plan=found)
        self._round = found

    def _slots_for(self, found: Round) -> int:
        """As many as the search has; where members run together, no more than a round can fill."""
        if self._most_slots is None:
            # By what fits, if the spec says so: found once.
            self._most_slots = self.training.slots
        # One after the other an empty one costs nothing, and the search's program is compiled.
        if local_devices()[0].platform == "cpu":
            return self._most_slots
        return min(self._most_slots, len(found.arms))

    def _begin(self, trial: optuna.Trial, slot: int) -> ArmRun:
        """Finds the program of an arm, and goes on with it where another worker was."""
        said = arm_of(trial)
        assert said is not None
        arm, training, setup = self._arm(said.arm), self.training, self.training.setup
        methods = training.methods(arm.method)
        if method_of(arm.config) not in methods:
            # A baseline with settings of its own.
            methods = ()
        program = program_of(
            arm.config, setup.image_shape, setup.samples, methods, classes=setup.classes
        )
        write_begin(self.storage.engine, trial, arm.config, arm.method)
        run = ArmRun(
            # By the seed that it is trained with checkpoints are known.
            arm.config.with_values({"study.seed": training.spec.study.seed}),
            program,
            hyperparameters_of(arm.config, methods, program.family),
            trial=trial,
            training=training,
            # Images of a part are numbered within it, and no seed's are another's.
            of_images=said.role == FINAL
            or (said.role == CONFIRM and self.spec.confirm.images == "these"),
        )
        with training.heeding_faults([run]):
            self._checkpoints.resume(run, slot)
        if not run.chunks:
            clear_measurements(self.storage.engine, trial._trial_id)
            clear_influences(self.storage.engine, trial._trial_id)
        self.log("arm taken", **self._facts(trial), step=run.steps)
        return run

    def _facts(self, trial: optuna.Trial | optuna.trial.FrozenTrial) -> dict[str, object]:
        said = arm_of(trial)
        assert said is not None
        return {"study": self.searched.study_name, "arm": said.arm, "seed": said.seed}

    def _say_end(self, ended: optuna.trial.FrozenTrial) -> None:
        reason = reason_of(ended)
        why = {} if ended.state == TrialState.COMPLETE or reason is None else {"reason": reason}
        self.log("confirmed", **self._facts(ended), **why)

    def _store(self) -> None:
        super()._store()
        # After all others, whose scores are not to be found again.
        for run in filter(None, self._slots):
            if isinstance(run.end, Failed) and run.end.raised:
                self._fail(run.trial, run.end.reason)

    def _ended(self, run: TrialRun) -> bool:
        raised = isinstance(run.end, Failed) and run.end.raised
        return not raised and super()._ended(run)

    def _fail(self, trial: optuna.Trial, reason: str) -> None:
        """Leaves it to others, or to a later call: failed, it would be a seed that diverged."""
        self.queue.give_back(trial._trial_id)
        facts = self._facts(trial)
        raise UserError(
            f"{facts['arm']}, seed {facts['seed']}: {reason}; nothing finished is lost, and the "
            "confirmation goes on when it is called again"
        )

    def _should_prune(self, run: TrialRun) -> bool:
        return False

    def _stop_if_due(self) -> None:
        """How long it goes on is for the looks to say."""

    def _goes_before(self, run: TrialRun, counted: Counted) -> bool:
        # Two baselines may be of one config.
        return False

    def tell(self, phase: str) -> None:
        """Tells who watches how far the confirmation is."""
        if self.watch is unwatched:
            return
        told = progress_of_confirmation(
            self.spec,
            self.study,
            self._ended_before or 0,
            self.begun,
            final=len(self.setup.plan.outer),
            idle=(self._prepared or 0.0) + compiling_seconds(),
            phase=PAUSED if phase == PAUSED else PHASE,
        )
        if told.total:
            self.watch(told)
