"""Where confirmations are kept: trials of an Optuna study beside that of the search.

Beside, not within: a sampler learns from all trials of its study, and Optuna's best trial is the
best of all of them.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from normsweep.engine.versions import versions
from normsweep.storage import write_measurements
from normsweep.study.records import CONFIRM, CONFIRMS, RESULT
from normsweep.verdict.arms import Arm
from normsweep.worker.trial_run import Run

FINAL = "final"
"""The role of what was judged once by the images that nothing else has touched."""

LOOKED_AT = "looked at"
"""The attribute of a confirmation with the name of the candidate of the final look."""
_PLANNED = "planned"
"""The attribute of a confirmation with what it was last asked for."""
_STUDY_ID = "study id"
"""The attribute of a confirmation with the id of its study, whose name may be given again. The id
is not while the confirmation is there: new ones are greater than all that are."""


def confirmation_name(study: str) -> str:
    """The name of the study that holds a study's confirmation; no spec can have it."""
    return f"{study} (confirmation)"


def find_confirmation(study: optuna.Study, storage: RDBStorage) -> optuna.Study | None:
    """The study that holds a study's confirmation, if there is one.

    That of a study of the same name that was deleted is none.
    """
    held = _of_that_name(study, storage)
    return held if held is not None and _is_of(study, held) else None


def _of_that_name(study: optuna.Study, storage: RDBStorage) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=confirmation_name(study.study_name), storage=storage)
    except KeyError:
        return None


def _is_of(study: optuna.Study, held: optuna.Study) -> bool:
    # The first confirmations did not say.
    return bool(held.user_attrs.get(_STUDY_ID, study._study_id) == study._study_id)


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
    if CONFIRMS not in made.user_attrs:
        with warnings.catch_warnings():
            # Optuna calls the naming of objectives experimental.
            warnings.simplefilter("ignore", ExperimentalWarning)
            made.set_metric_names(study.metric_names or [])
        made.set_user_attr(CONFIRMS, study.study_name)
    if _STUDY_ID not in made.user_attrs:
        made.set_user_attr(_STUDY_ID, study._study_id)
    return made


@dataclass(frozen=True)
class Planned:
    """What a confirmation was last asked for: the best `top`, by the seeds 1 to `seeds`.

    `arms` has for each arm what it is compared with, and its trial of the search if it has one.
    """

    top: int
    seeds: int
    arms: dict[str, tuple[str, int | None]]


def plan_confirmation(
    confirmation: optuna.Study, top: int, seeds: int, wanted: Sequence[Arm]
) -> None:
    """Stores what is about to be trained: without it a part of it would look like the whole."""
    arms = {arm.name: [arm.against, arm.trial] for arm in wanted}
    confirmation.set_user_attr(_PLANNED, {"top": top, "seeds": seeds, "arms": arms})


def planned(confirmation: optuna.Study | None) -> Planned | None:
    """What a confirmation was last asked for; None before the first, and of earlier versions."""
    said = None if confirmation is None else confirmation.user_attrs.get(_PLANNED)
    if said is None:
        return None
    arms = {name: (against, trial) for name, (against, trial) in said["arms"].items()}
    return Planned(said["top"], said["seeds"], arms)


@dataclass(kw_only=True)
class ArmRun(Run):
    """An arm in training with one seed, stored as a whole when it is over."""

    arm: Arm
    seed: int
    role: str = CONFIRM
    storage: RDBStorage = field(repr=False)

    def complete(self, study: optuna.Study) -> None:
        """Stores its scores and its curve."""
        chosen = self.final_chunk()
        steps = self.program.chunk_steps
        curve = [scores[0] for scores in self.fold_scores]
        reports = {(at + 1) * steps: float(scores.mean()) for at, scores in enumerate(curve)}
        trial_id = self._add(
            study,
            state=TrialState.COMPLETE,
            values=[float(row.mean()) for row in self.fold_scores[chosen]],
            # Optuna takes no reports where there are two objectives.
            intermediate_values=reports if len(study.directions) == 1 else {},
            said={RESULT: self.result(chosen), "curve": [row.tolist() for row in curve]},
        )
        rows = [replace(row, trial_id=trial_id) for row in self.unstored]
        write_measurements(self.storage.engine, rows)

    def failing(self, reason: str) -> Callable[[optuna.Study], None]:
        """What stores that it has no score, and why."""

        def fail(study: optuna.Study) -> None:
            self._add(study, state=TrialState.FAIL, said={"reason": reason})

        return fail

    def _add(self, study: optuna.Study, *, said: dict[str, Any], **facts: Any) -> int:
        about = {
            "role": self.role,
            "arm": self.arm.name,
            "against": self.arm.against,
            "trial": self.arm.trial,
            "seed": self.seed,
            "config": self.config.plain(),
            "versions": versions(),
        }
        finished = create_trial(
            params=self.arm.parameters,
            distributions=self.arm.distributions,
            user_attrs=about | said,
            **facts,
        )
        # `Study.add_trial`, which does not say which trial it made.
        return self.storage.create_new_trial(study._study_id, template_trial=finished)


@dataclass(frozen=True)
class Kept:
    """A finished trial of a confirmation: of an arm, by a seed.

    `curve` are the scores [chunks, folds] by the first metric, None where it failed for `reason`.
    """

    role: str
    arm: str
    against: str
    trial: int | None
    seed: int
    config: dict[str, Any]
    curve: np.ndarray | None
    reason: str | None


def kept(confirmation: optuna.Study | None) -> list[Kept]:
    """What a confirmation holds, one for each role, arm and seed."""
    return [] if confirmation is None else [_kept(trial) for trial in that_count(confirmation)]


def that_count(confirmation: optuna.Study) -> list[FrozenTrial]:
    """The trials of a confirmation, one for each role, arm and seed.

    What others have added is none. Two processes that confirm at once may store the same twice; the
    first counts.
    """
    found: dict[tuple[str, str, int], FrozenTrial] = {}
    for trial in confirmation.get_trials(deepcopy=False):
        said = trial.user_attrs
        if "arm" in said:
            found.setdefault((said["role"], said["arm"], said["seed"]), trial)
    return list(found.values())


def _kept(trial: FrozenTrial) -> Kept:
    said = trial.user_attrs
    curve = said.get("curve")
    return Kept(
        role=said["role"],
        arm=said["arm"],
        against=said["against"],
        trial=said["trial"],
        seed=said["seed"],
        config=said["config"],
        curve=None if curve is None else np.array(curve),
        reason=said.get("reason"),
    )
