"""`sweep launch --on ray` as a process of its own, which starts a cluster of this machine."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any

import pytest

URL = "sqlite:///studies.db"
ON_RAY = ("--on", "ray", "--address", "local", "--workers", "2")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray in a folder of its own, whose name is not too long for the sockets in it."""
    with TemporaryDirectory(prefix="ray-") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        # By its own choice its workers stand back: beside other tests they would starve.
        monkeypatch.setenv("RAY_worker_niceness", "0")
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        yield


def query(sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect("studies.db", timeout=30)) as connection:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []


def test_a_launch_on_ray_starts_a_cluster_and_ends_with_an_answer(
    start, write_spec, read_trials, outcome, example
) -> None:
    process = start("launch", write_spec(), *ON_RAY)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    # Nothing of Ray's is among it.
    assert out.lstrip().startswith("… Not confirmed") and "small: 7 complete" in out
    assert "ray" not in err.lower()
    assert outcome(read_trials(URL)) == outcome(example.trials)
    assert query("select * from sweep_workers") == query("select * from sweep_claims") == []


def test_ctrl_c_ends_a_launch_on_ray_and_its_trials_are_given_back(
    start, write_spec, read_trials
) -> None:
    process = start("launch", write_spec(train__steps=4000, train__chunks=400), *ON_RAY)
    deadline = time.monotonic() + 180
    while len(query("select distinct worker from sweep_claims")) < 2:
        assert time.monotonic() < deadline, "waited too long"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pids = [pid for (pid,) in query("select pid from sweep_workers")]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Stopped before the end; nothing is lost." in out
    assert "Traceback" not in err
    assert {trial.state.name for trial in read_trials(URL)} == {"WAITING"}
    assert query("select * from sweep_claims") == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_wrong_address_is_one_message(sweep, write_spec) -> None:
    called = sweep("launch", write_spec(), "--on", "ray", "--address", "nonsense")
    assert called.code == 2
    assert called.err.startswith("error: --address nonsense: no address of a Ray cluster; accepted")
    assert called.out == ""
    assert not os.path.exists("studies.db")
