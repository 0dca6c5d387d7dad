"""A config in training, and one that is a trial of the search: from asked for to told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState
from sqlalchemy import Engine

from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.engine.versions import versions
from normsweep.models.hyperparameters import Hyperparameters
from normsweep.models.method import Method
from normsweep.models.program import Program
from normsweep.objectives.distances import cost, scored
from normsweep.score.setup import Setup
from normsweep.spec.baseline import baseline
from normsweep.spec.space import resolve
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement, write_measurements
from normsweep.study.records import BASELINE, RESULT, role


@dataclass
class Run:
    """A config in training, with its scores so far.

    `fold_scores` has an array [objectives, folds] for each chunk, `recorded` the mean over folds of
    whatever else was measured, `unstored` the rows that the database has not seen. What is over has
    an `end`, which waits to be told.
    """

    config: Spec
    program: Program
    hyperparameters: Hyperparameters
    fold_scores: list[np.ndarray] = field(default_factory=list)
    recorded: list[dict[str, float]] = field(default_factory=list)
    unstored: list[Measurement] = field(default_factory=list)
    end: Callable[[optuna.Study], None] | None = None

    @property
    def chunks(self) -> int:
        """Chunks trained so far."""
        return len(self.fold_scores)

    def add_chunk(self, rows: list[Measurement]) -> None:
        """Takes the measurements of a chunk, one for each fold."""
        metrics = self.config.score.objectives
        scores = [[scored(metric, row.value(metric)) for row in rows] for metric in metrics]
        self.fold_scores.append(np.array(scores))
        self.unstored += rows
        names = dict.fromkeys(name for row in rows for name in row.others)
        self.recorded.append(
            {n: float(np.mean([r.others[n] for r in rows if n in r.others])) for n in names}
        )

    def begin_alone(self, setup: Setup) -> None:
        """Begins anew in a program that holds no other method; the scores will be the same."""
        self.program = program_of(self.config, setup.image_shape, setup.samples)
        self.hyperparameters = hyperparameters_of(self.config)
        for kept in (self.fold_scores, self.recorded, self.unstored):
            kept.clear()

    def final_chunk(self) -> int:
        """The index of the chunk whose score is the trial's."""
        if self.config.score.at == "final":
            return self.chunks - 1
        metric = self.config.score.metric
        return int(np.argmin([cost(metric, float(s[0].mean())) for s in self.fold_scores]))

    def result(self, chunk: int) -> dict[str, Any]:
        """What is stored of the scores at a chunk, as plain data."""
        scores = self.fold_scores[chunk]
        found = {
            "fold_scores": scores[0].tolist(),
            "standard_error": standard_error(scores[0]),
            "step": (chunk + 1) * self.program.chunk_steps,
            "recorded": self.recorded[chunk],
        }
        if len(scores) > 1:
            found["second_fold_scores"] = scores[1].tolist()
        return found

    def failing(self, reason: str) -> Callable[[optuna.Study], None]:
        """What tells Optuna that there is no score, and why."""
        raise NotImplementedError


@dataclass(kw_only=True)
class TrialRun(Run):
    """A trial of the search in flight.

    It is `undecided` while the pruner was not asked about what was stored. `images` are samples of
    the chunk by which it is scored so far, [folds, n, h, w, c], for its picture; None where another
    worker trained that chunk.
    """

    trial: optuna.Trial
    undecided: bool = False
    images: np.ndarray | None = None

    @property
    def is_baseline(self) -> bool:
        return role(self.trial) == BASELINE

    def store(self, engine: Engine) -> None:
        """Writes what the database has not seen, and reports the mean of every chunk in it.

        What was written by a call that failed in the middle is written over with the same.
        """
        write_measurements(engine, self.unstored)
        # With two objectives Optuna takes no reports; the curves are in our table all the same.
        if len(self.config.score.objectives) == 1:
            # Optuna keeps the first report of a step. A trial taken up again says the same twice.
            stored = self.trial.study._storage.get_trial(self.trial._trial_id)
            for step in sorted(
                {row.step for row in self.unstored} - set(stored.intermediate_values)
            ):
                mean = self.fold_scores[step // self.program.chunk_steps - 1][0].mean()
                self.trial.report(float(mean), step)
        self.unstored.clear()

    def complete(self, study: optuna.Study) -> None:
        """Tells Optuna the score: the mean over folds at the last chunk or at the best one."""
        chosen = self.final_chunk()
        self.trial.set_user_attr(RESULT, self.result(chosen))
        study.tell(self.trial, [float(row.mean()) for row in self.fold_scores[chosen]])

    def prune(self, study: optuna.Study) -> None:
        """Tells Optuna that the trial was not worth its remaining chunks."""
        self.trial.set_user_attr(RESULT, self.result(self.chunks - 1))
        study.tell(self.trial, state=TrialState.PRUNED)

    def failing(self, reason: str) -> Callable[[optuna.Study], None]:
        """What tells Optuna that the trial has no score, and why."""

        def fail(study: optuna.Study) -> None:
            self.trial.set_user_attr("reason", reason)
            study.tell(self.trial, state=TrialState.FAIL)

        return fail


def standard_error(scores: np.ndarray) -> float:
    """The standard error of the mean over folds: sample deviation over √folds."""
    # The outer hold-out is one fold.
    return float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


def begin(
    trial: optuna.Trial, spec: Spec, setup: Setup, menu: Callable[[str | None], tuple[Method, ...]]
) -> TrialRun:
    """Asks for the trial's parameters and writes down what it will run.

    `menu` gives the methods that a program holds, for the one that the trial chooses.
    """
    if role(trial) == BASELINE:
        config, method = baseline(spec), None
    else:
        config, method = resolve(spec, lambda name, asked: _suggest(trial, name, asked))
    trial.set_user_attr("config", config.plain())
    if method is not None:
        trial.set_user_attr("method", method)
    trial.set_user_attr("versions", versions())
    methods = menu(method)
    program = program_of(config, setup.image_shape, setup.samples, methods)
    return TrialRun(config, program, hyperparameters_of(config, methods), trial=trial)


def _suggest(trial: optuna.Trial, path: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(path, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(path, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(path, asked.low, asked.high, step=asked.step, log=asked.log)
