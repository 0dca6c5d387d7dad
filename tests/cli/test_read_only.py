"""A database where nothing may be written, as on a read-only file system: what reads it reads."""

import os
import sqlite3
from pathlib import Path

import optuna_dashboard
import pytest
from optuna.storages import get_storage

from normsweep.storage.connect import only_to_be_read


@pytest.fixture
def barred(example, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example in a folder that nobody may write to, though root could."""
    place = folder / "barred"
    place.mkdir()
    path = place / "studies.db"
    source, target = sqlite3.connect(example.url.removeprefix("sqlite:///")), sqlite3.connect(path)
    source.backup(target)
    source.close(), target.close()
    path.chmod(0o444)
    place.chmod(0o555)
    allowed = os.access

    def access(where: str | Path, mode: int) -> bool:
        inside = place in (Path(where), *Path(where).parents)
        return allowed(where, mode) and not (mode & os.W_OK and inside)

    monkeypatch.setattr(os, "access", access)
    yield path
    place.chmod(0o755)


@pytest.mark.parametrize(
    "command",
    [
        *("list", "show small", "status", "report small -o page.html", "export small -o best.toml"),
        *(
            "export small -o all.csv",
            "compare small small --storage-b {url}",
            "copy small --to sqlite:///other.db",
        ),
    ],
)
def test_what_only_reads_needs_no_right_to_write(
    sweep, barred: Path, example, command: str
) -> None:
    before = barred.read_bytes()
    words = command.format(url=example.url).split()
    called = sweep(*words, "--storage", f"sqlite:///{barred}")
    assert called.code == 0, called.err
    assert barred.read_bytes() == before


@pytest.mark.parametrize("command", ["list", "show small", "export small --format csv"])
def test_a_command_that_only_reads_leaves_the_file_alone(
    start, example, folder: Path, command: str
) -> None:
    source, target = (
        sqlite3.connect(example.url.removeprefix("sqlite:///")),
        sqlite3.connect("a.db"),
    )
    source.backup(target)
    source.close(), target.close()
    before = (folder / "a.db").read_bytes()
    process = start(*command.split(), "--storage", "sqlite:///a.db")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert os.listdir(folder) == ["a.db"]
    assert (folder / "a.db").read_bytes() == before


@pytest.mark.parametrize("command", ["pause small", "delete small --yes", "clean", "confirm small"])
def test_what_writes_says_that_it_cannot(sweep, barred: Path, command: str) -> None:
    called = sweep(*command.split(), "--storage", f"sqlite:///{barred}")
    assert called.code == 2
    assert "studies.db is read-only" in called.err and "Traceback" not in called.err


def test_the_dashboard_shows_it_as_it_is(
    sweep, barred: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []

    def serve(storage, host: str, port: int, artifact_store) -> None:
        app = optuna_dashboard._app.create_app(get_storage(storage), artifact_store)
        answer = app.match({"PATH_INFO": "/api/studies", "REQUEST_METHOD": "GET"})[0].callback()
        served.append(str(answer))

    monkeypatch.setattr(optuna_dashboard, "run_server", serve)
    before = barred.read_bytes()
    called = sweep("dashboard", "--storage", f"sqlite:///{barred}", "--port", str(port))
    assert called.code == 0, called.err
    assert "the database can only be read" in called.err
    assert "small" in served[0]
    assert barred.read_bytes() == before


def test_only_a_file_that_is_there_and_cannot_be_written_is_only_read(
    barred: Path, folder: Path
) -> None:
    assert only_to_be_read(f"sqlite:///{barred}")
    assert not only_to_be_read(f"sqlite:///{folder}/none.db")
    assert not only_to_be_read("sqlite://")
    assert not only_to_be_read("postgresql+psycopg://host/sweep")
