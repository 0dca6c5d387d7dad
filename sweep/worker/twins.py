"""Trials of one config, which are trained once."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from normsweep.study.attributes import collapse_of, twin_of
from normsweep.study.ranking import begun_of


class Twins:
    """The complete trials of a study by what they were trained as, each of which is read once.

    What a trial was trained as is its whole config as a text, and of thousands of trials no worker
    writes it anew for each that it begins.
    """

    def __init__(self) -> None:
        self._read: set[int] = set()
        self._first: dict[tuple[str, bool], FrozenTrial] = {}

    def of(
        self, begun: str, trials: Sequence[FrozenTrial], *, to_the_end: bool
    ) -> FrozenTrial | None:
        """The first complete trial of `trials`, in order, that was trained as `begun` says.

        None that took another's result over, and with `to_the_end` none that collapsed before.
        """
        for trial in trials:
            if trial.state == TrialState.COMPLETE and trial.number not in self._read:
                self._add(trial)
        kinds = (False,) if to_the_end else (False, True)
        found = [self._first[begun, kind] for kind in kinds if (begun, kind) in self._first]
        return min(found, key=lambda trial: trial.number, default=None)

    def _add(self, trial: FrozenTrial) -> None:
        self._read.add(trial.number)
        if twin_of(trial) is None and (begun := begun_of(trial)) is not None:
            key = (begun, collapse_of(trial) is not None)
            known = self._first.get(key)
            if known is None or trial.number < known.number:
                self._first[key] = trial
