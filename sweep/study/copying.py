"""A study copied with all that belongs to it: rows, files, and its confirmation."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from normsweep.errors import UserError
from normsweep.spec.messages import messages
from normsweep.spec.spec import Spec
from normsweep.storage.artifacts import copy_artifact, shared_artifacts
from normsweep.storage.files import study_folder, writing
from normsweep.storage.rows import ATTRIBUTES, StudyRows, read_rows, write_rows
from normsweep.storage.urls import shown
from normsweep.study.attributes import attributes_of_copy
from normsweep.study.belongings import missing
from normsweep.study.confirmation import confirmation_name, find_confirmation
from normsweep.study.records import study_spec


@dataclass(frozen=True)
class Copied:
    """What was copied: how many of each, with the confirmation's; and what was not there to copy.

    `confirmation` are the trials of it, None where there is none.
    """

    study: str
    trials: int
    measurements: int
    pictures: int
    checkpoints: int
    confirmation: int | None
    missing: tuple[str, ...]


def copy_study(
    study: optuna.Study,
    source: RDBStorage,
    target: RDBStorage,
    *,
    name: str | None = None,
    files: Path,
    to_files: Path,
) -> Copied:
    """Copies a study of `source` into `target`, which may be the same, under another name if given.

    Its files below `files` are copied to `to_files`. A trial in training waits in the copy, with
    its last checkpoint. Raises `UserError` for a study that was not made by sweep, a name that is
    none or is taken, and where files cannot be written; nothing is left then.
    """
    name = study.study_name if name is None else name
    check_name(study, name)
    held = find_confirmation(study, source)
    studies = [study] if held is None else [study, held]
    names = (name, confirmation_name(name))
    folders = {
        study_folder(files, each.study_name): study_folder(to_files, new)
        for each, new in zip(studies, names, strict=False)
    }
    for folder in folders.values():
        _check_free(target, name, folder)
    # Not within the transaction below: it may be the same database.
    stored = [each.user_attrs for each in studies]
    absent = list(missing(study))
    with _undone_on_failure() as made:
        read = [read_rows(source.engine, each._study_id) for each in studies]
        pictures = sum(_copy_pictures(rows, files, to_files, made, absent) for rows in read)
        checkpoints = sum(_copy_folder(old, new, made) for old, new in folders.items())
        try:
            with target.engine.begin() as connection:
                new = write_rows(connection, read[0], name, attributes_of_copy(stored[0], name))
                if held is not None:
                    attributes = attributes_of_copy(stored[1], name, new)
                    write_rows(connection, read[1], confirmation_name(name), attributes)
        except IntegrityError as error:
            # Another process was faster.
            _check_free(target, name, None)
            raise UserError(f"study {name!r}: {error.orig}") from error
    return Copied(
        study=name,
        trials=read[0].trials,
        measurements=sum(len(rows.measured) for rows in read),
        pictures=pictures,
        checkpoints=checkpoints,
        confirmation=None if held is None else read[1].trials,
        missing=tuple(absent),
    )


def check_name(study: optuna.Study, name: str) -> None:
    """Raises `UserError` for what cannot be the name of a copy."""
    try:
        study_spec(study).with_values({"study.name": name})
    except ValidationError as error:
        told = "\n".join(messages(error, Spec))
        raise UserError(f"--name {name}: {told}") from error


def _check_free(target: RDBStorage, name: str, folder: Path | None) -> None:
    there = {each.study_name for each in target.get_all_studies()}
    for taken in (name, confirmation_name(name)):
        if taken in there:
            raise UserError(
                f"study {taken!r} is in {shown(target.engine.url)} already; choose another name "
                "(--name)"
            )
    if folder is not None and folder.exists():
        raise UserError(
            f"{folder}: files of another study of this name are there; choose another name "
            "(--name) or folder (--to-files), or remove them"
        )


@contextmanager
def _undone_on_failure() -> Iterator[list[Path]]:
    """A list of what was made, which is removed where the context does not end well."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in made:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise


def _copy_pictures(
    rows: StudyRows, files: Path, to: Path, made: list[Path], absent: list[str]
) -> int:
    """Copies the files of a study's artifacts, and has its rows tell of the copies."""
    copied = lacking = 0
    for row in (row for table in ATTRIBUTES for row in rows.optuna[table]):
        if not shared_artifacts({row["key"]: None}):
            continue
        with writing(to):
            found = copy_artifact(files, to, json.loads(row["value_json"]))
        if found is None:
            lacking += 1
            continue
        row["key"], told, path = found
        row["value_json"] = json.dumps(told)
        made.append(path)
        copied += 1
    if lacking:
        absent.append(f"{lacking} pictures that the study tells of are not in {files}")
    return copied


def _copy_folder(folder: Path, to: Path, made: list[Path]) -> int:
    """Copies a study's own folder, whole or not at all; how many checkpoints are in it."""
    if not folder.is_dir():
        return 0
    with writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=to.parent))
        made.append(draft)
        ignored: Any = shutil.ignore_patterns(".draft-*")
        shutil.copytree(folder, draft / "whole", ignore=ignored)
        (draft / "whole").rename(to)
        made.append(to)
        draft.rmdir()
    return sum(1 for _ in to.glob("checkpoints/trial-*/step-*"))
