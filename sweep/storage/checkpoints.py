"""Checkpoints of trials in flight, so that a trial whose worker died goes on where it was.

One is a folder, written beside its place and renamed: it is there whole or not at all.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from normsweep.objectives.aliases import PyTree
from normsweep.storage.files import require_room, study_folder

_IDENTITY, _STATE = "identity.json", "state"


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a study's trials, below `folder`; one a trial, the newest."""

    folder: Path

    def save(self, number: int, step: int, identity: dict[str, Any], state: PyTree) -> None:
        """Writes the state of a trial's members after `step` steps, in place of an earlier one.

        Raises `OSError` where the file system has no room or no permission.
        """
        import orbax.checkpoint as ocp

        trial = self._trial(number)
        trial.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=trial))
        try:
            leaves = jax.tree.leaves(state)
            require_room(draft, sum(leaf.nbytes for leaf in leaves))
            with ocp.StandardCheckpointer() as checkpointer:
                checkpointer.save(draft / _STATE, leaves)
            said = identity | {
                "step": step,
                "digest": _digest(draft / _STATE),
                "leaves": _names(state),
            }
            text = json.dumps(said, sort_keys=True)
            (draft / _IDENTITY).write_text(text, encoding="utf-8")
            place = self._place(trial, step)
            if place.exists():
                shutil.rmtree(place)
            draft.rename(place)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        for other in trial.iterdir():
            if other != place:
                shutil.rmtree(other, ignore_errors=True)

    def load(
        self, number: int, identity: dict[str, Any], like: PyTree
    ) -> tuple[int, PyTree] | None:
        """The newest step and state of a trial that are whole, of this identity, and like `like`.

        None where there is none: what is torn, or another config's or program's, is passed over.
        """
        import orbax.checkpoint as ocp

        leaves, structure = jax.tree.flatten(like)
        for place in sorted(self._trial(number).glob("step-*"), reverse=True):
            try:
                found = json.loads((place / _IDENTITY).read_text(encoding="utf-8"))
                step, digest = int(found.pop("step")), found.pop("digest")
                if found.pop("leaves", None) != _names(like):
                    continue
                if found != json.loads(json.dumps(identity)) or _digest(place / _STATE) != digest:
                    continue
                with ocp.StandardCheckpointer() as checkpointer:
                    state = checkpointer.restore(place / _STATE, leaves)
            # Orbax has no error of its own for what does not fit.
            except Exception:
                continue
            arrays = [np.asarray(leaf) for leaf in state]
            fits = all(
                a.shape == b.shape and a.dtype == b.dtype
                for a, b in zip(arrays, leaves, strict=True)
            )
            if fits:
                return step, jax.tree.unflatten(structure, arrays)
        return None

    def has(self, number: int) -> bool:
        """Whether a trial has any, of whatever worth."""
        return self._trial(number).exists()

    def drop(self, number: int) -> None:
        """Removes a trial's checkpoints."""
        shutil.rmtree(self._trial(number), ignore_errors=True)

    def _trial(self, number: int) -> Path:
        return self.folder / f"trial-{number:06d}"

    def _place(self, trial: Path, step: int) -> Path:
        return trial / f"step-{step:09d}"


def study_checkpoints(files: Path, study: str) -> Checkpoints:
    """The checkpoints of a study below the folder of all."""
    return Checkpoints(study_folder(files, study) / "checkpoints")


def _names(state: PyTree) -> list[str]:
    """The arrays of a state in their order: others of the same shapes are another program's."""
    paths, _ = jax.tree_util.tree_flatten_with_path(state)
    return [jax.tree_util.keystr(path) for path, _ in paths]


def _digest(folder: Path) -> str:
    """Of all files: what is torn might still be read, as other numbers."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()
