"""Pictures of trials, where the Optuna dashboard finds them: a file, and its name in the database.

Optuna's own upload names a file in the database before it is written, and names it anew each time.
"""

import json
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import ArtifactMeta, FileSystemArtifactStore
from optuna.trial import FrozenTrial

PREFIX = "artifacts:"
"""What Optuna puts before an artifact's id in the attributes of its trial or study."""
PNG = "image/png"
SAMPLES = "samples.png"
"""The name of a trial's grid of generated images."""
REAL = "real images.png"
"""That of a study's grid of held-out images, a fold below the other, as many as of the samples."""


def artifact_folder(files: Path) -> Path:
    """The folder of all artifacts below the folder of what belongs to studies."""
    return files / "artifacts"


def artifact_store(files: Path) -> FileSystemArtifactStore:
    """The store that a dashboard reads; its folder is made."""
    folder = artifact_folder(files)
    folder.mkdir(parents=True, exist_ok=True)
    return FileSystemArtifactStore(folder)


def picture_of_trial(files: Path, trial: FrozenTrial, name: str, data: bytes) -> dict[str, str]:
    """Writes a PNG of a trial that is not finished; the system attribute that tells of it.

    Done twice, once that is stored, there is one. Raises `OSError` where the file cannot be
    written.
    """
    key, said = _write(files, trial.system_attrs, name, data)
    return {key: said}


def put_on_study(files: Path, study: optuna.Study, name: str, data: bytes) -> None:
    """The same for a study, in place of one of that name."""
    storage, study_id = study._storage, study._study_id
    key, said = _write(files, storage.get_study_system_attrs(study_id), name, data)
    storage.set_study_system_attr(study_id, key, said)


def artifacts_of(attributes: Mapping[str, Any]) -> dict[str, ArtifactMeta]:
    """The artifacts in the system attributes of a trial or a study, by their names."""
    found = [ArtifactMeta(**json.loads(said)) for said in shared_artifacts(attributes).values()]
    return {meta.filename: meta for meta in found}


def shared_artifacts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The system attributes that tell of artifacts: given to another trial, it has the same ones.

    The files are then of both.
    """
    return {key: said for key, said in attributes.items() if key.startswith(PREFIX)}


def copy_artifact(files: Path, to: Path, said: str) -> tuple[str, str, Path] | None:
    """Copies the file of an artifact into another folder, or the same, under an id of its own.

    Takes the attribute that tells of it; returns that of the copy, its key and its value, and the
    file. None where this machine has no such file. Raises `OSError` where it cannot be written.
    """
    meta = ArtifactMeta(**json.loads(said))
    data = read_artifact(files, meta)
    if data is None:
        return None
    key, told = _write(to, {}, meta.filename, data)
    made = ArtifactMeta(**json.loads(told))
    told = json.dumps(asdict(replace(meta, artifact_id=made.artifact_id)))
    return key, told, artifact_folder(to) / made.artifact_id


def read_artifact(files: Path, meta: ArtifactMeta) -> bytes | None:
    """The content of an artifact; None where this machine has no such file."""
    place = artifact_folder(files) / Path(meta.artifact_id).name
    return place.read_bytes() if place.is_file() else None


def _write(files: Path, attributes: Mapping[str, Any], name: str, data: bytes) -> tuple[str, str]:
    """Writes the file; returns the attribute that tells of it, its key and its value."""
    meta = artifacts_of(attributes).get(name)
    if meta is None:
        meta = ArtifactMeta(
            artifact_id=str(uuid.uuid4()), filename=name, mimetype=PNG, encoding=None
        )
    folder = artifact_folder(files)
    folder.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
    try:
        with open(number, "wb") as file:
            file.write(data)
        # Whoever serves the folder may be another user.
        os.chmod(draft, 0o644)
        os.replace(draft, folder / meta.artifact_id)
    except BaseException:
        os.unlink(draft)
        raise
    return PREFIX + meta.artifact_id, json.dumps(asdict(meta))
