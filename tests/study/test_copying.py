"""A study that is copied, renamed or deleted: nothing is left behind, or it is said what is."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from normsweep.errors import UserError
from normsweep.export.formats import exported
from normsweep.report.figures import read_picture
from normsweep.storage import read_study_measurements, write_measurements
from normsweep.storage.artifacts import SAMPLES, artifacts_of, picture_of_trial, read_artifact
from normsweep.storage.checkpoints import study_checkpoints
from normsweep.storage.influences import add_influences, read_influences
from normsweep.study.attributes import ArmAttributes, of_arm, study_attributes, write_study
from normsweep.study.belongings import missing
from normsweep.study.confirmation import find_confirmation, open_confirmation
from normsweep.study.copying import copy_study
from normsweep.study.records import load_study
from normsweep.verdict.answers import answer

INFLUENCES = np.array([0.5, np.nan, -0.25, 3, 0, 1, 2, 4], np.float32)


@pytest.fixture
def source(copied_example, databases, storage_url):
    """The finished example with a confirmation, a picture, a checkpoint and a trial in training."""
    storage = databases.open(storage_url)
    study = load_study("small", storage)
    held = open_confirmation(study, storage)
    arm = ArmAttributes("confirm", "best", "baseline", 1, 7, {"a": 1}, {"jax": "0"})
    held.add_trial(optuna.create_trial(value=1.0, user_attrs=of_arm(arm)))
    trial = held.get_trials()[0]._trial_id
    with storage.engine.begin() as connection:
        add_influences(connection, trial, {10: INFLUENCES})
    write_study(held, looked_at="best")
    study.ask()
    return storage, study, held


@pytest.fixture(scope="module")
def example_files(example) -> Path:
    """Where the pictures of the example lie."""
    return Path(example.path).with_suffix(".files")


@pytest.fixture
def files(source, example_files: Path, tmp_path: Path) -> Path:
    storage, study, _ = source
    folder = tmp_path / "files"
    shutil.copytree(example_files, folder)
    trial = study.get_trials()[-1]
    for key, said in picture_of_trial(folder, trial, SAMPLES, b"a picture").items():
        storage.set_trial_system_attr(trial._trial_id, key, said)
    checkpoint = study_checkpoints(folder, "small").folder / "trial-000003" / "step-000000010"
    checkpoint.mkdir(parents=True)
    (checkpoint / "identity.json").write_text("{}", encoding="utf-8")
    return folder


def plain(study: optuna.Study) -> list[tuple[Any, ...]]:
    return [
        (
            trial.number,
            trial.state,
            trial.values,
            trial.params,
            trial.distributions,
            trial.intermediate_values,
            trial.user_attrs,
            trial.datetime_start,
            trial.datetime_complete,
        )
        for trial in study.get_trials()
    ]


def rows(study: optuna.Study, storage) -> list[list[dict[str, Any]]]:
    found = read_study_measurements(storage.engine, study._study_id).values()
    return [[{**row.plain(), "trial_id": 0} for row in each] for each in found]


@pytest.mark.parametrize("name", [None, "other"])
def test_all_that_belongs_to_it_goes_along(
    source, files, databases, tmp_path, new_url, name
) -> None:
    storage, study, held = source
    (tmp_path / "there").mkdir()
    target, there = databases.open(new_url(tmp_path / "there")), tmp_path / "there" / "files"
    copied = copy_study(study, storage, target, name=name, files=files, to_files=there)
    made = load_study(name or "small", target)
    before = plain(study)
    assert before[-1][1] == TrialState.RUNNING
    before[-1] = (before[-1][0], TrialState.WAITING, *before[-1][2:])
    assert plain(made) == before
    assert rows(made, target) == rows(study, storage) != []
    assert made.directions == study.directions and made.metric_names == study.metric_names
    one, other = study_attributes(study), study_attributes(made)
    assert other.spec["study"].pop("name") == made.study_name
    one.spec["study"].pop("name")
    assert other == one
    assert missing(made) == missing(study) == ()
    assert answer(made).ranking == answer(study).ranking
    confirmation = find_confirmation(made, target)
    assert plain(confirmation) == plain(held)
    assert study_attributes(confirmation).confirms == made.study_name
    assert study_attributes(confirmation).looked_at == "best"
    trial = confirmation.get_trials()[0]._trial_id
    found = read_influences(target.engine, {trial}, {10})
    np.testing.assert_array_equal(found[trial, 10], INFLUENCES)
    meta = artifacts_of(made.get_trials()[-1].system_attrs)[SAMPLES]
    assert read_artifact(there, meta) == b"a picture"
    of_source = artifacts_of(study.get_trials()[-1].system_attrs)[SAMPLES]
    assert meta.artifact_id != of_source.artifact_id
    assert study_checkpoints(there, made.study_name).has(3)
    assert (copied.trials, copied.confirmation) == (len(before), 1)
    assert (copied.pictures, copied.checkpoints, copied.missing) == (9, 1, ())
    assert copied.measurements == sum(map(len, rows(study, storage)))


def test_within_a_database_it_has_another_name(source, files) -> None:
    storage, study, _ = source
    copy_study(study, storage, storage, name="other", files=files, to_files=files)
    made = load_study("other", storage)
    assert rows(made, storage) == rows(study, storage)
    assert study_checkpoints(files, "other").has(3)
    tables = [exported(each, storage, "csv") for each in (study, made)]
    assert tables[1].replace(b"other", b"small") == tables[0].replace(b"running", b"waiting")


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_name_that_is_taken_or_none_is_refused_and_leaves_nothing(source, files) -> None:
    storage, study, _ = source
    before = contents(files)
    names = {"small": "is in sqlite.* already", "a b": "--name a b: study.name", "": "study.name"}
    for name, told in names.items():
        with pytest.raises(UserError, match=told):
            copy_study(study, storage, storage, name=name, files=files, to_files=files)
    study_checkpoints(files, "stale").folder.mkdir(parents=True)
    with pytest.raises(UserError, match="files of another study of this name are there"):
        copy_study(study, storage, storage, name="stale", files=files, to_files=files)
    shutil.rmtree(files / "stale")
    assert contents(files) == before
    assert len(storage.get_all_studies()) == 2


@pytest.mark.parametrize("where", ["write_rows", "_copy_folder"])
def test_what_goes_wrong_on_the_way_leaves_nothing(
    source, files, databases, tmp_path, monkeypatch, where
) -> None:
    storage, study, _ = source
    target = databases.open(f"sqlite:///{tmp_path / 'target.db'}")
    from normsweep.study import copying

    whole, calls = getattr(copying, where), []

    def breaks(*arguments: Any) -> Any:
        calls.append(whole(*arguments))
        # The confirmation is the second one.
        if len(calls) == 2 or where == "_copy_folder":
            raise OSError("the disk is full")
        return calls[-1]

    monkeypatch.setattr(copying, where, breaks)
    with pytest.raises(OSError, match="full"):
        copy_study(study, storage, target, files=files, to_files=tmp_path / "there")
    assert target.get_all_studies() == []
    assert [path for path in (tmp_path / "there").rglob("*") if path.is_file()] == []
    assert not (tmp_path / "there" / "small").exists()


def copied_by_optuna(source, databases, tmp_path, name: str = "small"):
    storage = source[0]
    target = databases.open(f"sqlite:///{tmp_path / 'target.db'}")
    optuna.copy_study(
        from_study_name="small", from_storage=storage, to_storage=target, to_study_name=name
    )
    return target, load_study(name, target)


def test_what_a_copy_of_optunas_lacks_is_said_in_the_answer(source, databases, tmp_path) -> None:
    assert answer(source[1]).warnings == answer(source[1]).warnings
    assert not any("sweep copy" in told for told in answer(source[1]).warnings)
    _, made = copied_by_optuna(source, databases, tmp_path)
    told = [told for told in answer(made).warnings if "sweep copy" in told]
    assert len(told) == 2
    assert "trials 0, 1, 2, 3, 4, 5, 6: what was measured is not here" in told[0]


def test_a_copy_of_optunas_says_how_its_confirmation_is_copied(source, databases, tmp_path) -> None:
    _, made = copied_by_optuna(source, databases, tmp_path)
    told = "a confirmation, if the study that it was copied from has one, is not here: `sweep copy`"
    assert answer(made).warnings[-1].startswith(told)
    _, renamed = copied_by_optuna(source, databases, tmp_path, "new")
    assert missing(renamed)[-1].startswith("a confirmation, if the")
    assert not any("a confirmation, if" in each for each in missing(source[1]))


def test_a_study_that_optuna_renames_says_so_and_where_its_confirmation_may_be(source) -> None:
    storage, _, _ = source
    optuna.copy_study(
        from_study_name="small", from_storage=storage, to_storage=storage, to_study_name="new"
    )
    optuna.delete_study(study_name="small", storage=storage)
    told = " ".join(missing(load_study("new", storage)))
    assert "its spec calls it 'small'" in told
    assert "its confirmation may be 'small (confirmation)'" in told
    assert "what was measured is not here" in told


def test_the_curve_of_a_trial_that_was_deleted_is_not_taken_for_that_of_a_copy(
    source, databases, storage_url
) -> None:
    storage, study, _ = source
    # Optuna's own connection deletes no rows of ours, and SQLite gives identifiers out again.
    other = optuna.storages.RDBStorage(storage_url)
    optuna.copy_study(
        from_study_name="small", from_storage=other, to_storage=other, to_study_name="again"
    )
    other.engine.dispose()
    again = load_study("again", storage)
    left = read_study_measurements(storage.engine, study._study_id)[study.trials[1]._trial_id]
    write_measurements(
        storage.engine,
        [replace(row, trial_id=again.trials[1]._trial_id, fid=row.fid + 1) for row in left],
    )
    told = " ".join(missing(again))
    assert "trial 1: what is stored as measured is another's" in told


def test_a_confirmation_of_a_study_that_was_deleted_is_said_not_to_be_used(
    source, databases, tmp_path
) -> None:
    storage = source[0]
    target = databases.open(f"sqlite:///{tmp_path / 'target.db'}")
    for name in ("small (confirmation)", "small"):
        optuna.copy_study(from_study_name=name, from_storage=storage, to_storage=target)
    made = load_study("small", target)
    assert find_confirmation(made, target) is None
    assert "confirms another study of this name" in " ".join(missing(made))


def test_pictures_that_are_elsewhere_are_said_to_be(source, files, databases, tmp_path) -> None:
    storage, study, _ = source
    target = databases.open(f"sqlite:///{tmp_path / 'target.db'}")
    copied = copy_study(
        study, storage, target, files=tmp_path / "nowhere", to_files=tmp_path / "there"
    )
    assert copied.pictures == 0
    assert copied.missing == (
        f"9 pictures that the study tells of are not in {tmp_path / 'nowhere'}",
    )
    assert read_picture(load_study("small", target), target).measurements
    assert json.dumps(copied.missing)


def test_what_an_earlier_version_made_is_copied_without_what_it_did_not_have(
    source, files, databases, tmp_path, new_url
) -> None:
    storage, study, _ = source
    with storage.engine.begin() as connection:
        connection.execute(text("DROP TABLE sweep_influences"))
    (tmp_path / "there").mkdir()
    target = databases.open(new_url(tmp_path / "there"))
    copy_study(study, storage, target, files=files, to_files=tmp_path / "there" / "files")
    confirmation = find_confirmation(load_study("small", target), target)
    trial = confirmation.get_trials()[0]._trial_id
    assert read_influences(target.engine, {trial}, {10}) == {}
