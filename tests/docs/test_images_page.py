"""Studies of pictures as the README and the page on images have them: copied, pasted, run."""

import re
from pathlib import Path

import pytest

from normsweep.data import load_dataset
from normsweep.spec import load_spec
from normsweep.study.attributes import study_attributes
from normsweep.worker.launch import Launched

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "images.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8").split("## Your images")[1].split("\n## ")[0]
QUICK = {
    "study.trials": 1,
    "data.size": 8,
    "train.steps": 4,
    "train.chunks": 1,
    "score.features": "pca",
    "score.dimension": 4,
}
SOURCES = {"folder": "photographs", "zip": "photographs.zip"}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page writes, with the README's spec beside it."""
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks(PAGE, "python")[0], "docs/images.md", "exec"), {})
    (tmp_path / "photographs.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    return tmp_path


def test_a_launch_on_each_source_of_the_readme_finds_the_same(photographs: Path, run) -> None:
    scores = []
    for source, path in SOURCES.items():
        changes = {"data.source": source, "data.path": path, "study.name": source}
        launched: Launched = run(load_spec("photographs.toml", QUICK | changes))
        assert launched.done
        assert study_attributes(launched.study).classes == ["flower", "temple"]
        scores.append([trial.values for trial in launched.study.get_trials()])
    assert all(found == scores[0] for found in scores)


def test_what_the_page_says_of_them_is_so(photographs: Path) -> None:
    spec = load_spec("photographs.toml")
    assert spec.data.source == "folder" and spec.data.path == "photographs"
    found = load_dataset("folder", path="photographs")
    assert found.images.shape == (520, 32, 32, 3)
    told = "understood: source folder 'photographs', images 520 of 32×32, rgb, pixels 0 to 255, "
    assert told + "labels 2 classes (flower, temple) of 260 images" in PAGE
    fields = re.findall(r"^(\w+) = ", blocks(PAGE, "toml")[0], re.MULTILINE)
    (photographs / "page.toml").write_text(blocks(PAGE, "toml")[0], encoding="utf-8")
    told = load_spec("page.toml").plain()["data"]
    assert {"size", "colour", "limit"} <= set(fields) <= set(told)
