"""Trials of one config, which are trained once."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine

from normsweep.engine.versions import versions
from normsweep.storage import read_measurements
from normsweep.study.attributes import collapse_of, is_foreign, is_taken_over, twin_of
from normsweep.study.counted import Counted
from normsweep.study.ranking import begun_as, begun_of
from normsweep.worker.trial_run import TrialRun


class Twins:
    """The complete trials of a study by what they were trained as, each of which is read once.

    What a trial was trained as is its whole config as a text, and of thousands of trials no worker
    writes it anew for each that it begins.
    """

    def __init__(self) -> None:
        self._read = 0
        self._first: dict[tuple[str, bool], FrozenTrial] = {}

    def of(
        self, begun: str, ended: Sequence[FrozenTrial], *, to_the_end: bool
    ) -> FrozenTrial | None:
        """The first complete trial of the study, by number, that was trained as `begun` says.

        `ended` are all that have ended, in the order in which they did: at each call those of the
        one before, and more. None that took another's result over, and with `to_the_end` none that
        collapsed before.
        """
        for trial in ended[self._read :]:
            if trial.state == TrialState.COMPLETE:
                self._add(trial)
        self._read = len(ended)
        kinds = (False,) if to_the_end else (False, True)
        found = [self._first[begun, kind] for kind in kinds if (begun, kind) in self._first]
        return min(found, key=lambda trial: trial.number, default=None)

    def take_over(self, run: TrialRun, counted: Counted, engine: Engine) -> None:
        """Ends a run with the result of a trial of the same config, if there is one."""
        # A baseline is trained to its end, dead or not.
        mine = begun_as(run.config.plain(), versions())
        twin = self.of(mine, counted.ended, to_the_end=run.is_baseline)
        if twin is not None:
            rows = read_measurements(engine, twin._trial_id)
            run.take_over(twin.number, rows, collapse_of(twin))

    def _add(self, trial: FrozenTrial) -> None:
        # What other code or another study made was not trained here.
        if is_foreign(trial) or is_taken_over(trial) or twin_of(trial) is not None:
            return
        if (begun := begun_of(trial)) is not None:
            key = (begun, collapse_of(trial) is not None)
            known = self._first.get(key)
            if known is None or trial.number < known.number:
                self._first[key] = trial


def goes_before(run: TrialRun, counted: Counted, engine: Engine) -> bool:
    """Whether another trial of the same config is in training, and this one is to wait for it.

    Of two that have stored nothing yet, begun at the same time by two workers, the later one waits;
    and both for one that has, so that they never wait for each other.
    """
    mine = begun_as(run.config.plain(), versions())
    return any(
        trial.number < run.trial.number or bool(read_measurements(engine, trial._trial_id))
        for trial in counted.running()
        if trial.number != run.trial.number and begun_of(trial) == mine
    )
