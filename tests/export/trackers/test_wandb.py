"""A study in files of Weights & Biases', as its client writes them offline."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wandb.proto.wandb_internal_pb2 import Record

from normsweep import log_study
from normsweep.errors import UserError
from normsweep.export.trackers import trackers
from normsweep.storage import open_storage, read_measurements


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

    log_study(example.study, storage, ["wandb:digits"])
    assert folders(offline) == there
    # As a process that was killed leaves it.
    (there["trial-0002"] / "sweep-written").unlink()
    log_study(example.study, storage, ["wandb:digits"])
    again = folders(offline)
    assert again.keys() == there.keys()
    assert not there["trial-0002"].exists()
    storage.engine.dispose()


def test_online_and_not_logged_in_it_is_refused(monkeypatch, tmp_path) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"log to wandb: .*WANDB_MODE=offline"):
        trackers(["wandb"])
