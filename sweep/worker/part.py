"""A worker of this process, that takes part in a study."""

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.storages import RDBStorage
from threadpoolctl import threadpool_limits

from normsweep.engine.devices import device_names
from normsweep.score.setup import Setup
from normsweep.spec.spec import Spec
from normsweep.storage import study_files
from normsweep.storage.checkpoints import study_checkpoints
from normsweep.storage.events import Log, no_log
from normsweep.storage.heartbeat import RESTING, Heartbeat
from normsweep.storage.retry import Retry, Stopped
from normsweep.storage.workers import this_worker
from normsweep.study.attributes import PAUSED
from normsweep.study.progress import Watcher, unwatched
from normsweep.worker.loop import Work
from normsweep.worker.waiting import rest

_LOOK = 2.0
"""Seconds between two looks at whether a paused study is open again."""

W = TypeVar("W", bound=Work)


def take_part(
    spec: Spec,
    setup: Setup,
    study: optuna.Study,
    storage: RDBStorage,
    *,
    files: str | Path | None = None,
    watch: Watcher = unwatched,
    stop: Callable[[], bool] = lambda: False,
    log: Log = no_log,
    begun: float | None = None,
    rests: bool = True,
    kind: Callable[..., W],
) -> W:
    """Works on a study until no trial is left, `stop()` turns true, or its user wants a halt.

    `kind` is `Work` on a search, or what makes another kind of it from the same arguments. While
    the study is paused it `rests`, with nothing in training, or else leaves it.
    """
    retry = Retry.with_storage(storage, spec.service.storage_patience, log)
    heartbeat = Heartbeat(storage.engine, this_worker(device_names()))
    work = kind(
        spec=spec,
        setup=setup,
        study=study,
        storage=storage,
        heartbeat=heartbeat,
        checkpoints=study_checkpoints(study_files(storage, files), study.study_name),
        files=study_files(storage, files),
        retry=retry,
        log=log,
        watch=watch,
        stop=stop,
        begun=time.monotonic() if begun is None else begun,
    )
    # One BLAS thread: the judge's matrices are small, and its bits must not depend on the cores.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        ExitStack() as alive,
        contextlib.suppress(Stopped),
    ):
        retry.until(lambda: alive.enter_context(heartbeat), stop)
        work.run()
        while rests and not work.done and _rested(work):
            work.run()
    return work


def _rested(work: Work) -> bool:
    """Rests while a study is paused; whether it was, and is not any more."""
    if work.stop() or work.retry.until(work.wanted, work.stop) != PAUSED:
        return False
    began, name = time.monotonic(), work.study.study_name
    work.heartbeat.tell(state=RESTING)
    work.log("resting", study=name)
    while not work.stop():
        work.heartbeat.check()
        work.retry.once(partial(work.tell, PAUSED))
        # Without a database it is as it was.
        if work.retry.once(work.wanted)[1] not in (PAUSED, None):
            # No time of training: what is left is not to take longer by it.
            work.begun += time.monotonic() - began
            work.log("going on", study=name)
            return True
        rest(_LOOK, work.stop)
    return False
