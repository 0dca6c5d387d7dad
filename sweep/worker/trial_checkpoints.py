"""The checkpoints of the trials that a worker trains: written, gone on from, and removed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.engine.versions import versions
from normsweep.score.run import Collapsed, Completed
from normsweep.score.training import Training
from normsweep.spec.spec import Spec
from normsweep.storage import read_measurements
from normsweep.storage.checkpoint_writer import CheckpointWriter
from normsweep.study.attributes import collapse_of, twin_of
from normsweep.study.ranking import best_first, direction_of, is_feasible, trained
from normsweep.worker.trial_run import TrialRun


@dataclass(frozen=True)
class TrialCheckpoints:
    """Those of the trials in training, with the states that `training` has on the devices."""

    training: Training
    storage: RDBStorage
    writer: CheckpointWriter

    def after_chunk(self, run: TrialRun, slot: int) -> None:
        """Writes a checkpoint where the spec wants one after the chunk that a trial has trained."""
        service = self.training.spec.service
        if isinstance(run.end, Collapsed):
            # Whoever took it up from there would not know that it has ended.
            return
        ended = isinstance(run.end, Completed)
        if service.keep_checkpoints if ended else run.chunks % service.checkpoint_every == 0:
            self.save(run, slot)

    def save(self, run: TrialRun, slot: int) -> None:
        """Writes the state of a trial in training."""
        state = self.training.state_of(run, slot)
        self.writer.save(run.trial.number, run.steps, self._identity(run), state)

    def resume(self, run: TrialRun, slot: int) -> None:
        """Sets a trial that another worker began to its last checkpoint that is of use."""
        checkpoints = self.writer.checkpoints
        if not checkpoints.has(run.trial.number):
            return
        found = checkpoints.load(run.trial.number, self._identity(run), self.training.like(run))
        if found is None:
            return
        step, state = found
        rows = [
            row for row in read_measurements(self.storage.engine, run.trial_id) if row.step <= step
        ]
        chunks, folds = step // run.program.chunk_steps, run.config.score.folds
        if len(rows) != chunks * folds:
            return
        for chunk in range(chunks):
            run.add_chunk(rows[chunk * folds : (chunk + 1) * folds])
        # The other may have died between writing its rows and reporting their mean.
        reported = self.storage.get_trial(run.trial_id).intermediate_values
        run.unstored = [row for row in rows if row.step not in reported]
        self.training.put_state(run, slot, state)
        if run.chunks == run.config.train.chunks:
            run.end = Completed()

    def tidy(self, number: int, trials: Callable[[], Sequence[FrozenTrial]]) -> None:
        """Removes those of a trial that has ended, and those no longer among the best to keep."""
        drop = [number]
        spec = self.training.spec
        if keep := spec.service.keep_checkpoints:
            # What took another's result over was not trained: there is nothing to keep of it.
            trained_here = (
                trial
                for trial in trials()
                if trial.state == TrialState.COMPLETE
                and twin_of(trial) is None
                and is_feasible(trial)
                # It ended between two that are kept.
                and collapse_of(trial) is None
            )
            best = best_first(trained_here, direction_of(spec.score.metric))
            kept = {trial.number for trial in best[:keep]}
            drop = [trial.number for trial in best[keep : keep + 1]] + sorted(set(drop) - kept)
        for each in drop:
            self.writer.drop(each)

    def _identity(self, run: TrialRun) -> dict[str, Any]:
        return checkpoint_identity(run.config, self.training.setup.fingerprints())


def checkpoint_identity(config: Spec, fingerprints: dict[str, Any]) -> dict[str, Any]:
    """What must be equal for a state to be gone on with, to the bit: config, data and versions.

    Of the config what is trained and scored, and not how it is searched: a study may be launched
    again with more trials.
    """
    return {
        "config": hashlib.sha256(trained(config.plain()).encode()).hexdigest(),
        "fingerprints": fingerprints,
        "versions": versions(),
    }
