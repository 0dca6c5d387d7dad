"""`sweep train --steps`, going on with its folder, and `sweep samples`."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from normsweep.data.npz import load_npz
from normsweep.export.trained import load_generator

SMALL = {
    "study__sampler": "random",
    "train__steps": 20,
    "train__chunks": 2,
    "penalty__strength": 1e-3,
    "penalty__target": "both",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("trained") / "out"


@pytest.fixture
def out(trained: Path, sweep, write_spec, folder: Path) -> Path:
    """A config trained for 10 steps, of the 20 that it says, in `out`."""
    if not trained.exists():
        spec = Path(write_spec(**SMALL))
        made = sweep("train", spec, "--steps", "10", "-o", trained, "--json")
        # A test that comes first has no file that later ones have not.
        spec.unlink()
        assert made.code == 0, made.err
        assert json.loads(made.out)["step"] == 10
    shutil.copytree(trained, folder / "out")
    return Path("out")


def test_a_training_is_gone_on_with(sweep, out: Path) -> None:
    called = sweep("train", out, "--steps", "30", "-o", "longer", "--json")
    assert called.code == 0, called.err
    found = json.loads(called.out)
    assert (found["step"], found["from_step"], found["differences"]) == (30, 10, [])
    said = sweep("train", "longer", "--steps", "40", "-o", "longest").out
    assert "Went on from step 30, to the bits of one longer training." in said
    assert "after 40 steps" in said
    curve = json.loads(Path("longest/metrics.json").read_text())["curve"]
    assert [row["step"] for row in curve] == [10, 20, 30, 40]


def test_what_makes_it_another_training_is_told(sweep, write_spec) -> None:
    spec = write_spec(**SMALL, train__learning_rate_schedule="cosine")
    assert sweep("train", spec, "--steps", "10", "-o", "out").code == 0
    said = sweep("train", "out", "--steps", "20", "-o", "longer").out
    assert "Went on from step 10, not to the bits of one longer training:" in said
    assert 'train.learning_rate_schedule = "cosine" goes by the share of all steps' in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "out: was trained for 10 steps; --steps says to how many"),
        (("--steps", "25"), "--steps 25: accepted: multiples of 10, the steps of a chunk above 10"),
        (("--steps", "20", "--seed", "4"), "--seed: out is gone on with as it was begun"),
        (("--steps", "20", "--set", "train.ema=0.5"), "--set: out is gone on with as it was begun"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(sweep, out: Path, arguments, told: str) -> None:
    called = sweep("train", out, "-o", "other", *arguments)
    assert (called.code, called.out) == (2, "")
    assert told in called.err
    assert not Path("other").exists()


def test_samples_are_drawn_as_bytes_that_are_a_data_source(sweep, out: Path) -> None:
    called = sweep("samples", out, "-n", "12", "--seed", "7", "--json")
    found = json.loads(called.out)
    assert found == {"file": "samples.npz", "shape": [12, 8, 8, 1], "seed": 7, "label": None}
    wanted = np.asarray(load_generator(out)(jax.random.key(7), 12))
    with np.load("samples.npz") as archive:
        assert list(archive) == ["images"]
        images = archive["images"]
    assert images.dtype == np.uint8
    assert np.array_equal(images, np.round((np.clip(wanted, -1, 1) + 1) / 2 * 255))
    assert load_npz(Path("samples.npz")).images.shape == (12, 8, 8, 1)
    first = Path("samples.npz").read_bytes()
    assert sweep("samples", out, "-n", "12", "--seed", "7").out == (
        "Wrote samples.npz: 12 images by seed 7.\n"
    )
    assert Path("samples.npz").read_bytes() == first
    sweep("samples", out, "-n", "12")
    assert Path("samples.npz").read_bytes() != first


def test_a_grid_of_samples_is_a_picture(sweep, out: Path) -> None:
    assert sweep("samples", out, "-n", "9", "--grid").code == 0
    assert sweep("samples", out, "-n", "9", "-o", "other.png").code == 0
    assert Path("samples.png").read_bytes() == Path("other.png").read_bytes()
    with Image.open("samples.png") as picture:
        picture.load()
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "nowhere: holds no checkpoint/"),
        (("out", "--label", "3"), "--label 3: labels: samples of this family are of no class"),
        (("out", "--label", "30"), "--label 30: labels: samples of this family are of no class"),
        (("out", "-o", "some.jpg"), "got the ending '.jpg'; accepted: .png with --grid, .npz"),
        (("out", "--grid", "-o", "some.npz"), "got the ending '.npz'"),
    ],
)
def test_samples_that_cannot_be_drawn_are_told(sweep, out: Path, arguments, told: str) -> None:
    called = sweep("samples", *arguments)
    assert (called.code, called.out) == (2, "")
    assert told in called.err
    assert [path.name for path in Path().iterdir()] == ["out"]
