"""A worker of this process, that takes part in a study."""

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
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
from normsweep.storage.heartbeat import Heartbeat
from normsweep.storage.retry import Retry, Stopped
from normsweep.storage.workers import this_worker
from normsweep.study.progress import Watcher, unwatched
from normsweep.worker.loop import Work

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
    kind: Callable[..., W],
) -> W:
    """Works on a study until no trial is left, `stop()` turns true, or its user wants a halt.

    `kind` is `Work` on a search, or what makes another kind of it from the same arguments.
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
    return work
