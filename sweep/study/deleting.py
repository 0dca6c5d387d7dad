"""A study deleted with all that belongs to it, and what other deletions have left behind."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from normsweep.errors import UserError
from normsweep.storage.artifacts import artifact_folder
from normsweep.storage.files import study_folder, writing
from normsweep.storage.heartbeat import GRACE
from normsweep.storage.leftovers import (
    artifacts_by_study,
    remove_rows_of_none,
    rows_of,
    rows_of_none,
)
from normsweep.storage.workers import is_gone, seen_workers
from normsweep.study.attributes import study_attributes
from normsweep.study.confirmation import find_confirmation

_YOUNG = 3600.0
"""Seconds in which a file may yet be named: a worker writes a picture before it tells of it."""


@dataclass(frozen=True)
class Removal:
    """What is to be removed: studies by identifier and name, how many rows of our tables, files.

    `checkpoints` are folders, `pictures` files; `size` is what both take on the disk, in bytes.
    """

    studies: dict[int, str]
    trials: int
    rows: int
    checkpoints: tuple[Path, ...]
    pictures: tuple[Path, ...]
    size: int

    def __bool__(self) -> bool:
        return bool(self.studies or self.rows or self.checkpoints or self.pictures)


def all_of_study(study: optuna.Study, storage: RDBStorage, files: Path) -> Removal:
    """All that belongs to a study, its confirmation too; not what another study shares with it.

    Raises `UserError` where a worker is at it.
    """
    _check_at_rest(study, storage)
    held = find_confirmation(study, storage)
    studies = {each._study_id: each.study_name for each in (study, held) if each is not None}
    named = artifacts_by_study(storage.engine)
    others = [names for number, names in named.items() if number not in studies]
    theirs = set().union(*(named.get(number, ()) for number in studies)).difference(*others)
    return _removal(
        storage,
        studies,
        rows_of(storage.engine, studies),
        [study_folder(files, name) for name in studies.values()],
        [artifact_folder(files) / Path(name).name for name in theirs],
    )


def left_behind(storage: RDBStorage, files: Path) -> Removal:
    """What belongs to no study of the storage, below `files`, which are taken for its alone."""
    there = {each.study_name: each for each in storage.get_all_studies()}
    studies = {}
    for name, study in there.items():
        written = study_attributes(study)
        if written.confirms is None:
            continue
        of = there.get(written.confirms)
        if of is None or written.study_id not in (None, of._study_id):
            studies[study._study_id] = name
    named = artifacts_by_study(storage.engine)
    wanted = set().union(*(names for number, names in named.items() if number not in studies))
    pictures = [
        path
        for path in _entries(artifact_folder(files))
        if path.is_file() and path.name not in wanted and time.time() - _changed(path) > _YOUNG
    ]
    folders = {study_folder(files, name) for name in there}
    strays = [
        path
        for path in _entries(files)
        # Nothing else is ours, wherever the folder may be.
        if path not in folders and (path / "checkpoints").is_dir()
    ]
    rows = rows_of(storage.engine, studies) + rows_of_none(storage.engine)
    return _removal(storage, studies, rows, strays, pictures)


def remove(storage: RDBStorage, removal: Removal) -> None:
    """Removes it, the rows first. Cut short, it leaves what `left_behind` finds.

    Raises `UserError` where a file cannot be removed.
    """
    for study in removal.studies:
        # Another process may have been faster.
        with suppress(KeyError):
            storage.delete_study(study)
    remove_rows_of_none(storage.engine)
    for folder in removal.checkpoints:
        with writing(folder), suppress(FileNotFoundError):
            shutil.rmtree(folder / "checkpoints")
            # Whatever else is in it is not ours.
            with suppress(OSError):
                folder.rmdir()
    for path in removal.pictures:
        with writing(path):
            path.unlink(missing_ok=True)


def _removal(
    storage: RDBStorage,
    studies: dict[int, str],
    rows: int,
    folders: Iterable[Path],
    pictures: Iterable[Path],
) -> Removal:
    checkpoints = tuple(sorted(path for path in folders if (path / "checkpoints").is_dir()))
    there = tuple(sorted(path for path in pictures if path.is_file()))
    inside = (path for folder in checkpoints for path in (folder / "checkpoints").rglob("*"))
    return Removal(
        studies=studies,
        trials=sum(storage.get_n_trials(study) for study in studies),
        rows=rows,
        checkpoints=checkpoints,
        pictures=there,
        size=sum(path.stat().st_size for path in (*inside, *there) if path.is_file()),
    )


def _check_at_rest(study: optuna.Study, storage: RDBStorage) -> None:
    held = find_confirmation(study, storage)
    studies = [study] if held is None else [study, held]
    names = {each.study_name for each in studies}
    trials = {trial._trial_id for each in studies for trial in each.get_trials(deepcopy=False)}
    at_it = [
        f"process {seen.worker.pid} on {seen.worker.host}"
        for seen in seen_workers(storage.engine)
        if (seen.worker.study in names or trials.intersection(seen.trial_ids))
        and not is_gone(seen, GRACE)
    ]
    if at_it:
        raise UserError(
            f"study {study.study_name!r}: {', '.join(at_it)} is at work on it; accepted is a study "
            f"at rest: `sweep stop {study.study_name}` ends its workers after their chunk"
        )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _changed(path: Path) -> float:
    return path.stat().st_mtime
