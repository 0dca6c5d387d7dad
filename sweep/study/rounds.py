"""The rounds of a confirmation: some arms by one seed, as trials that wait for workers.

The trials of a round are made together; which rounds there are is known from those that are over.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.storage.making import make_trials
from normsweep.study.attributes import CONFIRM, ArmAttributes, of_arm
from normsweep.study.confirmation import Arm, first_of_each
from normsweep.study.plan import Parameters, Plan


@dataclass(frozen=True)
class Round(Plan):
    """The trainings of `arms`, by name, in a role and by one seed."""

    search: int = 0
    # They are made by `make_rounds`.
    points: Iterable[Parameters] | None = ()
    role: str = CONFIRM
    seed: int = 0
    arms: tuple[str, ...] = ()

    @property
    def keys(self) -> set[tuple[str, str, int]]:
        """What its trials are known by."""
        return {(self.role, name, self.seed) for name in self.arms}

    @property
    def most(self) -> int:
        return len(self.arms)

    @property
    def total(self) -> int:
        return len(self.arms)

    def key(self, trial: FrozenTrial) -> Hashable | None:
        """Role, arm and seed, where it is one of its own."""
        return next(iter(first_of_each([trial]).keys() & self.keys), None)

    def within(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Its own, as far as they are made."""
        there, keys = first_of_each(trials), self.keys
        return [trial for key, trial in there.items() if key in keys]


def make_rounds(
    confirmation: optuna.Study, storage: RDBStorage, rounds: Sequence[Round], arms: dict[str, Arm]
) -> None:
    """Makes the trials of some rounds that are not there yet, each once, whoever else does."""
    while True:
        trials = confirmation.get_trials(deepcopy=False)
        there = first_of_each(trials)
        absent = [
            _waiting(each, arms[name])
            for each in rounds
            for name in each.arms
            if (each.role, name, each.seed) not in there
        ]
        if not absent or make_trials(storage, confirmation._study_id, len(trials), absent):
            return


def _waiting(of: Round, arm: Arm) -> FrozenTrial:
    return create_trial(
        state=TrialState.WAITING,
        params=arm.parameters,
        distributions=arm.distributions,
        user_attrs=of_arm(
            ArmAttributes(
                role=of.role,
                arm=arm.name,
                against=arm.against,
                trial=arm.trial,
                seed=of.seed,
                config=arm.config.plain(),
                # Those of whoever trains it, then.
                versions={},
            )
        ),
    )
