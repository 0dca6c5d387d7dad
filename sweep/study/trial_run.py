"""One trial in flight: from being asked for to being told."""

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

from models.method import Method
from models.program import Hyperparameters, Program
from objectives.distances import cost, scored
from sweep.engine.settings import hyperparameters_of, program_of
from sweep.prepare import Setup
from sweep.search.baseline import baseline
from sweep.search.space import resolve
from sweep.spec.spec import Spec
from sweep.storage import Measurement
from sweep.study.owner import this_process
from sweep.study.records import BASELINE, role
from sweep.versions import versions


@dataclass
class TrialRun:
    """A trial with its config and its scores so far.

    `fold_scores` has an array [objectives, folds] for each chunk, `recorded` the mean over folds of
    whatever else was measured.
    """

    trial: optuna.Trial
    config: Spec
    program: Program
    hyperparameters: Hyperparameters
    fold_scores: list[np.ndarray] = field(default_factory=list)
    recorded: list[dict[str, float]] = field(default_factory=list)

    @property
    def is_baseline(self) -> bool:
        return role(self.trial) == BASELINE

    @property
    def chunks(self) -> int:
        """Chunks trained so far."""
        return len(self.fold_scores)

    def add_chunk(self, rows: list[Measurement]) -> None:
        """Takes the measurements of a chunk, one for each fold, and reports their mean."""
        metrics = self.config.score.objectives
        scores = [[scored(metric, row.value(metric)) for row in rows] for metric in metrics]
        self.fold_scores.append(np.array(scores))
        names = dict.fromkeys(name for row in rows for name in row.others)
        self.recorded.append(
            {n: float(np.mean([r.others[n] for r in rows if n in r.others])) for n in names}
        )
        step = rows[0].step
        # Optuna keeps the first report of a step. A trial taken up again says the same twice.
        stored = self.trial.study._storage.get_trial(self.trial._trial_id)
        # With two objectives Optuna takes no reports; the curves are in our table all the same.
        if len(metrics) == 1 and step not in stored.intermediate_values:
            self.trial.report(float(self.fold_scores[-1][0].mean()), step)

    def final_chunk(self) -> int:
        """The index of the chunk whose score is the trial's."""
        if self.config.score.at == "final":
            return self.chunks - 1
        metric = self.config.score.metric
        return int(np.argmin([cost(metric, float(s[0].mean())) for s in self.fold_scores]))

    def complete(self, study: optuna.Study) -> None:
        """Tells Optuna the score: the mean over folds at the last chunk or at the best one."""
        chosen = self.final_chunk()
        scores = self.fold_scores[chosen]
        self._describe(chosen)
        study.tell(self.trial, [float(row.mean()) for row in scores])

    def prune(self, study: optuna.Study) -> None:
        """Tells Optuna that the trial was not worth its remaining chunks."""
        self._describe(self.chunks - 1)
        study.tell(self.trial, state=TrialState.PRUNED)

    def fail(self, study: optuna.Study, reason: str) -> None:
        """Tells Optuna that the trial has no score, and why."""
        self.trial.set_user_attr("reason", reason)
        study.tell(self.trial, state=TrialState.FAIL)

    def _describe(self, chunk: int) -> None:
        scores = self.fold_scores[chunk]
        result = {
            "fold_scores": scores[0].tolist(),
            "standard_error": standard_error(scores[0]),
            "step": (chunk + 1) * self.program.chunk_steps,
            "recorded": self.recorded[chunk],
        }
        if len(scores) > 1:
            result["second_fold_scores"] = scores[1].tolist()
        self.trial.set_user_attr("result", result)


def standard_error(scores: np.ndarray) -> float:
    """The standard error of the mean over folds: sample deviation over √folds."""
    return float(np.std(scores, ddof=1) / np.sqrt(len(scores)))


def begin(
    trial: optuna.Trial, spec: Spec, setup: Setup, menu: Callable[[str | None], tuple[Method, ...]]
) -> TrialRun:
    """Asks for the trial's parameters and writes down whose trial it is and what it will run.

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
    trial.set_user_attr("worker", this_process())
    methods = menu(method)
    program = program_of(config, setup.image_shape, setup.samples, methods)
    return TrialRun(trial, config, program, hyperparameters_of(config, methods))


def _suggest(trial: optuna.Trial, path: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(path, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(path, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(path, asked.low, asked.high, step=asked.step, log=asked.log)
