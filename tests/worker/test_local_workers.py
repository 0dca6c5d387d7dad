"""Workers that are processes of this machine."""

import time
from pathlib import Path

from normsweep.worker.processes import LocalWorkers


def test_files_in_the_current_folder_are_not_taken_for_installed_packages(
    databases, storage_url, tmp_path: Path, monkeypatch, capfd
) -> None:
    """Its own end is that there is no such study."""
    for name in ("random", "optuna", "normsweep", "sweep"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the user')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    worker = LocalWorkers("none", databases.open(storage_url), 1).start(0)
    deadline = time.monotonic() + 120
    while (ended := worker.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    _, err = capfd.readouterr()
    assert "study 'none' is not in" in err
    assert "of the user" not in err
    assert ended.status == 2
