"""Logs a study to trackers while it is trained, beside the training."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from normsweep.export.trackers import Logged, Tracker, reason
from normsweep.export.trackers.entry import Source
from normsweep.storage import open_storage, study_files
from normsweep.storage.events import Log
from normsweep.study.progress import Progress, Watcher
from normsweep.study.records import load_study

NOT_LOGGED = "not logged"
"""The event of a tracker that could not be told what is new."""

_SHARE = 10
"""Of so many seconds one is spent on logging, at most."""
_LEAST = 1.0
"""Seconds between two looks, at least."""


class Live:
    """While it lasts, what is new of the study `name` goes to each tracker; in the end, the rest.

    A tracker that fails is warned of once, told again with the next chunk, and in the end.
    """

    def __init__(
        self, name: str, url: str | None, files: Path | None, to: Sequence[Tracker], log: Log
    ) -> None:
        self._name, self._url, self._files, self._log = name, url, files, log
        self._logged = [Logged(tracker) for tracker in to]
        self._warned: set[str] = set()
        self._source: Source | None = None
        self._new, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="trackers", daemon=True)

    def watching(self, watch: Watcher) -> Watcher:
        """The same watcher, which also says here that there is something new."""
        if not self._logged:
            return watch

        def watched(progress: Progress) -> None:
            watch(progress)
            self._new.set()

        return watched

    def __enter__(self) -> Self:
        if self._logged:
            self._thread.start()
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if not self._logged:
            return
        self._over.set()
        self._new.set()
        self._thread.join()
        if kind is None:
            self._add(last=True)
        for logged in self._logged:
            logged.tracker.close()
        if self._source is not None:
            self._source.storage.engine.dispose()

    def _run(self) -> None:
        while self._new.wait() and not self._over.is_set():
            self._new.clear()
            begun = time.monotonic()
            self._add(last=False)
            self._over.wait(max(_LEAST, (_SHARE - 1) * (time.monotonic() - begun)))

    def _add(self, *, last: bool) -> None:
        for logged in self._logged:
            shown = logged.tracker.shown
            try:
                logged.add(self._opened(), last=last)
            except Exception as error:
                # Whatever it is, training goes on.
                if last or shown not in self._warned:
                    told = {"by": f"sweep log {self._name} --to {shown}"} if last else {}
                    self._log(NOT_LOGGED, to=shown, reason=reason(error), **told)
                self._warned.add(shown)

    def _opened(self) -> Source:
        if self._source is None:
            storage = open_storage(self._url, reading=True)
            place = study_files(storage, self._files)
            self._source = Source(load_study(self._name, storage), storage, place)
        return self._source
