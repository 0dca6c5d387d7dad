"""What the figures of a study are drawn from, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from normsweep.spec.spec import Spec
from normsweep.storage import Measurement, read_study_measurements
from normsweep.study.attributes import BASELINE
from normsweep.study.ranking import is_scored
from normsweep.verdict.answers import Answer, Ranked, answer
from normsweep.verdict.reading import Confirmation, read_confirmation
from normsweep.verdict.scaled import Scale, read_scales


@dataclass(frozen=True)
class Picture:
    """A study as it stood at one moment.

    `trials` are the ranked ones of the search in the order of their numbers, `measurements` the
    rows of every trial by its number, in the order of steps and folds. `confirmed` is what its
    confirmation says, if it has one, and `scales` what became of its configs at others.
    """

    answer: Answer
    trials: tuple[FrozenTrial, ...] = ()
    measurements: Mapping[int, tuple[Measurement, ...]] = field(default_factory=dict)
    confirmed: Confirmation | None = None
    scales: tuple[Scale, ...] = ()

    @property
    def spec(self) -> Spec:
        """The spec of the study."""
        return self.answer.spec

    @property
    def metric(self) -> str:
        """The metric that trials are ranked by: the first one."""
        return self.spec.score.metric

    def leaders(self, most: int = 3) -> tuple[tuple[str, Ranked], ...]:
        """The baseline and the best few, as far as they exist, by what a legend calls them."""
        found = self.answer
        first = () if found.baseline is None else ((BASELINE, found.baseline),)
        best = found.ranking[:most]
        return first + tuple(
            (f"{'best, ' if place == 0 else ''}trial {entry.number}", entry)
            for place, entry in enumerate(best)
        )


def read_picture(study: optuna.Study, storage: RDBStorage) -> Picture:
    """Reads a study of the storage: its trials, and all that was measured, in one query.

    Raises `UserError` for a study that was not made by sweep.
    """
    found = answer(study)
    trials = study.get_trials(deepcopy=False)
    by_id = read_study_measurements(storage.engine, study._study_id)
    return Picture(
        answer=found,
        trials=tuple(trial for trial in trials if is_scored(trial)),
        measurements={
            trial.number: tuple(by_id[trial._trial_id])
            for trial in trials
            if trial._trial_id in by_id
        },
        confirmed=read_confirmation(study, storage),
        scales=read_scales(study, storage),
    )
