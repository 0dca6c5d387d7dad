"""A disk that is really full: a small file system of the test's own, and what is written there."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """A file system of a few MiB that can be filled to its last byte, and emptied again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        self._filler.unlink()

    def others(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path != self._filler)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small file system: mounting one needs root")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def events(log: Path) -> list[dict[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def said(log: Path, event: str) -> list[dict[str, Any]]:
    return [each for each in events(log) if each["event"] == event]


def test_a_worker_waits_for_room_for_its_results_and_leaves_the_database_whole(
    disk, sweep, start, wait_for, write_long_spec, read_trials, outcome, long_example, tmp_path
) -> None:
    url = f"sqlite:///{disk.folder}/studies.db"
    assert sweep("submit", write_long_spec(), "--storage", url).code == 0
    log = tmp_path / "log"
    with log.open("w") as file:
        where = ("--storage", url, "--files", str(tmp_path / "files"))
        worker = start("worker", "small", "--log-json", *where, stderr=file)
    wait_for(lambda: said(log, "trial complete"), worker)
    disk.fill()
    wait_for(lambda: said(log, "storage away"), worker)
    disk.empty()
    assert worker.wait(120) == 0
    assert "full" in said(log, "storage away")[0]["cause"]
    assert said(log, "storage back")
    with closing(sqlite3.connect(disk.folder / "studies.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert outcome(read_trials(url)) == outcome(long_example.trials)


def test_a_trial_goes_on_without_a_checkpoint_that_finds_no_room(
    disk, sweep, start, wait_for, write_spec, read_trials, outcome, long_example, tmp_path
) -> None:
    disk.fill()
    url = "sqlite:///studies.db"
    spec = write_spec(train__steps=400, train__chunks=40, service__checkpoint_every=2)
    assert sweep("submit", spec).code == 0
    log = tmp_path / "log"
    with log.open("w") as file:
        worker = start("worker", "small", "--log-json", "--files", disk.folder, stderr=file)
    wait_for(lambda: said(log, "checkpoint not written"), worker)
    disk.empty()
    assert worker.wait(120) == 0
    assert "No space left" in said(log, "checkpoint not written")[0]["reason"]
    scores = [(trial.value, trial.intermediate_values) for trial in read_trials(url)]
    assert scores == [(trial.value, trial.intermediate_values) for trial in long_example.trials]


def test_what_a_study_is_submitted_to_has_no_room(disk, sweep, write_spec, read_trials) -> None:
    url = f"sqlite:///{disk.folder}/studies.db"
    disk.fill()
    for _ in range(2):
        called = sweep("submit", write_spec(), "--storage", url)
        assert called.code in (1, 2)
        assert called.err.startswith("error: ")
        assert "full" in called.err or "No space left" in called.err or "disk" in called.err
        assert "Traceback" not in called.err
    disk.empty()
    assert sweep("submit", write_spec(), "--storage", url).code == 0
    assert len(read_trials(url)) == 7


@pytest.mark.parametrize("before", [None, "mine"])
def test_an_export_that_finds_no_room_leaves_what_was_there(
    disk, sweep, example, before: str | None
) -> None:
    target = disk.folder / "best.toml"
    if before is not None:
        target.write_text(before, encoding="utf-8")
    disk.fill()
    called = sweep("export", "small", "--storage", example.url, "-o", target)
    assert called.code == 2
    assert called.err == f"error: {target}: cannot be written: No space left on device\n"
    assert disk.others() == ([] if before is None else ["best.toml"])
    if before is not None:
        assert target.read_text(encoding="utf-8") == before
    disk.empty()
    assert sweep("export", "small", "--storage", example.url, "-o", target).code == 0
    assert target.read_text(encoding="utf-8").startswith("[")
    assert os.stat(target).st_mode & 0o444 == 0o444


def test_a_training_that_finds_no_room_leaves_nothing(disk, sweep, example, tmp_path) -> None:
    config = tmp_path / "best.toml"
    assert sweep("export", "small", "--storage", example.url, "-o", config).code == 0
    disk.fill()
    called = sweep("train", config, "-o", disk.folder / "out")
    assert called.code == 2, called.err
    assert "No space left on device" in called.err
    assert "Traceback" not in called.err
    assert disk.others() == []
