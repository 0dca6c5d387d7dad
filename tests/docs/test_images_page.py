"""Studies of pictures as the README and the page on images have them: copied, pasted, run."""

import re
from pathlib import Path

import pytest

from normsweep.cli import main
from normsweep.data import load_dataset
from normsweep.data.sources import PICTURES
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
SOURCES = re.findall(
    r'^(?:# )?source = "(\S+)".*\n(?:(?:# )?path = "(\S+)")?', README, re.MULTILINE
)
"""What the README's spec has, or has when a comment is taken away."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page writes, with the README's spec beside it."""
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    patches, archives, own = blocks(PAGE, "python")
    for code in (patches, archives):
        exec(compile(code, "docs/images.md", "exec"), {})
    (tmp_path / "mine.py").write_text(own, encoding="utf-8")
    (tmp_path / "photographs.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    return tmp_path


def test_a_launch_on_each_source_of_the_readme_finds_the_same(photographs: Path, run) -> None:
    assert [source for source, _ in SOURCES] == [*PICTURES, "mine.py:Photographs"]
    scores = []
    for number, (source, path) in enumerate(SOURCES):
        changes = {"data.source": source, "data.path": path or None, "study.name": str(number)}
        launched: Launched = run(load_spec("photographs.toml", QUICK | changes))
        assert launched.done
        called = ["flower", "temple"] if source in ("folder", "zip") else []
        assert list(study_attributes(launched.study).classes) == called
        scores.append([trial.values for trial in launched.study.get_trials()])
    assert all(found == scores[0] for found in scores)


def test_what_the_page_shows_of_them_is_shown(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = re.findall(r"^    sweep (data show .*)$", PAGE, re.MULTILINE)
    assert len(calls) == 2
    for call in calls:
        monkeypatch.setattr("sys.argv", ["sweep", *call.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert "2 classes: 0 flower (260), 1 temple (260)" in capsys.readouterr().out
    assert Path("photographs.sheet.png").is_file()


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
