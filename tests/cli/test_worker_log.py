"""The log of a worker: a line for each chunk if asked, and else one a minute."""

import json

import pytest

from normsweep.cli import logs
from normsweep.cli.logs import make_log
from normsweep.storage.events import CHUNK


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [{k: v for k, v in line.items() if k != "timestamp"} for line in found]


def test_a_worker_says_of_each_chunk_what_it_scored_if_asked(sweep, write_spec) -> None:
    sweep("submit", write_spec(study__trials=1))
    called = sweep("worker", "small", "--log-json", "--verbose")
    events = [json.loads(line) for line in called.err.splitlines() if line.startswith("{")]
    chunks = [each for each in events if each["event"] == CHUNK]
    assert [(each["trial"], each["step"]) for each in chunks if each["trial"] == 1] == [
        (1, step) for step in (10, 20, 30, 40)
    ]
    (end,) = (e for e in events if e["event"] == "trial complete" and e["trial"] == 1)
    last = next(each for each in chunks if (each["trial"], each["step"]) == (1, 40))
    assert last["score"] == end["score"]


def test_otherwise_there_is_a_line_a_minute(clock, capsys) -> None:
    log = make_log(as_json=True)
    for second in range(150):
        clock.now = float(second)
        log(CHUNK, study="small", trial=second // 100, step=10 * second, score=1.0)
    log("trial complete", study="small", trial=0)
    assert lines(capsys) == [
        {"study": "small", "chunks": 61, "trials": [0], "event": "training"},
        {"study": "small", "chunks": 60, "trials": [0, 1], "event": "training"},
        {"study": "small", "trial": 0, "event": "trial complete"},
    ]


def test_a_launch_is_told_of_no_chunk(capsys) -> None:
    logs.notice_log(CHUNK, study="small", trial=1, step=10, score=1.0)
    assert capsys.readouterr() == ("", "")


def test_a_training_that_lasts_seconds_has_no_line_on_it(sweep, write_spec) -> None:
    sweep("submit", write_spec(study__trials=1))
    err = sweep("worker", "small", "--log-json").err
    assert '"event": "trial complete"' in err
    assert '"event": "training"' not in err and CHUNK not in err.split()
