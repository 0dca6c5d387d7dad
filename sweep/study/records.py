"""A study in the database: created from its spec, or taken up again."""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from pydantic import ValidationError

from normsweep.errors import UserError
from normsweep.spec.auto import AutoRange, plain_ranges
from normsweep.spec.fields import FACTS, default, paths
from normsweep.spec.plugins.load import imported_files, is_plugin
from normsweep.spec.spec import Spec
from normsweep.storage.urls import shown
from normsweep.study.attributes import BASELINE, of_role, role, study_attributes, write_study
from normsweep.study.confirmation import confirmed_by
from normsweep.study.ranking import direction_of

MEAN = " (mean over folds)"
"""What follows a metric in the name of an objective."""
_FREE = paths(lambda facts: facts.free)
"""Fields in which a study may differ from the spec it was created with: it only grows longer or
ends sooner, is run otherwise, or confirmed more often."""


@dataclass(frozen=True)
class Facts:
    """What all trials of a study share, and follows from its spec, its data and the machine.

    `fingerprints` must be equal for two scores to be comparable; `feature_accuracy` is that of a
    feature map that is a classifier. `warnings` say what looks wrong with data and features;
    `classes` are what the labels were called, or given as, if they were numbered anew; `pixels` are
    those of an image.
    """

    fingerprints: dict[str, Any]
    feature_accuracy: float | None
    versions: dict[str, str]
    warnings: tuple[str, ...] = ()
    classes: tuple[int | str, ...] = ()
    pixels: int | None = None


def open_study(
    spec: Spec,
    storage: RDBStorage,
    facts: Facts,
    auto: Mapping[str, AutoRange] = MappingProxyType({}),
) -> optuna.Study:
    """Creates the study of a spec, or opens it where it exists with an equal spec.

    Each step is made only if it is missing, so that a creation cut short is finished by the next
    call: attributes, and the baseline. Workers make the other trials. `auto` are the ranges of the
    spec that it had measured. Raises `UserError` where a
    study of that name has another spec or other data.
    """
    metrics = spec.score.objectives
    directions = [direction_of(metric) for metric in metrics]
    study = optuna.create_study(
        storage=storage, study_name=spec.study.name, directions=directions, load_if_exists=True
    )
    written = study_attributes(study)
    if written.spec is None:
        if study.get_trials(deepcopy=False) or study.directions != directions:
            raise UserError(
                f"study.name: {spec.study.name!r} is in this storage already and was not made by "
                "sweep; choose another name (--name)"
            )
        with warnings.catch_warnings():
            # Optuna calls the naming of objectives experimental; the dashboard shows the name.
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([metric + MEAN for metric in metrics])
        write_study(
            study,
            fingerprints=facts.fingerprints,
            feature_accuracy=facts.feature_accuracy,
            versions=facts.versions,
            **({"warnings": list(facts.warnings)} if facts.warnings else {}),
            **({"classes": list(facts.classes)} if facts.classes else {}),
            **({"auto": plain_ranges(auto)} if auto else {}),
            **({} if facts.pixels is None else {"pixels": facts.pixels}),
            created=datetime.now(UTC).isoformat(),
            spec=spec.plain(),
        )
    else:
        _check_same_spec(spec, written.spec)
        check_same_data(study, facts.fingerprints)
        if _completed(written.spec) != spec.plain():
            write_study(study, spec=spec.plain())
    trials = study.get_trials(deepcopy=False)
    if not any(role(trial) == BASELINE for trial in trials):
        study.enqueue_trial({}, user_attrs=of_role(BASELINE))
    return study


def load_study(name: str, storage: RDBStorage) -> optuna.Study:
    """Opens a study by its name, or by that of its confirmation, which Optuna's tools list, too.

    Raises `UserError` with the names there are, and for a confirmation of a study that is gone.
    """
    found = study_named(name, storage)
    study = confirmed_by(found, storage)
    if study is not None:
        return study
    gone = study_attributes(found).confirms
    if gone is not None:
        raise UserError(
            f"study {name!r} holds a confirmation of {gone!r}, but of one that was deleted or is "
            f"elsewhere: `sweep copy` takes both along, `sweep delete` removes it"
        )
    return found


