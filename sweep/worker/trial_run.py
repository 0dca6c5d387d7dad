"""A trial of the search in training: from asked for to told."""

from dataclasses import dataclass, replace
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
from pydantic import ValidationError
from sqlalchemy import Engine

from normsweep.engine.population import Chunk
from normsweep.engine.settings import hyperparameters_of, program_of
from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.score.collapse import collapse
from normsweep.score.run import Collapsed, Completed, Failed, Pruned, Run
from normsweep.score.setup import Setup
from normsweep.score.training import Training
from normsweep.spec.baseline import baseline
from normsweep.spec.bounds import requirements
from normsweep.spec.messages import messages
from normsweep.spec.queued import check_queued, check_value
from normsweep.spec.space import resolve
from normsweep.spec.spec import Spec
from normsweep.storage import Measurement, write_measurements
from normsweep.study.attributes import (
    BASELINE,
    role,
    write_begin,
    write_reason,
    write_result,
    write_twin,
)
from normsweep.study.plan import fixed_parameters


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
    def trial_id(self) -> int:
        """Its identifier in the database."""
        return int(self.trial._trial_id)

    @property
    def is_baseline(self) -> bool:
        return role(self.trial) == BASELINE

    def take_over(self, number: int, rows: list[Measurement], collapsed: str | None = None) -> None:
        """Takes the result of the trial of this number, of the same config, with its measurements.

        `collapsed` says why that one ended as such. Nothing, where the measurements of a trial that
        did not are not all there.
        """
        folds, chunks = self.config.score.folds, self.config.train.chunks
        whole = len(rows) == chunks * folds if collapsed is None else len(rows) % folds == 0
        if not rows or not whole or self.chunks:
            return
        for begin in range(0, len(rows), folds):
            own = [replace(row, trial_id=self.trial_id) for row in rows[begin : begin + folds]]
            self.add_chunk(own)
        write_twin(self.trial, number)
        self.end = Completed() if collapsed is None else Collapsed(collapsed)

    def judge(self, setup: Setup, chunk: Chunk, slot: int) -> None:
        """As any run, and keeps the samples of the chunk if it is scored by that so far.

        Ends what is dead, but for the baseline, with which all others are compared.
        """
        super().judge(setup, chunk, slot)
        if self.end is None and not self.is_baseline:
            why = collapse(self.config, self.latest, chunk.images[slot], self.steps)
            self.end = None if why is None else Collapsed(why)
        if not isinstance(self.end, Failed) and self.final_chunk() == self.chunks - 1:
            self.images = chunk.images[slot]

    def store(self, engine: Engine) -> None:
        """Writes what the database has not seen, and reports the mean of every chunk in it.

        What was written by a call that failed in the middle is written over with the same.
        """
        write_measurements(engine, self.unstored)
        # With two objectives Optuna takes no reports; the curves are in our table all the same.
        if len(self.config.score.objectives) == 1:
            # Optuna keeps the first report of a step. A trial taken up again says the same twice.
            stored = self.trial.study._storage.get_trial(self.trial_id)
            for step in sorted(
                {row.step for row in self.unstored} - set(stored.intermediate_values)
            ):
                mean = self.fold_scores[step // self.program.chunk_steps - 1][0].mean()
                self.trial.report(float(mean), step)
        self.unstored.clear()

    def tell(self, study: optuna.Study) -> None:
        """Tells Optuna its score, that it was pruned, or that it has no score, and why."""
        if isinstance(self.end, Failed):
            write_reason(study._storage, self.trial_id, self.end.reason)
            study.tell(self.trial, state=TrialState.FAIL)
            return
        # The score is the mean over folds, at the last chunk or at the best one.
        pruned = isinstance(self.end, Pruned)
        chosen = self.chunks - 1 if pruned else self.final_chunk()
        result = self.result(chosen)
        if isinstance(self.end, Collapsed):
            result = replace(result, collapsed=self.end.why)
        write_result(self.trial, result)
        there = self.trial.constraints
        for needed in requirements(self.config):
            if needed.metric not in there:
                missed = needed.violation(self.required[chosen][needed.metric])
                self.trial.set_constraint(needed.metric, missed)
        if pruned:
            study.tell(self.trial, state=TrialState.PRUNED)
        else:
            study.tell(self.trial, [float(row.mean()) for row in self.fold_scores[chosen]])


def begin(trial: optuna.Trial, spec: Spec, training: Training) -> TrialRun:
    """Asks for a trial's parameters, writes down what it will run, and finds its program.

    Raises `UserError` for a parameter that other code has fixed to what the spec does not accept.
    """
    if role(trial) == BASELINE:
        config, method = baseline(spec), None
    else:
        stored = trial.study._storage.get_trial(trial._trial_id)
        queued = fixed_parameters(stored)
        check_queued(spec, queued)
        # Other code may also add a trial that waits with parameters that it has already.
        queued = queued | stored.params

        def ask(name: str, asked: BaseDistribution) -> Any:
            if name in queued:
                check_value(name, queued[name], asked)
            found = _suggest(trial, name, asked)
            # Of a fixed 3.0 the choice 3, as Optuna stores it.
            return asked.to_external_repr(asked.to_internal_repr(found))

        try:
            config, method = resolve(spec, ask)
        except ValidationError as error:
            raise UserError("; ".join(messages(error, Spec))) from error
    write_begin(trial, config.plain(), method, versions())
    methods = training.methods(method)
    setup = training.setup
    program = program_of(config, setup.image_shape, setup.samples, methods, classes=setup.classes)
    hyperparameters = hyperparameters_of(config, methods, program.family)
    return TrialRun(config, program, hyperparameters, trial=trial)


def _suggest(trial: optuna.Trial, path: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(path, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(path, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(path, asked.low, asked.high, step=asked.step, log=asked.log)
