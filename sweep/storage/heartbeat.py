"""A worker says that it lives, in a thread: a long chunk must not look like death."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from normsweep.storage.retry import is_outage
from normsweep.storage.workers import Worker, beat, leave

INTERVAL = 10.0
"""Seconds between two heartbeats."""
GRACE = 60.0
"""Seconds of silence after which a worker of another machine counts as dead."""
RESTING = "resting"
"""The state of a worker whose study is paused."""


class Heartbeat:
    """Writes a worker's row every so many seconds while the context lasts, and removes it after.

    An error that is no outage of the database ends it, and is raised by `check`, or at the end.
    """

    def __init__(self, engine: Engine, worker: Worker, every: float = INTERVAL) -> None:
        self._engine, self._worker, self._every = engine, worker, every
        self._lock = threading.Lock()
        self._ended, self._wake = False, threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._trained: list[tuple[float, int]] = [(time.monotonic(), 0)]
        self._error: Exception | None = None

    @property
    def worker(self) -> Worker:
        return self._worker

    def tell(self, *, state: str | None = None, study: str | None = None, chunks: int = 0) -> None:
        """Changes what the next heartbeat says; `chunks` more were trained."""
        with self._lock:
            done = self._worker.chunks + chunks
            now = time.monotonic()
            # The rate is that of the last half minute.
            self._trained = [entry for entry in self._trained if now - entry[0] < 30] or [
                self._trained[-1]
            ]
            self._trained.append((now, done))
            (first, before), (last, after) = self._trained[0], self._trained[-1]
            was = self._worker
            self._worker = replace(
                self._worker,
                state=state or self._worker.state,
                study=study or self._worker.study,
                chunks=done,
                rate=(after - before) / (last - first) if last > first else 0.0,
            )
            if (was.state, was.study) != (self._worker.state, self._worker.study):
                # News do not wait for the next one.
                self._wake.set()

    def check(self) -> None:
        """Raises what has ended the thread, where anything has: a mistake of ours."""
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        beat(self._engine, self._worker)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()
        self._unless_away(partial(leave, self._engine, self._worker.worker))
        if error is None:
            self.check()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._every)
            self._wake.clear()
            if self._ended:
                return
            with self._lock:
                worker = self._worker
            try:
                self._unless_away(partial(beat, self._engine, worker))
            except Exception as error:
                self._error = error
                return

    def _unless_away(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:
            # The loop notices a database that is away, and knows for how long.
            if not is_outage(error):
                raise
