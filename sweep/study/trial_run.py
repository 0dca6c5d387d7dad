"""One trial in flight: from being asked for to being told."""

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

from models.program import Hyperparameters, Program
from sweep.engine.settings import hyperparameters_of, program_of
from sweep.prepare import Setup
from sweep.search.space import middle, resolve
from sweep.spec.spec import Spec
from sweep.storage import Measurement
from sweep.study.owner import this_process
from sweep.study.records import BASELINE, role
from sweep.versions import versions


@dataclass
class TrialRun:
    """A trial with its config and its scores so far; `fold_scores` has a row for each chunk."""

    trial: optuna.Trial
    config: Spec
    program: Program
    hyperparameters: Hyperparameters
    fold_scores: list[np.ndarray] = field(default_factory=list)

    @property
    def is_baseline(self) -> bool:
        return role(self.trial) == BASELINE

    @property
    def chunks(self) -> int:
        """Chunks trained so far."""
        return len(self.fold_scores)

    def add_chunk(self, rows: list[Measurement]) -> None:
        """Takes the measurements of a chunk, one for each fold, and reports their mean."""
        metric = self.config.score.metric
        self.fold_scores.append(np.array([getattr(row, metric) for row in rows]))
        step = rows[0].step
        # Optuna keeps the first report of a step. A trial taken up again says the same twice.
        stored = self.trial.study._storage.get_trial(self.trial._trial_id)
        if step not in stored.intermediate_values:
            self.trial.report(float(self.fold_scores[-1].mean()), step)

    def final_chunk(self) -> int:
        """The index of the chunk whose score is the trial's."""
        if self.config.score.at == "final":
            return self.chunks - 1
        return int(np.argmin([scores.mean() for scores in self.fold_scores]))

    def complete(self, study: optuna.Study) -> None:
        """Tells Optuna the score: the mean over folds at the last chunk or at the best one."""
        chosen = self.final_chunk()
        scores = self.fold_scores[chosen]
        self._describe(scores, (chosen + 1) * self.program.chunk_steps)
        study.tell(self.trial, float(scores.mean()))

    def prune(self, study: optuna.Study) -> None:
        """Tells Optuna that the trial was not worth its remaining chunks."""
        self._describe(self.fold_scores[-1], self.chunks * self.program.chunk_steps)
        study.tell(self.trial, state=TrialState.PRUNED)

    def fail(self, study: optuna.Study, reason: str) -> None:
        """Tells Optuna that the trial has no score, and why."""
        self.trial.set_user_attr("reason", reason)
        study.tell(self.trial, state=TrialState.FAIL)

    def _describe(self, scores: np.ndarray, step: int) -> None:
        self.trial.set_user_attr(
            "result",
            {
                "fold_scores": [float(score) for score in scores],
                "standard_error": standard_error(scores),
                "step": step,
            },
        )


def standard_error(scores: np.ndarray) -> float:
    """The standard error of the mean over folds: sample deviation over √folds."""
    return float(np.std(scores, ddof=1) / np.sqrt(len(scores)))


def begin(trial: optuna.Trial, spec: Spec, setup: Setup) -> TrialRun:
    """Asks for the trial's parameters and writes down whose trial it is and what it will run."""
    is_baseline = role(trial) == BASELINE

    def ask(path: str, asked: BaseDistribution) -> Any:
        return middle(asked) if is_baseline else _suggest(trial, path, asked)

    config = resolve(spec, ask, baseline=is_baseline)
    trial.set_user_attr("config", config.plain())
    trial.set_user_attr("versions", versions())
    trial.set_user_attr("worker", this_process())
    shape = setup.dataset.images.shape[1:]
    program = program_of(config, (shape[0], shape[1], shape[2]), setup.samples)
    return TrialRun(trial, config, program, hyperparameters_of(config))


def _suggest(trial: optuna.Trial, path: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(path, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(path, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(path, asked.low, asked.high, step=asked.step, log=asked.log)
