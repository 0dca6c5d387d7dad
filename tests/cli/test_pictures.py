"""Studies of pictures: what is said of them before, what comes out, and mistakes in them."""

import json
import os
import signal
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress
from sklearn.datasets import load_sample_images

from normsweep.data import decoding
from normsweep.data.cache import CACHE_VARIABLE
from normsweep.data.treatment import pixels_of
from normsweep.export.again import score_config
from normsweep.spec import load_spec
from normsweep.spec.config import Config, read_config, render
from normsweep.storage import open_storage
from normsweep.study.attributes import study_attributes
from normsweep.study.records import load_study
from tests.cli.conftest import Sweep, WriteSpec
from tests.data.pictures import encoded

FEW = {
    "study__trials": 1,
    "penalty__strength": 1e-3,
    "penalty__target": "discriminator",
    "train__steps": 8,
    "train__chunks": 1,
    "data__limit": None,
}


@pytest.fixture
def photographs(folder: Path) -> Path:
    """Patches of two photographs in class folders, 16 times 20 pixels in colour."""
    for name, photograph in zip(("china", "flower"), load_sample_images().images, strict=True):
        (folder / "photographs" / name).mkdir(parents=True)
        patches = photograph[:400, :640].reshape(25, 16, 32, 20, 3).swapaxes(1, 2)
        for number, patch in enumerate(patches.reshape(-1, 16, 20, 3)[::10]):
            (folder / "photographs" / name / f"{number}.png").write_bytes(encoded(patch))
    return folder / "photographs"


def test_a_folder_is_understood_and_told_before_it_is_trained_on(
    photographs: Path, sweep: Sweep, write_spec: WriteSpec
) -> None:
    one = photographs / "china" / "0.png"
    (photographs / "flower" / "again.png").write_bytes(one.read_bytes())
    place = {"data__source": "folder", "data__path": "photographs"}
    called = sweep("submit", write_spec(**FEW, **place, data__size=8, data__colour="grey"))
    assert called.code == 0, called.err
    assert (
        "understood: source folder 'photographs', images 161 of 8×8, grey, pixels 0 to 255, "
        "labels 2 classes (china, flower) of 80 to 81 images" in called.err
    )
    assert "1 of 161 images are copies of others to the last pixel (" in called.err
    assert "china/0.png" in called.err and "1 of them have another label" in called.err
    storage = open_storage("sqlite:///studies.db")
    kept = study_attributes(load_study("small", storage))
    storage.engine.dispose()
    assert kept.classes == ["china", "flower"]
    assert "copies of others" in kept.warnings[0]


def test_the_first_ctrl_c_ends_a_launch_that_decodes_and_nothing_is_written(
    photographs: Path,
    folder: Path,
    sweep: Sweep,
    write_spec: WriteSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*arguments: Any) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():
            os.kill(os.getpid(), signal.SIGINT)
        return pixels_of(*arguments)

    monkeypatch.setattr(decoding, "pixels_of", interrupted)
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))
    place = {"data__source": "folder", "data__path": "photographs"}
    called = sweep("launch", write_spec(**FEW, **place))
    assert called.code == 130
    assert not (folder / "studies.db").exists()
    assert not list((folder / "cache" / "images").iterdir())


def test_score_and_train_show_that_they_decode(
    photographs: Path, folder: Path, sweep: Sweep, write_spec: WriteSpec, monkeypatch: Any
) -> None:
    place = {"data.source": "folder", "data.path": str(photographs), "data.limit": None}
    spec = load_spec(write_spec(**FEW), place)
    (folder / "one.toml").write_text(render([Config(spec, {})], "toml"), encoding="utf-8")
    told: list[str] = []

    def update(_: Any, task: Any, **fields: Any) -> None:
        told.append(
            f"{fields['description']} {fields['completed']}/{fields['total']} {fields['of']}"
        )

    monkeypatch.setattr(Progress, "update", update)
    assert sweep("score", "one.toml").code == 0
    assert told[0] == "decoding 0/160 pictures" and "decoding 160/160 pictures" in told
    assert told[-1] == "training 8/8 steps"


def test_a_config_scores_the_same_bits_on_a_folder_and_on_a_zip(
    photographs: Path, folder: Path, write_spec: WriteSpec
) -> None:
    rows = []
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        for number, path in enumerate(sorted(photographs.rglob("*.png"), reverse=True)):
            archive.write(path, f"{number}.png")
            rows.append([f"{number}.png", int(path.parent.name == "flower")])
        archive.writestr("dataset.json", json.dumps({"labels": rows}))
    scores = []
    for source, path in (("folder", "photographs"), ("zip", "other.zip")):
        place = {"data__source": source, "data__path": path}
        spec = load_spec(write_spec(**FEW, **place, data__size=8, data__colour="grey"))
        written = render([Config(spec, {})], "toml")
        Path("config.toml").write_text(written, encoding="utf-8")
        assert "size = 8" in written and 'colour = "grey"' in written
        scores.append(score_config(read_config("config.toml")).fold_scores)
    assert scores[0] == scores[1] and np.isfinite(scores[0]).all()


def test_pictures_that_are_damaged_end_a_launch_before_anything_is_written(
    photographs: Path, folder: Path, sweep: Sweep, write_spec: WriteSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "cache"))
    for number in (3, 5):
        (photographs / "china" / f"{number}.png").write_bytes(b"nothing")
    (photographs / "flower" / "7.png").write_bytes(encoded(np.zeros((9, 9), np.uint8)))
    called = sweep("launch", write_spec(**FEW, data__source="folder", data__path="photographs"))
    assert called.code == 2 and "Traceback" not in called.err
    for told in ("china/3.png is none of PNG", "china/5.png is none", "flower/7.png is of 9×9"):
        assert told in called.err
    assert "data.size = 16" in called.err
    assert not Path("studies.db").exists() and not list((folder / "cache" / "images").iterdir())


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("data__size", 0, "data.size: got 0; accepted: a whole number ≥ 1 and ≤ 4096"),
        ("data__size", [8, 16], "data.size: "),
        ("data__colour", "gray", 'data.colour: got "gray"; accepted: one of grey, rgb'),
        ("data__size", 8, "data.size: the images of 'digits' are as they are; accepted with"),
        ("data__colour", "rgb", "data.colour: the images of 'digits' are as they are"),
    ],
)
def test_a_treatment_that_is_none_or_of_no_picture_is_refused(
    sweep: Sweep, write_spec: WriteSpec, field: str, value: object, told: str
) -> None:
    called = sweep("launch", write_spec(**{field: value}))
    assert called.code == 2 and told in " ".join(called.err.split()), called.err
    assert not Path("studies.db").exists()
