"""A worker inside a Ray actor. Runs on any node of a cluster; knows nothing of Ray."""

import contextlib
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from normsweep.data.sources import DATA_VARIABLE
from normsweep.engine.devices import use_cores
from normsweep.errors import UserError
from normsweep.spec.plugins import FORBIDDEN_VARIABLE
from normsweep.storage import open_storage
from normsweep.storage.migrate import migrate
from normsweep.storage.retry import StorageLost
from normsweep.worker.serve import Server

Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """What a worker is to do, and where it finds what it needs.

    `folder` is the current folder of who asks for it, from which relative paths count; `data` is
    the folder of data sets there, if one was named; `no_plugins` is not empty where a user's files
    of code are forbidden.
    """

    study: str
    storage: str = field(repr=False)
    files: str
    folder: str
    data: str | None
    cpus: int
    no_plugins: str = ""


class Actor:
    """Serves one study. All methods may be called while `serve` runs."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._stop = threading.Event()
        self._events: deque[Event] = deque()
        use_cores(task.cpus)
        # Another machine need not have it, and all paths may be absolute.
        with contextlib.suppress(OSError):
            os.chdir(task.folder)
        if task.data is not None:
            os.environ[DATA_VARIABLE] = task.data
        os.environ[FORBIDDEN_VARIABLE] = task.no_plugins

    def serve(self) -> tuple[int, str]:
        """Works until nothing is left to do or it is told to stop; exit status and reason."""
        try:
            opened = open_storage(self._task.storage)
            migrate(opened.engine)
            server = Server(opened, self._task.files, stop=self._stop.is_set, log=self._log)
            server.serve(self._task.study)
        # As words: exceptions of a driver need not survive the way, nor exist at its other end.
        except UserError as error:
            return 2, str(error)
        except StorageLost as error:
            return 1, str(error)
        return 0, ""

    def stop(self) -> None:
        """Lets `serve` end after its chunk."""
        self._stop.set()

    def events(self) -> list[Event]:
        """What has been logged since the last call."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def _log(self, event: str, /, **facts: Any) -> None:
        self._events.append((event, facts))
