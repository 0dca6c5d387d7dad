"""Workers as Ray actors: Ray chooses where, and says when one has died."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import ray
from optuna.storages import RDBStorage
from ray.exceptions import RayError

from normsweep.data.sources import DATA_VARIABLE
from normsweep.spec.plugins import FORBIDDEN_VARIABLE
from normsweep.storage.connect import study_files
from normsweep.storage.events import Log, no_log
from normsweep.worker.pool import Ended
from normsweep.worker.ray_actor import Actor, Task
from normsweep.worker.ray_cluster import Share

_LAST_WORDS_SECONDS = 5.0


@dataclass(frozen=True)
class RayWorkers:
    """Workers on a study in the cluster that this process is connected to, with a share each."""

    study: str
    storage: RDBStorage
    share: Share
    files: str | Path | None = None
    log: Log = no_log

    def start(self, index: int) -> "RayWorker":
        """Asks Ray for a worker; it runs as soon as a node has room for it."""
        del index
        # In the arguments, which no dashboard and no log shows: the URL may have a password.
        task = Task(
            study=self.study,
            storage=self.storage.engine.url.render_as_string(hide_password=False),
            files=str(study_files(self.storage, self.files)),
            folder=os.getcwd(),
            data=os.environ.get(DATA_VARIABLE),
            cpus=self.share.cpus,
            no_plugins=os.environ.get(FORBIDDEN_VARIABLE, ""),
        )
        asked: Any = ray.remote(Actor)
        # Two calls at once, so that it can be told to stop while it serves.
        options = asked.options(
            num_cpus=self.share.cpus, num_gpus=self.share.gpus, max_concurrency=2
        )
        return RayWorker(options.remote(task), self.log)


@dataclass
class RayWorker:
    """One of them."""

    actor: Any
    log: Log
    _serving: Any = field(init=False)
    _hearing: Any = field(init=False)
    _ended: Ended | None = None
    _began: bool = False

    def __post_init__(self) -> None:
        self._serving = self.actor.serve.remote()
        self._hearing = self.actor.events.remote()

    def poll(self) -> Ended | None:
        """How it ended, or None as long as it has not; passes on what it has logged."""
        if self._ended is None:
            self._hear(0)
            if _is_ready(self._serving, 0):
                self._ended = self._end()
        return self._ended

    def terminate(self) -> None:
        """Tells it to end after its chunk; it does not begin if it has not yet."""
        if self.poll() is not None:
            return
        if self._began:
            self.actor.stop.remote()
        else:
            self._kill()

    def wait(self) -> None:
        """Returns when it has ended."""
        while self.poll() is None:
            _is_ready(self._serving, 1)

    def _end(self) -> Ended:
        try:
            ended = Ended(*ray.get(self._serving))
            # The first answer may be older than the end.
            for _ in range(2):
                self._hear(_LAST_WORDS_SECONDS)
        except RayError as error:
            ended = Ended(1, last_words(error))
        # Its CPUs would not be free before.
        self._kill()
        return ended

    def _hear(self, seconds: float) -> None:
        """Logs what it has logged, if it answers within so many seconds."""
        if not _is_ready(self._hearing, seconds):
            return
        # One that has died has no words left; how it died will be said.
        with contextlib.suppress(RayError):
            events = ray.get(self._hearing)
            self._began = True
            self._hearing = self.actor.events.remote()
            for event, facts in events:
                self.log(event, **facts)

    def _kill(self) -> None:
        with contextlib.suppress(RayError):
            ray.kill(self.actor)


def last_words(error: RayError) -> str:
    """What Ray says of a failure, in one line: of a traceback the end, else all but the names."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any(line.startswith(("Traceback", 'File "')) for line in lines):
        return lines[-1]
    names = ("class_name:", "actor_id:", "pid:", "namespace:", "ip:", "name:")
    said = " ".join(line for line in lines if not line.startswith(names))
    return shorten(said or type(error).__name__, 300, placeholder=" …")


def _is_ready(reference: Any, seconds: float) -> bool:
    return bool(ray.wait([reference], timeout=seconds)[0])
