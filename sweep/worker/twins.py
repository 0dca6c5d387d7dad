"""Trials of one config, which are trained once."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from normsweep.study.attributes import collapse_of, is_foreign, is_taken_over, twin_of
from normsweep.study.ranking import begun_of


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

    def _add(self, trial: FrozenTrial) -> None:
        # What other code or another study made was not trained here.
        if is_foreign(trial) or is_taken_over(trial) or twin_of(trial) is not None:
            return
        if (begun := begun_of(trial)) is not None:
            key = (begun, collapse_of(trial) is not None)
            known = self._first.get(key)
            if known is None or trial.number < known.number:
                self._first[key] = trial
