"""`sweep delete` and `sweep clean`: they ask, say what goes, and leave the rest."""

import io
import json
import sys
from pathlib import Path

import optuna
import pytest

from normsweep.storage import open_storage


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def copied(sweep, example, folder: Path) -> None:
    called = sweep("copy", "small", "--to", "sqlite:///studies.db", "--storage", example.url)
    assert called.code == 0
    (folder / "studies.files" / "gone" / "checkpoints").mkdir(parents=True)


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))


def test_a_study_is_deleted_when_the_answer_is_yes(sweep, copied, monkeypatch, folder) -> None:
    nobody = sweep("delete", "small")
    assert nobody.code == 2 and "accepted without one: --yes" in nobody.err
    for answer, code in (("n\n", 1), ("", 130)):
        answering(monkeypatch, answer)
        called = sweep("delete", "small")
        assert (called.code, called.out.strip()) == (code, "")
        assert "Delete small: 7 trials, 56 rows of what was measured, " in called.err
    assert "small" in sweep("list").out
    answering(monkeypatch, "y\n")
    called = sweep("delete", "small")
    assert called.code == 0 and "Deleted small: 7 trials, 56 rows of what" in called.out
    assert "holds no studies" in sweep("list").out
    assert sweep("delete", "small", "--yes").code == 2
    assert (folder / "studies.files" / "gone").exists()


def test_json_says_what_has_gone(sweep, copied) -> None:
    found = json.loads(sweep("delete", "small", "--yes", "--json").out)
    assert found["studies"] == ["small"] and found["trials"] == 7 and found["rows"] == 56
    assert found["checkpoints"] == [] and found["bytes"] >= 0


def test_clean_removes_what_optuna_left(sweep, copied, monkeypatch, folder: Path) -> None:
    storage = open_storage("sqlite:///studies.db")
    optuna.delete_study(study_name="small", storage=storage)
    storage.engine.dispose()
    answering(monkeypatch, "n\n")
    asked = sweep("clean")
    assert asked.code == 1 and str(folder / "studies.files" / "gone") in asked.err
    called = sweep("clean", "--yes")
    assert called.code == 0 and called.out == "Removed 1 folder of checkpoints.\n"
    assert not (folder / "studies.files" / "gone").exists()
    assert sweep("clean").out == "Nothing is left behind.\n"
    assert json.loads(sweep("clean", "--json").out)["trials"] == 0
