"""Pictures of trials: files that the dashboard finds."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from PIL import Image

from normsweep.score import training
from normsweep.storage.artifacts import (
    SAMPLES,
    artifact_folder,
    artifact_store,
    artifacts_of,
    picture_of_trial,
    put_on_study,
    read_artifact,
)
from normsweep.storage.connect import study_files
from normsweep.worker import keepsakes


@pytest.fixture
def storage_url(tmp_path: Path) -> str:
    """A file: what is tested here is the same with any database."""
    return f"sqlite:///{tmp_path / 'studies.db'}"


PNG = b"\x89PNG not really"


@pytest.fixture
def waiting(databases, storage_url):
    storage = databases.open(storage_url)
    study = optuna.create_study(storage=storage, study_name="a")
    trial = study.ask()
    return storage, study, trial


def test_every_completed_trial_has_a_grid_of_samples_with_a_row_for_each_fold(
    run, make_spec
) -> None:
    launched = run(make_spec(penalty__strength=[1e-3, 1e-1]))
    files = study_files(launched.study._storage._backend)
    for trial in launched.study.get_trials():
        meta = artifacts_of(trial.system_attrs)[SAMPLES]
        png = read_artifact(files, meta)
        assert png is not None
        with Image.open(io.BytesIO(png)) as image:
            # 24 of 8×8 in a row, with a line between: twice as wide as high per fold, and some.
            assert image.width / image.height == (24 * 9 + 1) / (2 * 9 + 1)
            assert np.asarray(image).std() > 0


def test_the_samples_shown_are_those_of_the_chunk_that_is_scored(
    run, make_spec, monkeypatch
) -> None:
    made: dict[int, list[np.ndarray]] = {}
    drawn: list[np.ndarray] = []
    advance, draw = training.Training.advance, keepsakes.draw_grid

    def watched(self: Any, slots: Any) -> Iterator[Any]:
        for slot, each, chunk in advance(self, slots):
            made.setdefault(each.trial.number, []).append(chunk.images[slot].copy())
            yield slot, each, chunk

    def drawing(images: np.ndarray, *arguments: Any, **options: Any) -> None:
        drawn.append(images)
        draw(images, *arguments, **options)

    monkeypatch.setattr(training.Training, "advance", watched)
    monkeypatch.setattr(keepsakes, "draw_grid", drawing)
    # One slot, so that trials are drawn in the order of their numbers.
    spec = make_spec(
        score__at="best",
        study__slots=1,
        study__trials=3,
        train__generator_learning_rate=2e-3,
        penalty__strength=[1e-4, 1.0],
    )
    study = run(spec).study
    steps = [trial.user_attrs["result"]["step"] for trial in study.get_trials()]
    assert len(set(steps) - {40}) > 1, "the test shows nothing"
    # Before those of the baseline the real images are drawn.
    _, *of_trials = drawn
    for number, (step, shown) in enumerate(zip(steps, of_trials, strict=True)):
        chosen = made[number][step // 10 - 1]
        assert np.array_equal(shown, chosen.reshape(-1, *chosen.shape[2:]))


def put_on_trial(folder: Path, storage: BaseStorage, trial: FrozenTrial, content: bytes) -> None:
    for key, said in picture_of_trial(folder, trial, SAMPLES, content).items():
        storage.set_trial_system_attr(trial._trial_id, key, said)


def test_optuna_finds_what_was_put_and_reads_it_back(waiting, tmp_path) -> None:
    storage, _, trial = waiting
    frozen = storage.get_trial(trial._trial_id)
    put_on_trial(tmp_path, storage, frozen, PNG)
    (meta,) = get_all_artifact_meta(trial, storage=storage)
    assert (meta.filename, meta.mimetype) == (SAMPLES, "image/png")
    with artifact_store(tmp_path).open_reader(meta.artifact_id) as reader:
        assert reader.read() == PNG


def test_what_is_put_twice_is_there_once(waiting, tmp_path) -> None:
    storage, study, trial = waiting
    for content in (PNG, PNG + b"2"):
        put_on_trial(tmp_path, storage, storage.get_trial(trial._trial_id), content)
        put_on_study(tmp_path, study, "curves.png", content)
    (meta,) = get_all_artifact_meta(trial, storage=storage)
    (other,) = get_all_artifact_meta(study)
    assert read_artifact(tmp_path, meta) == read_artifact(tmp_path, other) == PNG + b"2"
    assert len(list(artifact_folder(tmp_path).iterdir())) == 2


def test_a_file_that_cannot_be_written_is_not_told_of(waiting, tmp_path) -> None:
    storage, _, trial = waiting
    (tmp_path / "artifacts").write_text("in the way")
    with pytest.raises(OSError):
        put_on_trial(tmp_path, storage, storage.get_trial(trial._trial_id), PNG)
    assert get_all_artifact_meta(trial, storage=storage) == []


def test_a_picture_that_cannot_be_written_costs_no_trial(run, make_spec, tmp_path) -> None:
    told = []
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "artifacts").write_text("in the way")

    def log(event: str, /, **facts) -> None:
        told.append(event)

    launched = run(make_spec(study__trials=1), files=tmp_path / "files", log=log)
    assert {trial.state.name for trial in launched.study.get_trials()} == {"COMPLETE"}
    # Of two trials, and of the images that judge.
    assert told.count("picture not written") == 3


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_no_name_leads_out_of_the_folder(tmp_path, name: str) -> None:
    with pytest.raises(ValueError, match="Invalid artifact_id"):
        artifact_store(tmp_path).open_reader(name)
