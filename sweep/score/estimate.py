"""What a study takes before it is begun: programs, memory, and time, by a few steps of its own."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution

from normsweep.engine.compiling import compiling_seconds
from normsweep.engine.devices import available_cores, local_devices
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.errors import UserError
from normsweep.models.program import Program
from normsweep.score.auto import SHARE, bases
from normsweep.score.memory import memory_of
from normsweep.score.run import Failed, Run
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.spec.auto import auto_fields, provisional
from normsweep.spec.baseline import baseline
from normsweep.spec.fields import FACTS
from normsweep.spec.space import METHOD, middle, resolve, walk
from normsweep.spec.spec import Spec
from normsweep.study.plan import plan_of

STEPS = 20
"""Steps that are timed, after as many that are not."""
MOST_WAYS = 256
"""Ways through what a spec searches that are looked at for their programs."""


@dataclass(frozen=True)
class Estimate:
    """What a study takes.

    `programs` are those that its trials may need, `at_least` so many where a spec has more ways
    than are looked at. `memory` is of one worker, in bytes. Seconds: `compiling` one program, one
    `step` of all `members` in flight, and what comes after a `chunk` of theirs, samples and scores;
    `measuring` the ranges that are "auto", the `search`, and the `confirmation` with all the seeds
    that its spec gives it.
    """

    programs: int
    at_least: bool
    slots: int
    folds: int
    memory: int
    trials: int
    cores: int
    compiling: float
    step: float
    chunk: float
    measuring: float
    search: float
    confirmation: float

    @property
    def members(self) -> int:
        """Models in training at a time."""
        return self.slots * self.folds

    @property
    def seconds(self) -> float:
        """The study from its submission to its verdict."""
        return self.programs * self.compiling + self.measuring + self.search + self.confirmation

    @property
    def core_hours(self) -> float:
        """All cores for all of that time."""
        return self.seconds * self.cores / 3600


def estimate(spec: Spec, setup: Setup) -> Estimate:
    """What the study of a spec takes of this machine, trained by one worker.

    Compiles its baseline's program for 20 steps, and trains these twice in all slots that the
    study has trials for.
    """
    known = provisional(spec)
    training = Training(known, setup)
    found = list(islice(_programs(known, training), MOST_WAYS + 1))
    trials, confirm = plan_of(known).total, known.confirm
    train, slots = known.train, min(training.slots, trials)
    compiling, step, chunk = _timed(known, training, slots)
    # A trial by itself takes its share of the slots: members run one after the other.
    trial = (train.steps * step + train.chunks * chunk) / slots
    arms = min(confirm.top, trials - 1) + 1
    trainings = confirm.seeds * (arms + (2 if confirm.holdout else 0))
    trainings += confirm.replicates if confirm.seeds else 0
    part = -(-train.chunks // SHARE) / train.chunks
    return Estimate(
        programs=len(set(found[:MOST_WAYS])),
        at_least=len(found) > MOST_WAYS,
        slots=slots,
        folds=known.score.folds,
        memory=memory_of(setup, known),
        trials=trials,
        cores=len(available_cores()),
        compiling=compiling,
        step=step,
        chunk=chunk,
        measuring=len(bases(spec)) * part * trial if auto_fields(spec) else 0.0,
        search=trials * trial,
        confirmation=trainings * trial,
    )


def _programs(known: Spec, training: Training) -> Iterator[Program]:
    """The program of each way through what is searched, the baseline's first; some may be equal."""
    yield _program(baseline(known), None, training)

    def points(name: str, asked: BaseDistribution) -> list[Any]:
        facts = None if name == METHOD else FACTS.get(".".join(name.split(".")[-2:]))
        if facts is not None and facts.traced:
            return [middle(asked)]
        if isinstance(asked, CategoricalDistribution):
            return list(asked.choices)
        if name.split(".")[-2] == "coefficients":
            return [middle(asked)]
        return _values(asked)

    for answers in walk(known, points):

        def ask(name: str, _: BaseDistribution, answers: dict[str, Any] = answers) -> Any:
            return answers[name]

        config, method = resolve(known, ask)
        yield _program(config, method, training)


def _values(asked: Any) -> list[Any]:
    """The whole numbers of a range, and the ends and the middle of one of others."""
    if isinstance(asked.low, int):
        return list(range(asked.low, asked.high + 1, asked.step))[:MOST_WAYS]
    return list(dict.fromkeys((asked.low, middle(asked), asked.high)))


def _program(config: Spec, method: str | None, training: Training) -> Program:
    setup = training.setup
    methods = training.methods(method)
    return program_of(config, setup.image_shape, setup.samples, methods, classes=setup.classes)


def _timed(known: Spec, training: Training, slots: int) -> tuple[float, float, float]:
    """Seconds of a compilation, of a step of so many slots, and of what comes after their chunk."""
    config = baseline(known)
    whole = _program(config, None, training)
    program = replace(whole, steps=max(whole.steps, 2 * STEPS), chunk_steps=STEPS)
    numbers = hyperparameters_of(config, program.methods, program.family)
    runs = [Run(config, program, numbers) for _ in range(slots)]
    compiled = compiling_seconds()
    _advance(runs, training)
    compiling = compiling_seconds() - compiled
    training.seconds, begun = 0.0, time.monotonic()
    _advance(runs, training)
    trained, judged = training.seconds, time.monotonic() - begun - training.seconds
    # Once compiled: the samples of one run, on one of the devices.
    list(training.untrained(runs[0]))
    begun = time.monotonic()
    list(training.untrained(runs[0]))
    side_by_side = min(len(local_devices()), known.score.folds * slots)
    sampled = (time.monotonic() - begun) * slots / side_by_side
    return compiling, max(trained - sampled, trained / 2) / STEPS, sampled + max(judged, 0.0)


def _advance(runs: list[Run], training: Training) -> None:
    # Slots that are left over stay empty.
    for _ in training.advance([*runs, *[None] * (training.slots - len(runs))]):
        pass
    for run in runs:
        if isinstance(run.end, Failed):
            raise UserError(
                f"the baseline cannot be timed: it has no score: {run.end.reason}; accepted: "
                "settings with which it trains"
            )
        # A study of one chunk has been through all of its chunks.
        run.end = None


def in_words(seconds: float) -> str:
    """A time such as `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
