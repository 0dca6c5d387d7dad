"""A study in the database: created from its spec, or taken up again."""

import warnings
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from normsweep.engine.versions import versions
from normsweep.errors import UserError
from normsweep.objectives.distances import DISTANCES
from normsweep.objectives.distances.contract import HIGHER
from normsweep.score.setup import Setup
from normsweep.spec.spec import Spec

BASELINE = "baseline"
SEARCH = "search"
CONFIRM = "confirm"
CONFIRMS = "confirms"
"""The attribute of a study that holds another one's confirmation, with that one's name."""
RESULT = "result"
"""The attribute of a trial with its scores on each fold."""
FROM = "from"
"""The attribute of a trial that an earlier study made: which one, and which trial of it."""
_TRAINED_ON = "trained on"
"""The attribute of a study with the number of images that train on each fold."""
MEAN = " (mean over folds)"
"""What follows a metric in the name of an objective."""
_WITH_SCORES = (TrialState.COMPLETE, TrialState.PRUNED)
_FREE = ("study.trials", "service.", "stop.", "confirm.seeds", "confirm.top")
"""Fields, and sections, in which a study may differ from the spec it was created with: it only
grows longer or ends sooner, is run otherwise, or confirmed more often."""


def open_study(spec: Spec, storage: RDBStorage, setup: Setup) -> optuna.Study:
    """Creates the study of a spec, or opens it where it exists with an equal spec.

    Each step is made only if it is missing, so that a creation cut short is finished by the next
    call: attributes, and the baseline. Workers make the other trials. Raises `UserError` where a
    study of that name has another spec or other data.
    """
    metrics = spec.score.objectives
    directions = [_direction(metric) for metric in metrics]
    study = optuna.create_study(
        storage=storage, study_name=spec.study.name, directions=directions, load_if_exists=True
    )
    stored = study.user_attrs.get("spec")
    if stored is None:
        if study.get_trials(deepcopy=False) or study.directions != directions:
            raise UserError(
                f"study.name: {spec.study.name!r} is in this storage already and was not made by "
                "sweep; choose another name (--name)"
            )
        with warnings.catch_warnings():
            # Optuna calls the naming of objectives experimental; the dashboard shows the name.
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric + MEAN for metric in metrics])
        study.set_user_attr("fingerprints", setup.fingerprints())
        study.set_user_attr("feature_accuracy", setup.feature_accuracy)
        study.set_user_attr("versions", versions())
        study.set_user_attr("spec", spec.plain())
    else:
        _check_same_spec(spec, stored)
        check_same_data(spec, study, setup)
        if _completed(stored) != spec.plain():
            study.set_user_attr("spec", spec.plain())
    if _TRAINED_ON not in study.user_attrs:
        study.set_user_attr(_TRAINED_ON, setup.plan.train.shape[1])
    trials = study.get_trials(deepcopy=False)
    if not any(role(trial) == BASELINE for trial in trials):
        study.enqueue_trial({}, user_attrs={"role": BASELINE})
    return study


def load_study(name: str, storage: RDBStorage) -> optuna.Study:
    """Opens a study by its name; raises `UserError` with the names there are."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        studies = storage.get_all_studies()
        known = sorted(s.study_name for s in studies if CONFIRMS not in s.user_attrs)
        raise UserError(
            f"study {name!r} is not in {_shown(storage)}; there: {', '.join(known) or 'none'}"
        ) from error


def study_spec(study: optuna.Study) -> Spec:
    """The spec that a study was created with; raises `UserError` if it has none that we know."""
    stored = study.user_attrs.get("spec")
    if stored is None:
        raise UserError(f"study {study.study_name!r} was not made by sweep: it holds no spec")
    try:
        return Spec.model_validate(stored)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(
            f"study {study.study_name!r}: its spec is of another version of sweep, which this one "
            f"cannot read: {field}: {error.errors()[0]['msg']}"
        ) from error


def judging_share(study: optuna.Study) -> float:
    """The number of images that judge on a fold over the number that train, n₂/n₁.

    Where an earlier version did not store how many train, all images of a fold are taken to judge:
    with fewer the share is smaller.
    """
    trained = study.user_attrs.get(_TRAINED_ON)
    if trained is None:
        return 1 / (study_spec(study).score.folds - 1)
    return float(study.user_attrs["fingerprints"]["samples"] / trained)


def role(trial: FrozenTrial | optuna.Trial) -> str:
    """`baseline` or `search`; `confirm` or `final` in a confirmation."""
    found: str = trial.user_attrs.get("role", SEARCH)
    return found


def is_taken_over(trial: FrozenTrial) -> bool:
    """Whether an earlier study made the trial."""
    return FROM in trial.user_attrs


def is_foreign(trial: FrozenTrial) -> bool:
    """Whether other code has ended the trial: samplers learn from its value, but it has no scores.

    It is none of the trials that a spec asks for, and stands in no ranking.
    """
    return trial.state in _WITH_SCORES and RESULT not in trial.user_attrs


def _direction(metric: str) -> StudyDirection:
    higher = DISTANCES[metric].better == HIGHER
    return StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE


def _check_same_spec(spec: Spec, stored: dict[str, Any]) -> None:
    before, now = _flat(_completed(stored)), _flat(spec.plain())
    differing = [
        f"  {path}: in the study {before.get(path, 'not set')}, now {now.get(path, 'not set')}"
        for path in sorted(before.keys() | now.keys())
        if not path.startswith(_FREE) and before.get(path) != now.get(path)
    ]
    if differing:
        raise UserError(
            f"study.name: {spec.study.name!r} is in this storage already, with another spec:\n"
            + "\n".join(differing)
            + "\nGive this one another name (--name), or launch the spec that the study has."
        )


def check_same_data(spec: Spec, study: optuna.Study, setup: Setup) -> None:
    """Raises `UserError` where data, folds, features or training differ from the study's."""
    stored = study.user_attrs.get("fingerprints", {})
    now = setup.fingerprints()
    if differing := [name for name in now if stored.get(name) != now[name]]:
        raise UserError(
            f"study {spec.study.name!r}: its {' and '.join(differing)} have another fingerprint "
            "now than when the study was created (other data, files, versions or machine); its "
            "scores could not be compared with new ones. Start another study (--name)."
        )


def _flat(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{field}": value
        for section, table in tables.items()
        for field, value in table.items()
    }


def _completed(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored spec with the defaults of fields that a later version has added."""
    return Spec.model_validate(stored).plain()


def _shown(storage: RDBStorage) -> str:
    return storage.engine.url.render_as_string(hide_password=True)
