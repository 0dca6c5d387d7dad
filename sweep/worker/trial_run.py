"""A trial of the search in training: from asked for to told."""

import copy
from collections.abc import Mapping
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
from optuna.pruners import _filter_study
from optuna.trial import FrozenTrial, TrialState
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
from normsweep.storage import Measurement
from normsweep.storage.telling import Ending, tell, write_attributes
from normsweep.study.attributes import (
    BASELINE,
    of_begin,
    of_reason,
    of_result,
    of_twin,
    role,
)
from normsweep.study.plan import fixed_parameters


@dataclass(kw_only=True)
class TrialRun(Run):
    """A trial of the search in flight.

    It is `undecided` while the pruner was not asked about what was stored. `images` are samples of
    the chunk by which it is scored so far, [folds, n, h, w, c], for its picture; None where another
    worker trained that chunk. `pictures` are the attributes that tell of the picture, once it is
    drawn. `twin` is the number of the trial whose result it took over, if it did.
    """

    trial: optuna.Trial
    undecided: bool = False
    images: np.ndarray | None = None
    pictures: Mapping[str, str] | None = None
    twin: int | None = None

    @property
    def trial_id(self) -> int:
        """Its identifier in the database."""
        return int(self.trial._trial_id)

    @property
    def is_baseline(self) -> bool:
        return role(self.trial) == BASELINE

    @property
    def known(self) -> FrozenTrial:
        """The trial as it was when it was taken, with what this worker has told of it since."""
        return self.trial._cached_frozen_trial

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
        self.twin = number
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

    def store(self, engine: Engine, worker: str) -> None:
        """Writes what the database has not seen, with a report of the mean of every chunk in it.

        What was written by a call whose answer was lost is written over with the same.
        """
        reports = self.reports()
        tell(engine, self.trial_id, worker, self.unstored, reports)
        # As `Trial.report`: the pruner is asked about the trial as its object knows it.
        self.known.intermediate_values.update(reports)
        self.unstored.clear()

    def finish(self, engine: Engine, worker: str, study: optuna.Study) -> FrozenTrial:
        """Writes its end, with what the database has not seen; the trial as it then is."""
        reports, ending = self.reports(), self.ending()
        ending = replace(ending, system_attrs=self.pictures or {})
        told = copy.copy(self.known)
        told.intermediate_values = told.intermediate_values | reports
        told.user_attrs = told.user_attrs | dict(ending.user_attrs)
        told.system_attrs = told.system_attrs | ending.stored_system_attrs()
        values = list(ending.values) or None
        # As `Study.tell`, which asks the sampler before it stores.
        study._thread_local.cached_all_trials = None
        try:
            study.sampler.after_trial(_filter_study(study, told), told, ending.state, values)
        finally:
            tell(engine, self.trial_id, worker, self.unstored, reports, ending)
            self.unstored.clear()
        told.state, told.values = ending.state, values
        return told

    def reports(self) -> dict[int, float]:
        """The mean score by step of what the database has not seen; none with two objectives,
        of which Optuna takes no reports: the curves are in our table all the same."""
        if len(self.config.score.objectives) > 1:
            return {}
        return {
            step: float(self.fold_scores[step // self.program.chunk_steps - 1][0].mean())
            for step in sorted({row.step for row in self.unstored})
        }

    def ending(self) -> Ending:
        """Its score, that it was pruned, or that it has no score, and why."""
        if isinstance(self.end, Failed):
            return Ending(TrialState.FAIL, user_attrs=of_reason(self.end.reason))
        # The score is the mean over folds, at the last chunk or at the best one.
        pruned = isinstance(self.end, Pruned)
        chosen = self.chunks - 1 if pruned else self.final_chunk()
        result = self.result(chosen)
        if isinstance(self.end, Collapsed):
            result = replace(result, collapsed=self.end.why)
        return Ending(
            TrialState.PRUNED if pruned else TrialState.COMPLETE,
            [float(row.mean()) for row in self.fold_scores[chosen]],
            constraints={
                needed.metric: float(needed.violation(self.required[chosen][needed.metric]))
                for needed in requirements(self.config)
            },
            user_attrs=of_result(result) | ({} if self.twin is None else of_twin(self.twin)),
        )


def begin(trial: optuna.Trial, spec: Spec, training: Training, engine: Engine) -> TrialRun:
    """Asks for a trial's parameters, writes down what it will run, and finds its program.

    Raises `UserError` for a parameter that other code has fixed to what the spec does not accept.
    """
    if role(trial) == BASELINE:
        config, method = baseline(spec), None
    else:
        stored = trial._cached_frozen_trial
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
    write_begin(engine, trial, config, method)
    methods = training.methods(method)
    setup = training.setup
    program = program_of(config, setup.image_shape, setup.samples, methods, classes=setup.classes)
    hyperparameters = hyperparameters_of(config, methods, program.family)
    return TrialRun(config, program, hyperparameters, trial=trial)


def write_begin(engine: Engine, trial: optuna.Trial, config: Spec, method: str | None) -> None:
    """Writes down what a trial trains, and with which versions."""
    attributes = of_begin(config.plain(), method, versions())
    write_attributes(engine, trial._trial_id, attributes)
    # As `Trial.set_user_attr`, so that who asks the object is told of them.
    trial._cached_frozen_trial.user_attrs.update(attributes)


def _suggest(trial: optuna.Trial, path: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(path, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(path, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(path, asked.low, asked.high, step=asked.step, log=asked.log)
