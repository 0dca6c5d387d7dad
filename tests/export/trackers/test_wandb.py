"""A study in files of Weights & Biases', as its client writes them offline."""

import json
import struct
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from normsweep import log_study
from normsweep.errors import UserError
from normsweep.export.trackers import trackers
from normsweep.export.trackers.entry import Entry
from normsweep.storage import open_storage, read_measurements
from normsweep.study.records import load_study
from tests.small_studies import confirm_by_hand


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    return tmp_path / "wandb"


def records(path: Path) -> Iterator[Record]:
    """What is in a file: a log in blocks of 32 KB, as LevelDB has it, behind 7 bytes."""
    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        # 1 is a whole record, 4 the last piece of one.
        if kind in (1, 4):
            yield Record.FromString(part)
            part = b""


def history(folder: Path) -> dict[int, dict[str, Any]]:
    (path,) = folder.glob("*.wandb")
    found: dict[int, dict[str, Any]] = {}
    for record in records(path):
        if record.WhichOneof("record_type") == "history":
            values = {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                for item in record.history.item
            }
            found.setdefault(int(values["_step"]), {}).update(values)
    return found


def folders(offline: Path) -> dict[str, Path]:
    return {path.name.split("-", 4)[-1]: path for path in offline.glob("offline-run-*")}


def test_each_trial_is_a_run_with_its_curves_and_pictures_and_is_written_once(
    example, offline
) -> None:
    storage = open_storage(example.url)
    log_study(example.study, storage, ["wandb:digits"])
    there = folders(offline)
    assert sorted(there) == ["baseline", "study", *(f"trial-{n:04d}" for n in range(1, 7))]
    trial = example.study.get_trials()[1]
    rows = read_measurements(storage.engine, trial._trial_id)
    found = history(there["trial-0001"])
    for step in {row.step for row in rows}:
        mean = np.mean([row.fid for row in rows if row.step == step])
        assert found[step]["fid"] == pytest.approx(mean)
    assert list((there["trial-0001"] / "files" / "media" / "images").glob("*.png"))
    assert "strength = " in (there["trial-0001"] / "files" / "config.toml").read_text("utf-8")
    scores = history(there["study"])
    assert [row["number"] for row in scores.values()] == [*scores] == [*range(7)]

    log_study(example.study, storage, ["wandb:digits"])
    assert folders(offline) == there
    # As a process that was killed leaves it.
    (there["trial-0002"] / "sweep-written").unlink()
    log_study(example.study, storage, ["wandb:digits"])
    again = folders(offline)
    assert again.keys() == there.keys()
    assert not there["trial-0002"].exists()
    storage.engine.dispose()


class Online:
    """W&B's server in place of its client's connection, by what its documentation says of `log`."""

    def __init__(self, folder: Path) -> None:
        self.runs: dict[str, Resumed] = {}
        self.calls, self._folder = 0, folder

    def init(self, *, id: str, **others: Any) -> "Resumed":
        self.calls += 1
        run = self.runs.setdefault(id, Resumed())
        # Of other machines': nothing here says that it was written.
        run.dir = str(self._folder / str(self.calls))
        Path(run.dir).mkdir(parents=True)
        run.settings = SimpleNamespace(sync_dir=run.dir)
        return run


class Resumed:
    """A run that may be gone on with: rows by steps, of which it takes none that it has passed."""

    dir: str
    settings: SimpleNamespace

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.summary: dict[str, Any] = {}
        self.step = 0
        self.axes: dict[str, str] = {}

    def log(self, values: dict[str, Any], *, step: int) -> None:
        if step >= self.step:
            self.rows.setdefault(step, {}).update(values)
            self.summary |= values
            self.step = step

    def define_metric(self, name: str, *, step_metric: str) -> None:
        self.axes[name] = step_metric

    def finish(self, *, exit_code: int) -> None:
        self.step = max(self.rows, default=-1) + 1

    def points(self, name: str) -> list[tuple[int, Any]]:
        rows = (self.rows[step] for step in sorted(self.rows))
        return [(row["number"], row[name]) for row in rows if name in row]


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Online:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    server = Online(tmp_path / "runs")
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb, "init", server.init)
    return server


def test_a_study_that_is_confirmed_later_gets_its_effect_and_late_trials_once(online) -> None:
    scores = {number: {"score": float(number)} for number in range(21)}
    late = scores.pop(5)
    study = partial(Entry, of="mine", identity="1", name="study", ended=False)
    (tracker,) = trackers(["wandb"])
    tracker.write(study(curves=scores))
    (run,) = online.runs.values()
    assert run.axes == {"*": "number"}
    before = run.points("score")
    assert before == [(number, number) for number in range(21) if number != 5]
    # By 8 seeds, which is less than the steps that are there; and so is the trial that ended last.
    confirmed = scores | {5: late, 8: scores[8] | {"effect": -0.5, "effect low": -0.9}}
    for _ in range(2):
        tracker.write(study(curves=confirmed | {30: {"score": 30.0}}))
        assert run.points("score") == [*before, (5, 5.0), (30, 30.0)]
        assert run.points("effect") == [(8, -0.5)]
        assert (run.summary["effect"], run.summary["effect low"]) == (-0.5, -0.9)
    # What is confirmed beside it changes it.
    tracker.write(study(curves=scores | {8: {"effect": -0.4}}))
    assert run.summary["effect"] == -0.4
    tracker.write(study(curves=scores | {12: {"effect": -0.3}}))
    assert run.points("effect") == [(8, -0.5), (12, -0.3)]


def test_a_study_that_is_gone_on_with_online_has_nothing_twice(
    copied_example, database, online
) -> None:
    storage = open_storage(f"sqlite:///{database}")
    study = load_study("small", storage)
    log_study(study, storage, ["wandb:digits"])
    before = deepcopy(rows_of(online))
    log_study(study, storage, ["wandb:digits"])
    assert rows_of(online) == before
    confirm_by_hand(study, storage)
    for _ in range(2):
        log_study(study, storage, ["wandb:digits"])
        (whole,) = (run for name, run in online.runs.items() if name.endswith("-study"))
        assert whole.points("effect") == [(3, pytest.approx(-1.0))]
        assert len(whole.points("score")) == 7
        assert whole.summary["effect"] == pytest.approx(-1.0)
        assert "helps" in whole.summary["verdict"]
    storage.engine.dispose()


def rows_of(online: Online) -> dict[str, dict[int, Any]]:
    return {name: run.rows for name, run in online.runs.items()}


def test_online_and_not_logged_in_it_is_refused(monkeypatch, tmp_path) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"log to wandb: .*WANDB_MODE=offline"):
        trackers(["wandb"])
