"""What is written in a thread that is slower than training."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normsweep.objectives.aliases import PyTree
from normsweep.storage.checkpoint_writer import CheckpointWriter
from normsweep.storage.checkpoints import Checkpoints


@dataclass(frozen=True)
class Slow(Checkpoints):
    """Writes nothing before it is told to; `written` are trials and steps in their order."""

    may: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    written: list[tuple[int, int]] = field(default_factory=list)

    def save(self, number: int, step: int, identity: dict[str, Any], state: PyTree) -> None:
        self.begun.set()
        assert self.may.wait(60)
        super().save(number, step, identity, state)
        self.written.append((number, step))


def state_at(step: int) -> dict[str, np.ndarray]:
    return {"weights": np.full(3, step, np.float32)}


@pytest.fixture
def slow(tmp_path: Path) -> Slow:
    return Slow(tmp_path / "checkpoints")


def test_of_what_waits_the_newest_of_each_trial_is_written_and_none_is_put_off(slow: Slow) -> None:
    with CheckpointWriter(slow) as writer:
        for step in (1, 2, 3):
            for number in (0, 1):
                writer.save(number, step, {}, state_at(step))
                assert slow.begun.wait(60)
        slow.may.set()
    # The first was being written; of what came meanwhile the other trial waited for longest.
    assert slow.written == [(0, 1), (1, 3), (0, 3)]
    for number in (0, 1):
        found = slow.load(number, {}, state_at(0))
        assert found is not None and found[0] == 3
        np.testing.assert_array_equal(found[1]["weights"], state_at(3)["weights"])


def test_what_waits_of_a_trial_that_has_ended_is_not_written_and_nothing_of_it_is_left(
    slow: Slow,
) -> None:
    with CheckpointWriter(slow) as writer:
        for number, step in ((0, 1), (1, 1), (0, 2)):
            writer.save(number, step, {}, state_at(step))
            assert slow.begun.wait(60)
        writer.drop(0)
        slow.may.set()
    assert slow.written == [(0, 1), (1, 1)]
    assert not slow.has(0) and slow.has(1)