def study_named(name: str, storage: RDBStorage) -> optuna.Study:
    """The study of exactly this name; raises `UserError` with the names there are."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        studies = storage.get_all_studies()
        known = sorted(s.study_name for s in studies if study_attributes(s).confirms is None)
        raise UserError(
            f"study {name!r} is not in {shown(storage.engine.url)}; there: "
            f"{', '.join(known) or 'none'}"
        ) from error


def study_spec(study: optuna.Study) -> Spec:
    """The spec that a study was created with, as `Spec.stored` reads it.

    Raises `UserError` if it has none that we know.
    """
    return _read(study, Spec.stored)


def checked_spec(study: optuna.Study) -> Spec:
    """The same, checked as a whole as one that a user gives: for who is about to train it."""
    return _read(study, lambda tables: Spec.stored(tables).checked())


def _read(study: optuna.Study, read: Callable[[dict[str, Any]], Spec]) -> Spec:
    stored = study_attributes(study).spec
    if stored is None:
        raise UserError(f"study {study.study_name!r} was not made by sweep: it holds no spec")
    try:
        return read(stored)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(
            f"study {study.study_name!r}: its spec is of another version of sweep, which this one "
            f"cannot read: {field}: {error.errors()[0]['msg']}"
        ) from error


def _check_same_spec(spec: Spec, stored: dict[str, Any]) -> None:
    before, now = _flat(_completed(stored)), _flat(spec.plain())
    differing = [
        f"  {path}: in the study {before.get(path, 'not set')}, now {now.get(path, 'not set')}"
        for path in sorted(before.keys() | now.keys())
        if path not in _FREE and not _is_same(before.get(path), now.get(path))
    ]
    if differing:
        raise UserError(
            f"study.name: {spec.study.name!r} is in this storage already, with another spec:\n"
            + "\n".join(differing)
            + "\nGive this one another name (--name), or launch the spec that the study has."
        )


def _is_same(before: Any, now: Any) -> bool:
    """Whether a field is equal; the fingerprints tell whether a user's file is the same."""
    if isinstance(before, dict) and isinstance(now, dict):
        return before.keys() == now.keys() and all(_is_same(before[k], now[k]) for k in now)
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_is_same, before, now))
    if isinstance(before, str) and isinstance(now, str) and is_plugin(before) and is_plugin(now):
        return Path(before).name == Path(now).name
    return bool(before == now)


def check_same_data(study: optuna.Study, fingerprints: dict[str, Any]) -> None:
    """Raises `UserError` where data, folds, features or training differ from the study's."""
    stored = study_attributes(study).fingerprints
    if differing := differing_fingerprints(stored, fingerprints):
        told = " and ".join(_with_imported(name, fingerprints) for name in differing)
        verb = "have" if len(differing) > 1 or differing[0] in _PLURAL else "has"
        raise UserError(
            f"study {study.study_name!r}: its {told} {verb} another fingerprint now than when the "
            "study was created (other data, files, versions, machine or number of cores); its "
            "scores could not be compared with new ones. Start another study (--name)."
        )


_PLURAL = ("data", "folds", "features", "samples")
"""Fingerprints by names that are no singular."""


def _with_imported(name: str, fingerprints: dict[str, Any]) -> str:
    """A fingerprint by its name; one of a user's file is of those too that this imports."""
    imported = imported_by(name, fingerprints)
    return f"{name} or a file that it imports ({', '.join(imported)})" if imported else name


def imported_by(name: str, fingerprints: Iterable[str]) -> tuple[str, ...]:
    """What the users' files of a name import, of those that have been read here."""
    files = [path for path in fingerprints if path.endswith(".py") and Path(path).name == name]
    return tuple(dict.fromkeys(each for path in files for each in imported_files(path)))


def differing_fingerprints(stored: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The names of those that differ; a user's file is told by its name, wherever it lies."""
    before, after = by_file_name(stored), by_file_name(now)
    return [name for name in after if before.get(name) != after[name]]


def by_file_name(fingerprints: dict[str, Any]) -> dict[str, Any]:
    """Fingerprints, with those of users' files by the names of these, wherever they lie."""
    found: dict[str, Any] = {}
    for name, value in sorted(fingerprints.items()):
        if name.endswith(".py"):
            # Two files of one name may lie in two folders.
            found.setdefault(Path(name).name, []).append(str(value))
        else:
            found[name] = value
    return {name: sorted(v) if isinstance(v, list) else v for name, v in found.items()}


def identity(study: optuna.Study) -> str:
    """A word that no other study has, but a copy; nor one that was deleted and had the same spec.

    Where a user's file lies is of no account, nor are fields that a later version has added.
    """
    written = study_attributes(study)
    fixed = {
        path: _without_folders(value)
        for path, value in _flat(written.spec or {}).items()
        if path not in _FREE and not (path in FACTS and value == default(path))
    }
    told = [by_file_name(written.fingerprints), fixed, written.created]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    return Path(value).name if isinstance(value, str) and is_plugin(value) else value


def _flat(tables: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{field}": value
        for section, table in tables.items()
        for field, value in table.items()
    }


def _completed(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored spec with the defaults of fields that a later version has added."""
    return Spec.stored(stored).plain()
