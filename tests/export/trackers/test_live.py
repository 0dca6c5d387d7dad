"""A study that is logged while it is trained, and destinations that cannot be used."""

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from normsweep.errors import UserError
from normsweep.export import trackers
from normsweep.export.trackers.entry import Entry
from normsweep.export.trackers.live import NOT_LOGGED, Live
from normsweep.worker.launch import launch


@dataclass
class Memory:
    """Keeps what it is told; is away for the first so many times."""

    away: int = 0
    shown: str = "memory"
    takes_unended: bool = True
    faults: tuple[type[Exception], ...] = (OSError,)
    entries: list[Entry] = field(default_factory=list)
    closed: bool = False

    def write(self, entry: Entry) -> None:
        if self.away:
            self.away -= 1
            raise OSError("no route to host\nand more")
        self.entries.append(entry)

    def close(self) -> None:
        self.closed = True


def launched(spec, url: str, tracker: Memory, seen: list[dict[str, Any]]) -> Any:
    def log(event: str, /, **facts: Any) -> None:
        seen.append({"event": event, **facts})

    with Live(spec.study.name, url, None, [tracker], log) as live:
        return launch(spec, url, watch=live.watching(lambda progress: None))


def test_what_is_new_is_told_while_it_trains_and_the_rest_in_the_end(
    make_spec, storage_url, monkeypatch
) -> None:
    monkeypatch.setattr("normsweep.export.trackers.live._LEAST", 0.0)
    tracker = Memory()
    done = launched(make_spec(), storage_url, tracker, [])
    assert done.done and tracker.closed
    names = [entry.name for entry in tracker.entries]
    assert names[-1] == "study" and names.count("study") == 1
    assert not tracker.entries[0].ended
    ended = [entry.name for entry in tracker.entries if entry.ended]
    assert sorted(ended) == sorted({*names} - {"study"})


def test_a_destination_that_goes_away_is_warned_of_once_and_told_again(
    make_spec, storage_url, monkeypatch
) -> None:
    monkeypatch.setattr("normsweep.export.trackers.live._LEAST", 0.0)
    # However long it took, it is tried again at the next chunk: the study is over in a second.
    monkeypatch.setattr("normsweep.export.trackers.live._SHARE", 1)
    tracker, seen = Memory(away=2), []
    done = launched(make_spec(), storage_url, tracker, seen)
    assert done.done
    assert [facts for facts in seen if facts["event"] == NOT_LOGGED] == [
        {"event": NOT_LOGGED, "to": "memory", "reason": "no route to host"}
    ]
    assert {entry.name for entry in tracker.entries if entry.ended} >= {"baseline", "trial-0006"}


def test_one_that_stays_away_says_in_the_end_how_to_log_later(make_spec, storage_url) -> None:
    tracker, seen = Memory(away=10**6), []
    assert launched(make_spec(study__trials=1), storage_url, tracker, seen).done
    assert seen[-1]["by"] == "sweep log small --to memory"


@pytest.mark.parametrize(
    ("destination", "package", "told"),
    [
        ("tensorboard:runs", "tensorboardX", r"pip install 'normsweep\[tensorboard\]'"),
        ("mlflow:http://127.0.0.1:1", "mlflow", r"pip install 'normsweep\[mlflow\]'"),
        ("wandb", "wandb", r"pip install 'normsweep\[wandb\]'"),
    ],
)
def test_a_client_that_is_not_installed_is_named_with_its_extra(
    monkeypatch, destination, package, told
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=told):
        trackers.trackers([destination])


@pytest.mark.parametrize("destination", ["", "aim:runs", "tensorboard:", "tensorboard"])
def test_a_destination_that_is_none_is_refused_with_what_is_accepted(destination) -> None:
    with pytest.raises(UserError, match=r"accepted: tensorboard:DIR"):
        trackers.trackers([destination])


def test_a_folder_that_cannot_be_written_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made a folder"):
        trackers.trackers([f"tensorboard:{tmp_path / 'file' / 'runs'}"])
