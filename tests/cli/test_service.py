"""Workers as processes of their own, on one database, and what becomes of those that die."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from normsweep.storage import open_storage

URL = "sqlite:///studies.db"
UNTIRING = {"service__retries": 1000, "service__checkpoint_every": 2}


def query(sql: str) -> list[tuple[Any, ...]]:
    """Rows of the database; none as long as there is no such table."""
    with closing(sqlite3.connect("studies.db", timeout=30)) as connection:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []


def rows() -> int:
    return len(query("select 1 from sweep_measurements"))


def events(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_two_workers_share_a_study_that_was_submitted(
    start, sweep, write_spec, read_trials, outcome, example
) -> None:
    submitted = sweep("submit", write_spec())
    assert submitted.code == 0
    assert "Submitted small: 7 trials. Run it with:  sweep worker small" in submitted.out
    assert {trial.state.name for trial in read_trials(URL)} == {"WAITING"}
    workers = [start("worker", "small", "--log-json") for _ in range(2)]
    told = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    assert outcome(read_trials(URL)) == outcome(example.trials)
    heard = [event for _, err in told for event in events(err)]
    ended = sorted(event["trial"] for event in heard if event["event"] == "trial complete")
    assert ended == list(range(7))
    assert all(re.match(r"\d{4}-\d\d-\d\dT", event["timestamp"]) for event in heard)
    # Nobody is left at work, and nothing is claimed.
    assert query("select * from sweep_workers") == query("select * from sweep_claims") == []


def test_a_study_that_is_submitted_again_is_told_to_be_there(
    sweep, write_spec, example, read_trials
) -> None:
    with (
        closing(sqlite3.connect(example.url.removeprefix("sqlite:///"))) as finished,
        closing(sqlite3.connect("studies.db")) as here,
    ):
        finished.backup(here)
    assert sweep("submit", write_spec(), "--name", "two").out.startswith("Submitted two: 7 trials.")
    again = sweep("submit", write_spec(), "--name", "two")
    assert again.code == 0
    assert again.out == (
        "two was there already: 0 of 7 trials done. Run it with:  sweep worker two\n"
    )
    for told, state in (("pause", "paused"), ("stop", "stopped")):
        sweep(told, "two")
        third = sweep("submit", write_spec(), "--name", "two")
        assert third.code == 2
        assert f"study 'two' is {state}; accepted with --resume" in third.err
        fourth = sweep("submit", write_spec(), "--name", "two", "--resume").out
        assert fourth.startswith(f"two was there already, was {state} and is open again: 0 of 7")
    assert len(read_trials(URL, "two")) == 7
    assert sweep("submit", write_spec()).out == (
        "small was there already: 7 of 7 trials done. Its answer:  sweep show small\n"
    )
    fewer = sweep("submit", write_spec(), "--trials", "2").out
    assert fewer.startswith("small was there already: 7 of 7 trials done.")
    elsewhere = sweep("submit", write_spec(), "--storage", "sqlite:///other.db").out
    assert elsewhere.endswith("sweep worker small --storage sqlite:///other.db\n")


def test_a_worker_without_a_name_serves_all_studies_the_oldest_first(
    sweep, write_spec, capsys
) -> None:
    for name in ("zebra", "ant"):
        assert sweep("submit", write_spec(), "--name", name).code == 0
    assert sweep("submit", write_spec(), "--name", "resting").code == 0
    assert sweep("pause", "resting").out == "resting is paused.\n"
    worked = sweep("worker", "--log-json")
    assert worked.code == 0
    taken = [e["study"] for e in events(worked.err) if e["event"] == "study taken"]
    assert taken == ["zebra", "ant"]
    found = json.loads(sweep("status", "--json").out)
    states = {study["study"]: study["state"] for study in found["studies"]}
    assert states == {"zebra": "finished", "ant": "finished", "resting": "paused"}


def test_an_unknown_study_is_a_mistake_of_the_user_s(sweep, write_spec) -> None:
    sweep("submit", write_spec())
    for command in ("worker", "pause", "resume", "stop"):
        called = sweep(command, "smal")
        assert called.code == 2
        assert "study 'smal' is not in sqlite:///studies.db; there: small" in called.err


@pytest.mark.parametrize("cores", ["x", "99999", "1-", "-1", "0,,1"])
def test_cores_that_are_not_there_are_refused(sweep, cores: str) -> None:
    called = sweep("worker", f"--cores={cores}")
    assert called.code == 2
    assert f"--cores {cores}: accepted: numbers out of" in called.err


def test_a_paused_study_is_waited_for_and_a_stopped_one_left_after_the_chunk(
    start, wait_for, sweep, write_long_spec, read_trials, outcome, long_example
) -> None:
    sweep("submit", write_long_spec())
    worker = start("worker", "small", "--log-json")
    wait_for(lambda: rows() > 20, worker)
    sweep("pause", "small")
    wait_for(lambda: not query("select 1 from sweep_claims"), worker)
    assert "RUNNING" not in {trial.state.name for trial in read_trials(URL)}
    before = rows()
    time.sleep(1)
    assert rows() == before
    assert worker.poll() is None
    assert sweep("resume", "small").out == "small is open.\n"
    wait_for(lambda: rows() > before + 20, worker)
    assert sweep("stop", "small").out == "small is stopped.\n"
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    states = {trial.state.name for trial in read_trials(URL)}
    assert "RUNNING" not in states
    assert "WAITING" in states
    # A stopped study is nobody's: a worker leaves at once.
    assert events(sweep("worker", "small", "--log-json").err) == []
    assert sweep("resume", "small").out == "small is open.\n"
    assert sweep("worker", "small").code == 0
    assert outcome(read_trials(URL)) == outcome(long_example.trials)


def test_a_worker_told_to_end_gives_its_trials_back(
    start, wait_for, sweep, write_long_spec, read_trials, outcome, long_example
) -> None:
    sweep("submit", write_long_spec())
    # Out of seven trials of 40 chunks on two folds.
    for number, code, enough in ((signal.SIGTERM, 0, 20), (signal.SIGINT, 130, 100)):
        worker = start("worker", "small", "--log-json")
        wait_for(lambda enough=enough: rows() > enough, worker)
        worker.send_signal(number)
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == code, err
        assert "Traceback" not in err
        assert "RUNNING" not in {trial.state.name for trial in read_trials(URL)}
        assert query("select * from sweep_claims") == []
    before = rows()
    again = sweep("worker", "small", "--log-json")
    # It goes on where the other was: not one chunk was lost.
    steps = [e["step"] for e in events(again.err) if e["event"] == "trial taken"]
    assert 0 < sum(step > 0 for step in steps) <= 3
    assert before + 2 * sum(40 - step // 10 for step in steps) == 7 * 40 * 2
    assert outcome(read_trials(URL)) == outcome(long_example.trials)


def test_status_tells_of_a_study_that_it_cannot_read_and_of_all_others(sweep, write_spec) -> None:
    for name in ("later", "small"):
        assert sweep("submit", write_spec(), "--name", name).code == 0
    storage = open_storage(URL)
    later = optuna.load_study(study_name="later", storage=storage)
    later.set_user_attr("spec", {"study": {"name": "later", "of_tomorrow": 1}})
    storage.engine.dispose()
    shown = sweep("status")
    assert shown.code == 0
    assert "study 'later': its spec is of another version of sweep" in shown.out
    one, other = json.loads(sweep("status", "--json").out)["studies"]
    assert (one["study"], one["state"], one["waiting"]) == ("later", "unreadable", 7)
    assert "of_tomorrow" in one["unreadable"]
    assert (other["study"], other["state"], other["unreadable"]) == ("small", "open", None)


def test_status_of_a_database_that_optuna_wrote_alone_is_empty(sweep) -> None:
    storage = optuna.storages.RDBStorage(URL)
    optuna.create_study(storage=storage, study_name="plain")
    storage.engine.dispose()
    shown = sweep("status")
    assert (shown.code, shown.err) == (0, "")
    assert "No worker." in shown.out and "No study." in shown.out


def test_a_trial_whose_worker_dies_again_and_again_fails_with_the_reason(
    start, wait_for, sweep, write_spec, read_trials
) -> None:
    sweep("submit", write_spec(train__steps=4000, train__chunks=400, service__retries=1))
    for _ in range(2):
        worker = start("worker", "small")
        before = rows()
        wait_for(lambda before=before: rows() > before + 4, worker)
        worker.kill()
        worker.wait()
    worker = start("worker", "small")
    wait_for(lambda: query("select 1 from trials where state = 'FAIL'"), worker)
    worker.kill()
    failed = [trial for trial in read_trials(URL) if trial.state.name == "FAIL"]
    assert {trial.user_attrs["reason"] for trial in failed} == {"its worker died 2 times in it"}


def test_a_launch_with_workers_replaces_one_that_dies_and_ends_with_an_answer(
    start, wait_for, sweep, write_spec, read_trials
) -> None:
    spec = write_spec(train__steps=800, train__chunks=80, **UNTIRING)
    process = start("launch", spec, "--workers", "2")
    wait_for(lambda: rows() > 50, process)
    ((pid,), *_) = query("select pid from sweep_workers order by started")
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert "worker died" in err
    assert "small: 7 complete" in out
    assert {trial.state.name for trial in read_trials(URL)} == {"COMPLETE"}


def test_ctrl_c_ends_a_launch_with_workers_and_all_of_them(
    start, wait_for, write_spec, read_trials
) -> None:
    spec = write_spec(train__steps=4000, train__chunks=400)
    process = start("launch", spec, "--workers", "2")
    wait_for(lambda: rows() > 50, process)
    pids = [pid for (pid,) in query("select pid from sweep_workers")]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Stopped before the end; nothing is lost." in out
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert "RUNNING" not in {trial.state.name for trial in read_trials(URL)}


def test_workers_of_a_launch_that_is_killed_end_by_themselves(
    start, wait_for, sweep, write_spec, read_trials
) -> None:
    spec = write_spec(train__steps=4000, train__chunks=400)
    process = start("launch", spec, "--workers", "2")
    wait_for(lambda: rows() > 50, process)
    process.kill()
    process.wait()
    wait_for(lambda: not query("select 1 from sweep_workers"), seconds=30)
    states = {trial.state.name for trial in read_trials(URL)}
    assert "RUNNING" not in states
    assert "WAITING" in states


def test_status_tells_of_a_worker_and_a_backup_made_beside_it_is_gone_on_with(
    start, wait_for, sweep, write_long_spec, read_trials, outcome, long_example
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    (command,) = re.findall(r'^    python (-c) "(import sqlite3.*)"$', text, re.MULTILINE)
    sweep("submit", write_long_spec())
    worker = start("worker", "small")
    wait_for(lambda: rows() > 20, worker)
    found = json.loads(sweep("status", "--json").out)
    (at_work,) = found["workers"]
    assert at_work["pid"] == worker.pid
    assert at_work["study"] == "small"
    assert at_work["alive"] is True
    (study,) = found["studies"]
    assert len(at_work["trials"]) == study["running"] == 3
    shown = sweep("status").out
    assert str(worker.pid) in shown and "small" in shown and "training" in shown
    wait_for(lambda: query("select 1 from trials where state = 'COMPLETE'"), worker)
    subprocess.run([sys.executable, *command], check=True)
    assert worker.poll() is None
    worker.kill()
    worker.wait()
    assert json.loads(sweep("status", "--json").out)["workers"][0]["alive"] is False
    assert "(gone)" in sweep("status").out
    with closing(sqlite3.connect("backup.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    backup = "sqlite:///backup.db"
    assert any(trial.state.name == "COMPLETE" for trial in read_trials(backup))
    assert sweep("worker", "small", "--storage", backup).code == 0
    assert outcome(read_trials(backup)) == outcome(long_example.trials)


def test_a_launch_that_loses_its_database_says_so_in_one_message(
    sweep, write_spec, monkeypatch
) -> None:
    def held(*arguments: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("normsweep.worker.loop.held", held)
    called = sweep("launch", write_spec(service__storage_patience=0))
    assert called.code == 1
    assert (
        "has been away for 0 s (disk I/O error), more than service.storage_patience" in called.err
    )
    assert "Traceback" not in called.err


def test_a_search_of_two_workers_stops_by_itself_and_says_so(sweep, write_spec) -> None:
    spec = write_spec(
        study__sampler="random",
        study__trials=30,
        study__startup_trials=1,
        penalty__strength={"low": 1e-6, "high": 1e-1, "log": True},
        stop={"patience": 2, "noise": 1e6},
    )
    launched = sweep("launch", spec, "--workers", "2")
    assert launched.code == 0
    assert "Stopped by itself after trial 1" in launched.out
    assert "It goes on after: sweep resume small" in " ".join(launched.out.split())
    assert "Stopped before the end" not in launched.out
    assert "small stopped by itself after trial 1" in sweep("status").out
    found = json.loads(sweep("show", "small", "--json").out)
    assert found["stopped_by_itself"].startswith("after trial 1")
    # The trials that it needs, and no more than were in the six slots beside them.
    assert 12 <= found["counts"]["complete"] <= 12 + 6
    assert found["counts"]["running"] == found["counts"]["waiting"] == 0
    again = sweep("launch", spec, "--json")
    assert json.loads(again.out)["counts"] == found["counts"]
    assert "small is open." in sweep("resume", "small").out
    assert json.loads(sweep("show", "small", "--json").out)["stopped_by_itself"] is None
