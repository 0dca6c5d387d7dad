"""Where confirmations are kept: trials of an Optuna study beside that of the search.

Beside, not within: a sampler learns from all trials of its study, and Optuna's best trial is the
best of all of them.
"""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from normsweep.spec.spec import Spec
from normsweep.study.attributes import (
    ArmAttributes,
    Planned,
    arm_of,
    has_result,
    study_attributes,
    write_study,
)


@dataclass(frozen=True)
class Arm:
    """A config to train again, by a name that is its own within the study.

    `against` is the name of the arm without the penalty that it is compared with: its own, for such
    an arm. `trial` is its number in the search, if it has one; `method`, `parameters` and
    `distributions` are that trial's.
    """

    name: str
    against: str
    config: Spec
    trial: int | None
    method: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)

    @property
    def is_baseline(self) -> bool:
        return self.name == self.against


_BESIDE = " (confirmation)"


def confirmation_name(study: str) -> str:
    """The name of the study that holds a study's confirmation; no spec can have it."""
    return study + _BESIDE


def find_confirmation(study: optuna.Study, storage: RDBStorage) -> optuna.Study | None:
    """The study that holds a study's confirmation, if there is one.

    That of a study of the same name that was deleted is none.
    """
    held = _of_that_name(study, storage)
    return held if held is not None and _is_of(study, held) else None


def confirmed_by(held: optuna.Study, storage: RDBStorage) -> optuna.Study | None:
    """The study whose confirmation a study holds; None where it holds that of none that is there.

    Such a study is `find_confirmation` of the one returned.
    """
    name = held.study_name.removesuffix(_BESIDE)
    if name == held.study_name:
        return None
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None
    return study if study_attributes(study).is_ours and _is_of(study, held) else None


def _of_that_name(study: optuna.Study, storage: RDBStorage) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=confirmation_name(study.study_name), storage=storage)
    except KeyError:
        return None


def _is_of(study: optuna.Study, held: optuna.Study) -> bool:
    # The id is not given again while the confirmation is there: new ones are greater than all that
    # are. The first confirmations did not say.
    return study_attributes(held).study_id in (None, study._study_id)


def left_behind(study: optuna.Study, storage: RDBStorage) -> str | None:
    """What becomes of a confirmation that was there before a new study; None where none was."""
    held = _of_that_name(study, storage)
    if held is None:
        return None
    there = f"a confirmation that another study called {study.study_name!r} has left is there"
    if _is_of(study, held):
        # An earlier version's, that did not say of which.
        removed = f"sweep delete {held.study_name!r}"
        return f"{there}, and will be taken for this one's; {removed} removes it"
    return f"{there}; it will be removed when this one is confirmed"


def open_confirmation(study: optuna.Study, storage: RDBStorage) -> optuna.Study:
    """The same, made where there is none; that of a study that was deleted makes room."""
    stale = _of_that_name(study, storage)
    if stale is not None and not _is_of(study, stale):
        # Another process may have been faster. By id, so as not to delete what it has made since.
        with suppress(KeyError):
            storage.delete_study(stale._study_id)
    made = optuna.create_study(
        storage=storage,
        study_name=confirmation_name(study.study_name),
        directions=study.directions,
        load_if_exists=True,
    )
    written = study_attributes(made)
    if written.confirms is None:
        with warnings.catch_warnings():
            # Optuna calls the naming of objectives experimental.
            warnings.simplefilter("ignore", ExperimentalWarning)
            made.set_metric_names(study.metric_names or [])
        write_study(made, confirms=study.study_name)
    if written.study_id is None:
        write_study(made, study_id=study._study_id)
    return made


def plan_confirmation(
    confirmation: optuna.Study,
    top: int,
    seeds: int,
    wanted: Sequence[Arm],
    looks: Sequence[tuple[int, int, bool]] = (),
    parts: int = 0,
    replicates: int = 0,
) -> None:
    """Stores what is about to be trained: without it a part of it would look like the whole.

    And when one looks at it, so that nobody chooses that by what he sees.
    """
    made = Planned(top, seeds, arms_by_name(wanted), tuple(looks), parts, replicates)
    write_study(confirmation, planned=made)


def arms_by_name(wanted: Sequence[Arm]) -> dict[str, tuple[str, int | None]]:
    """Arms as they are planned: what each is compared with, and its trial."""
    return {arm.name: (arm.against, arm.trial) for arm in wanted}


def conclude(confirmation: optuna.Study, of: Planned) -> None:
    """Stores that all is done of what was planned: nobody has to look again."""
    write_study(confirmation, concluded=of)


def planned(confirmation: optuna.Study | None) -> Planned | None:
    """What a confirmation was last asked for; None before the first, and of earlier versions."""
    return None if confirmation is None else study_attributes(confirmation).planned


def trainings(confirmation: optuna.Study | None) -> list[ArmAttributes]:
    """What a confirmation holds that has ended, one for each role, arm and seed."""
    counted = [] if confirmation is None else counted_trials(confirmation)
    return [arm for trial in counted if (arm := arm_of(trial)) is not None]


def has_its_trial(entry: ArmAttributes, trials: Sequence[FrozenTrial]) -> bool:
    """Not so where the study was deleted and made again, and its confirmation does not say so."""
    if entry.trial is None:
        return True
    return entry.trial < len(trials) and has_result(trials[entry.trial])


def counted_trials(confirmation: optuna.Study) -> list[FrozenTrial]:
    """The trials of a confirmation that have ended, one for each role, arm and seed.

    What others have added or ended is none. Earlier versions may have stored the same twice; the
    first counts.
    """
    ended = [t for t in confirmation.get_trials(deepcopy=False) if t.state.is_finished()]
    return list(first_of_each(ended).values())


def first_of_each(trials: Sequence[FrozenTrial]) -> dict[tuple[str, str, int], FrozenTrial]:
    """Trials of a confirmation, in whatever state, the first for each role, arm and seed.

    None that other code has ended: that is made again.
    """
    found: dict[tuple[str, str, int], FrozenTrial] = {}
    for trial in trials:
        said = arm_of(trial)
        if said is None or (trial.state == TrialState.COMPLETE and not said.has_scores):
            continue
        found.setdefault((said.role, said.arm, said.seed), trial)
    return found
