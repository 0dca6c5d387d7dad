"""An output that has no λ gets a question mark; nothing dies of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from normsweep.cli.logs import make_log
from normsweep.cli.main import main

ENCODINGS = ["ascii", "latin-1", "cp1252"]


@pytest.fixture(params=ENCODINGS)
def encoded(request, monkeypatch, tmp_path: Path):
    """Calls `sweep` with standard output and error in an encoding, as the interpreter opens them.

    Returns the exit code, and the bytes of both.
    """

    def encoded(*arguments: str | Path) -> tuple[int, bytes, bytes]:
        names = {"stdout": "strict", "stderr": "backslashreplace"}
        for name, errors in names.items():
            file = open(tmp_path / name, "w", encoding=request.param, errors=errors)  # noqa: SIM115
            monkeypatch.setattr(sys, name, file)
        monkeypatch.setattr(sys, "argv", ["sweep", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        for name in names:
            getattr(sys, name).close()
        out, err = ((tmp_path / name).read_bytes() for name in names)
        return int(ended.value.code or 0), out, err

    return encoded


def test_help_options_and_answers_are_printed(encoded, example) -> None:
    calls = [
        ("--help",),
        ("launch", "--help"),
        ("options",),
        ("list", "--storage", example.url),
        ("show", "small", "--storage", example.url),
        ("show", "small", "--json", "--storage", example.url),
        ("status", "--storage", example.url),
    ]
    for call in calls:
        code, out, err = encoded(*call)
        assert code == 0, (call, err)
        assert out and b"Error" not in err and b"Traceback" not in err


def test_a_launch_ends_with_its_answer(encoded, write_spec) -> None:
    spec = write_spec(study__trials=1)
    code, out, err = encoded("launch", spec)
    assert code == 0
    assert b"Best config" in out and b"Traceback" not in err


def test_mistakes_are_told(encoded) -> None:
    for call in (
        ("list", "--storage", "sqlite:///λ.db"),
        ("launch", "λ.toml"),
        ("list", "--storage", "sqlite:///\udcff.db"),
        ("launch", "\udcff.toml"),
        ("options", "λ"),
        ("λ",),
    ):
        code, _, err = encoded(*call)
        assert code == 2
        assert err and b"Traceback" not in err, call


def test_what_is_exported_is_in_utf_8_whatever_the_terminal(encoded, example) -> None:
    for form in ("toml", "json", "yaml", "optax", "csv"):
        code, out, _ = encoded("export", "small", "--format", form, "--storage", example.url)
        assert code == 0
        assert out.decode("utf-8")


def test_a_log_in_json_is_json(monkeypatch, tmp_path) -> None:
    for encoding in (*ENCODINGS, "utf-8"):
        path = tmp_path / encoding
        with open(path, "w", encoding=encoding, errors="backslashreplace") as file:
            monkeypatch.setattr(sys, "stderr", file)
            make_log(as_json=True)("study passed over", reason="λ · 😀")
        assert json.loads(path.read_text(encoding))["reason"] == "λ · 😀"


def test_an_output_that_is_closed_takes_everything() -> None:
    command = f"exec {sys.executable} -P -m normsweep options penalty.form >&-"
    ended = subprocess.run(["sh", "-c", command], env=os.environ, capture_output=True, text=True)
    assert ended.returncode == 0
    assert ended.stderr == ""
