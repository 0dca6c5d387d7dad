"""A study in the database: created from its spec, or taken up again."""

import warnings
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from objectives.distances import DISTANCES
from objectives.distances.contract import HIGHER
from sweep.errors import UserError
from sweep.prepare import Setup
from sweep.search.space import grid
from sweep.spec.spec import Spec
from sweep.study.owner import is_alive
from sweep.versions import versions

BASELINE = "baseline"
SEARCH = "search"
MEAN = " (mean over folds)"
"""What follows a metric in the name of an objective."""
_BUDGET = ("study.trials",)
"""Fields in which a study may differ from the spec it was created with: it only grows longer."""


def open_study(spec: Spec, storage: RDBStorage, setup: Setup) -> optuna.Study:
    """Creates the study of a spec, or opens it where it exists with an equal spec.

    Each step is made only if it is missing, so that a creation cut short is finished by the next
    call: attributes, the baseline, and for a grid its points. Raises `UserError` where a study of
    that name has another spec or other data.
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
        _check_same_data(spec, study.user_attrs.get("fingerprints", {}), setup)
        if _completed(stored) != spec.plain():
            study.set_user_attr("spec", spec.plain())
    _requeue_orphans(study)
    trials = study.get_trials(deepcopy=False)
    if not any(role(trial) == BASELINE for trial in trials):
        study.enqueue_trial({}, user_attrs={"role": BASELINE})
    if spec.study.sampler == "grid":
        _enqueue_grid(spec, study, trials)
    return study


def load_study(name: str, storage: RDBStorage) -> optuna.Study:
    """Opens a study by its name; raises `UserError` with the names there are."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        known = sorted(study.study_name for study in storage.get_all_studies())
        raise UserError(
            f"study {name!r} is not in {_shown(storage)}; there: {', '.join(known) or 'none'}"
        ) from error


def study_spec(study: optuna.Study) -> Spec:
    """The spec that a study was created with; raises `UserError` if it has none."""
    stored = study.user_attrs.get("spec")
    if stored is None:
        raise UserError(f"study {study.study_name!r} was not made by sweep: it holds no spec")
    return Spec.model_validate(stored)


def role(trial: FrozenTrial | optuna.Trial) -> str:
    """`baseline` or `search`."""
    return str(trial.user_attrs.get("role", SEARCH))


def remaining(spec: Spec, trials: list[FrozenTrial]) -> int:
    """How many trials of the search may still be created."""
    begun = sum(role(trial) == SEARCH for trial in trials)
    # A grid is enqueued whole: what is not in the queue is not to be run.
    return 0 if spec.study.sampler == "grid" else max(0, spec.study.trials - begun)


def give_back(study: optuna.Study, trial_id: int) -> None:
    """Puts a running trial back into the queue with its number and its parameters."""
    if study._storage.get_trial(trial_id).state == TrialState.RUNNING:
        study._storage.set_trial_state_values(trial_id, TrialState.WAITING)


def _direction(metric: str) -> StudyDirection:
    higher = DISTANCES[metric].better == HIGHER
    return StudyDirection.MAXIMIZE if higher else StudyDirection.MINIMIZE


def _requeue_orphans(study: optuna.Study) -> None:
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not is_alive(trial.user_attrs.get("worker")):
            give_back(study, trial._trial_id)


def _enqueue_grid(spec: Spec, study: optuna.Study, trials: list[FrozenTrial]) -> None:
    points = grid(spec)
    # In a drawn order, so that a grid cut short by study.trials is spread over the whole of it.
    order = np.random.Generator(np.random.PCG64(spec.study.seed)).permutation(len(points))
    queued = [trial.system_attrs.get("fixed_params") for trial in trials]
    for index in order[: spec.study.trials]:
        if points[index] not in queued:
            study.enqueue_trial(points[index], user_attrs={"role": SEARCH})


def _check_same_spec(spec: Spec, stored: dict[str, Any]) -> None:
    before, now = _flat(_completed(stored)), _flat(spec.plain())
    differing = [
        f"  {path}: in the study {before.get(path, 'not set')}, now {now.get(path, 'not set')}"
        for path in sorted(before.keys() | now.keys())
        if path not in _BUDGET and before.get(path) != now.get(path)
    ]
    if differing:
        raise UserError(
            f"study.name: {spec.study.name!r} is in this storage already, with another spec:\n"
            + "\n".join(differing)
            + "\nGive this one another name (--name), or launch the spec that the study has."
        )


def _check_same_data(spec: Spec, stored: dict[str, Any], setup: Setup) -> None:
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
