"""The last trials of a study, shared by its workers: who looks first does not take them all."""

import math
from collections.abc import Sequence

from sqlalchemy import Engine

from normsweep.storage.heartbeat import GRACE
from normsweep.storage.workers import is_gone, seen_workers

LAST = 3
"""So many times what all workers train at once are left when they begin to share what is."""


def share(left: float, mine: Sequence[float], workers: int) -> int:
    """How many trials one of so many workers is to take, so that as much is left for each other.

    `left` is what of the study is to be trained, in trials, and `mine` what is of each of those
    that this worker has. One that has none takes one.
    """
    return max(0 if mine else 1, math.floor(left / workers - sum(mine) + 0.5))


def other_workers(engine: Engine, study: str, worker: str) -> int:
    """How many workers beside one are at work on a study."""
    return sum(
        seen.worker.study == study and seen.worker.worker != worker and not is_gone(seen, GRACE)
        for seen in seen_workers(engine)
    )
