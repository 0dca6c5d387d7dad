"""Ctrl-C and worse: nothing is left running, nothing is lost, the scores are the same."""

import re
import signal
import sqlite3
import time
from random import Random

import pytest

from normsweep.cli.interrupts import Interrupts
from normsweep.worker import trial_run

URL = "sqlite:///studies.db"


@pytest.mark.parametrize("moment", [1, 7, 24])
def test_ctrl_c_ends_after_the_running_chunk_and_says_how_to_go_on(
    sweep, write_spec, read_trials, outcome, example, monkeypatch, moment: int
) -> None:
    write, calls = trial_run.tell, 0

    def interrupted(*arguments) -> None:
        nonlocal calls
        calls += 1
        if calls == moment:
            signal.raise_signal(signal.SIGINT)
        write(*arguments)

    spec = write_spec()
    with monkeypatch.context() as patched:
        patched.setattr(trial_run, "tell", interrupted)
        called = sweep("launch", spec)
    assert called.code == 130
    # The chunk was scored for all of its three trials, and no other was begun.
    assert calls == -(-moment // 3) * 3
    assert "stopping after the running chunk" in called.err
    assert "Stopped before the end; nothing is lost. Go on with:" in called.out
    assert called.out.rstrip().endswith(f"sweep launch {spec}")
    states = [trial.state.name for trial in read_trials(URL)]
    assert "RUNNING" not in states
    done = sum(state in ("COMPLETE", "PRUNED") for state in states)
    told = f"{done} of 7 trials are done, and no worker is at work on the others. Go on with:  "
    assert (told + "sweep worker small") in " ".join(sweep("show", "small").out.split("\n"))
    sweep("pause", "small")
    command = "sweep resume small && sweep worker small"
    assert (told + command) in " ".join(sweep("show", "small").out.split("\n"))
    assert sweep("launch", spec, "--resume").code == 0
    assert outcome(read_trials(URL)) == outcome(example.trials)
    assert "Go on with" not in sweep("show", "small").out


def test_the_second_ctrl_c_ends_at_once_and_the_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        assert not interrupts.happened()
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.happened()
        signal.raise_signal(signal.SIGINT)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_second_ctrl_c_loses_the_chunk_and_nothing_else(
    sweep, write_spec, read_trials, outcome, example, monkeypatch
) -> None:
    calls = 0

    def interrupted(*_) -> None:
        nonlocal calls
        calls += 1
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    spec = write_spec()
    with monkeypatch.context() as patched:
        patched.setattr(trial_run, "tell", interrupted)
        called = sweep("launch", spec)
    assert called.code == 130
    assert calls == 1
    assert "Traceback" not in called.err
    assert {trial.state.name for trial in read_trials(URL)} == {"WAITING"}
    sweep("launch", spec)
    assert outcome(read_trials(URL)) == outcome(example.trials)


def read_until(process, pattern: str) -> list[str]:
    """Lines of standard error up to the first that matches."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"no line like {pattern!r} in {lines}, status {process.wait()}")


def test_ctrl_c_in_a_process_of_its_own(
    start, sweep, write_long_spec, read_trials, outcome, long_example, folder
) -> None:
    spec = write_long_spec()
    process = start("launch", spec)
    read_until(process, r"^small  [1-6]/7 trials done")
    process.send_signal(signal.SIGINT)
    written = rows(folder / "studies.db")
    out, err = process.communicate(timeout=60)
    # Two chunks of three trials on two folds, if another began meanwhile; it has 560 rows in all.
    assert rows(folder / "studies.db") - written <= 2 * 3 * 2
    assert process.returncode == 130, err
    assert "stopping after the running chunk" in err
    assert "Traceback" not in err
    assert out.rstrip().endswith(f"sweep launch {spec}")
    stopped = read_trials(URL)
    states = [trial.state.name for trial in stopped]
    assert "RUNNING" not in states
    assert "WAITING" in states
    assert sweep("launch", spec).code == 0
    ended = read_trials(URL)
    assert outcome(ended) == outcome(long_example.trials)
    for before, after in zip(stopped, ended, strict=True):
        if before.state.name == "COMPLETE":
            assert after.datetime_complete == before.datetime_complete


def rows(path) -> int:
    """How many measurements there are so far; 0 where there is no table yet."""
    if not path.exists():
        return 0
    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute("select count(*) from sweep_measurements").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_a_study_killed_at_random_moments_ends_with_the_scores_of_one_never_killed(
    start, sweep, write_long_spec, read_trials, outcome, long_example, folder
) -> None:
    spec, random = write_long_spec(), Random(20)
    complete: dict[int, object] = {}
    for _ in range(3):
        process = start("launch", spec, "--json")
        # By progress and not by the clock, since machines differ in speed; it has 560 rows in all.
        enough = rows(folder / "studies.db") + random.randint(1, 100)
        while rows(folder / "studies.db") < enough:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.kill()
        process.wait()
        for trial in read_trials(URL):
            if trial.state.name == "COMPLETE":
                complete.setdefault(trial.number, trial.datetime_complete)
    assert len(complete) < 7
    assert sweep("launch", spec).code == 0
    ended = read_trials(URL)
    assert outcome(ended) == outcome(long_example.trials)
    assert {number: ended[number].datetime_complete for number in complete} == complete
