"""A study deleted: nothing of it stays, nothing else goes, and what others left is found."""

import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from sqlalchemy import text

from normsweep.errors import UserError
from normsweep.storage.artifacts import SAMPLES, artifact_folder, picture_of_trial, put_on_study
from normsweep.storage.checkpoints import study_checkpoints
from normsweep.storage.influences import add_influences
from normsweep.storage.workers import beat, claim, this_worker
from normsweep.study.attributes import ArmAttributes, of_arm
from normsweep.study.confirmation import confirmation_name, open_confirmation
from normsweep.study.copying import copy_study
from normsweep.study.deleting import all_of_study, left_behind, remove
from normsweep.study.records import load_study

TABLES = ("studies", "trials", "sweep_measurements", "sweep_influences", "sweep_claims")


@pytest.fixture
def storage(copied_example, databases, storage_url):
    """The finished example with a confirmation, of which images moved the score."""
    opened = databases.open(storage_url)
    held = open_confirmation(load_study("small", opened), opened)
    arm = ArmAttributes("confirm", "best", "baseline", 1, 7, {"a": 1}, {"jax": "0"})
    held.add_trial(optuna.create_trial(value=1.0, user_attrs=of_arm(arm)))
    trial = held.get_trials()[0]._trial_id
    with opened.engine.begin() as connection:
        add_influences(connection, trial, {10: np.ones(8, np.float32)})
    return opened


@pytest.fixture
def files(storage, tmp_path: Path) -> Path:
    """Two pictures and a checkpoint of it, and a file of somebody else's."""
    folder = tmp_path / "files"
    study = load_study("small", storage)
    put_on_study(folder, study, "curves.png", b"curves")
    # Of an example without files the names of its pictures are there, and they are not.
    study.ask()
    trial = study.get_trials()[-1]
    for key, said in picture_of_trial(folder, trial, SAMPLES, b"a picture").items():
        storage.set_trial_system_attr(trial._trial_id, key, said)
    for name in ("small", "gone"):
        made = study_checkpoints(folder, name).folder / "trial-000003" / "step-000000010"
        made.mkdir(parents=True)
        (made / "identity.json").write_text("{}", encoding="utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    return folder


def counts(storage) -> dict[str, Any]:
    with storage.engine.connect() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
            for table in TABLES
        }


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def age(folder: Path) -> None:
    for path in artifact_folder(folder).iterdir():
        os.utime(path, (1, 1))


def test_nothing_of_a_study_that_is_deleted_stays(storage, files: Path) -> None:
    before = counts(storage)
    found = all_of_study(load_study("small", storage), storage, files)
    assert set(found.studies.values()) == {"small", confirmation_name("small")}
    assert found.trials == before["trials"]
    assert found.rows == before["sweep_measurements"] + before["sweep_influences"]
    assert (len(found.pictures), len(found.checkpoints)) == (2, 1)
    assert found.size == len(b"curves") + len(b"a picture") + len("{}")
    assert counts(storage) == before
    remove(storage, found)
    assert set(counts(storage).values()) == {0}
    assert tree(files) == {"gone/checkpoints/trial-000003/step-000000010/identity.json",
                           "notes/mine.txt"}  # fmt: skip
    assert not (files / "small").exists()
    # Cut short and done again it does no harm.
    remove(storage, found)


def test_a_study_beside_it_keeps_all(storage, files: Path) -> None:
    options: dict[str, Any] = {"files": files, "to_files": files}
    copy_study(load_study("small", storage), storage, storage, name="other", **options)
    optuna.copy_study(
        from_study_name="small", from_storage=storage, to_storage=storage, to_study_name="by_optuna"
    )
    before, there = counts(storage), tree(files)
    remove(storage, all_of_study(load_study("other", storage), storage, files))
    after, left = counts(storage), tree(files)
    assert after["sweep_measurements"] == before["sweep_measurements"] / 2
    assert len(there - left) == 3 and not any("small" in path for path in there - left)
    # What a copy of Optuna's shares with it stays.
    found = all_of_study(load_study("small", storage), storage, files)
    assert found.pictures == ()
    remove(storage, found)
    assert len([*artifact_folder(files).iterdir()]) == 2
    assert [each.study_name for each in storage.get_all_studies()] == ["by_optuna"]


@pytest.mark.parametrize("by", ["study", "claim"])
def test_a_study_that_is_trained_is_not_deleted(storage, files: Path, by: str) -> None:
    study = load_study("small", storage)
    worker = this_worker("cpu")
    beat(storage.engine, worker)
    all_of_study(study, storage, files)
    if by == "claim":
        assert claim(storage.engine, study.get_trials()[0]._trial_id, worker.worker)
    else:
        beat(storage.engine, replace(worker, study="small"))
    with pytest.raises(UserError, match=rf"process {os.getpid()} on .*`sweep stop small`"):
        all_of_study(study, storage, files)


def test_what_optuna_leaves_behind_is_found(storage, files: Path, copied_example: Path) -> None:
    assert [path.name for path in left_behind(storage, files).checkpoints] == ["gone"]
    measured = counts(storage)["sweep_measurements"]
    if storage.engine.name == "sqlite":
        # As another program deletes, which does not have SQLite heed foreign keys.
        with sqlite3.connect(storage.engine.url.database) as connection:
            for table in ("study_user_attributes", "study_system_attributes", "study_directions"):
                connection.execute(f"DELETE FROM {table} WHERE study_id = 1")
            connection.execute(
                "DELETE FROM trial_system_attributes WHERE trial_id IN "
                "(SELECT trial_id FROM trials WHERE study_id = 1)"
            )
            connection.execute("DELETE FROM trials WHERE study_id = 1")
            connection.execute("DELETE FROM studies WHERE study_id = 1")
        connection.close()
    else:
        optuna.delete_study(study_name="small", storage=storage)
        measured = 0
    # A picture that is young may be of a trial that is about to tell of it.
    assert left_behind(storage, files).pictures == ()
    age(files)
    found = left_behind(storage, files)
    assert list(found.studies.values()) == [confirmation_name("small")]
    assert found.rows == measured + 1
    assert {path.name for path in found.checkpoints} == {"gone", "small"}
    assert len(found.pictures) == 2
    remove(storage, found)
    assert not left_behind(storage, files)
    assert tree(files) == {"notes/mine.txt"}
    assert set(counts(storage).values()) == {0}


def test_what_a_study_has_is_not_left_behind(storage, files: Path, tmp_path: Path) -> None:
    age(files)
    found = left_behind(storage, files)
    assert found.pictures == () and found.rows == 0 and found.studies == {}
    assert not left_behind(storage, tmp_path / "nowhere")
