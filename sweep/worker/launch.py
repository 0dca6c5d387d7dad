"""From a spec to its answer: a study is submitted, trained by workers, and confirmed."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.storages import RDBStorage

from normsweep.data.decoding import Watch
from normsweep.data.decoding import unwatched as nobody
from normsweep.engine.ahead import Ahead
from normsweep.errors import UserError
from normsweep.score.auto import Watch as Measuring
from normsweep.score.setup import Setup
from normsweep.spec.auto import provisional
from normsweep.spec.load import Written
from normsweep.spec.spec import Spec
from normsweep.storage.connect import open_storage, storage_url
from normsweep.storage.events import Log, no_log
from normsweep.storage.retry import Retry
from normsweep.study.control import telling_deletion
from normsweep.study.progress import Watcher, unwatched
from normsweep.study.stopping import is_searched
from normsweep.verdict.scaled import Scaled
from normsweep.worker.confirming import Confirming
from normsweep.worker.loop import Work
from normsweep.worker.part import take_part
from normsweep.worker.pool import Pool, StartWorker
from normsweep.worker.processes import LocalWorkers
from normsweep.worker.ray_cluster import check_reach, connected, share_of, this_node
from normsweep.worker.submit import submit

LOCAL, RAY = "local", "ray"
"""Where the workers of a launch run: on this machine, or on a Ray cluster."""


@dataclass(frozen=True)
class Launched:
    """A study after a launch: whether all of its trials are done, and where the time went.

    `seconds` of the search in all; before the first trial `preparing_seconds`; `training_seconds`
    on the devices, compilation included, None where other processes trained.
    """

    study: optuna.Study
    done: bool
    seconds: float
    preparing_seconds: float
    training_seconds: float | None


def launch(
    spec: Spec,
    storage: str | RDBStorage | None = None,
    *,
    files: str | Path | None = None,
    workers: int = 1,
    on: str = LOCAL,
    address: str | None = None,
    timeout: float | None = None,
    source: str | None = None,
    watch: Watcher = unwatched,
    stop: Callable[[], bool] = lambda: False,
    log: Log = no_log,
    decoding: Watch = nobody,
    measuring: Measuring = nobody,
    resume: bool = False,
    scaled: Scaled | None = None,
    written: Written | None = None,
) -> Launched:
    """Runs the study of a spec, from its beginning or from where it was left.

    `storage` is a database URL (default: the environment's SWEEP_STORAGE, or studies.db here).
    `files` is the folder of checkpoints and pictures (default: beside the database, see
    `study_files`).
    With `workers` above 1 so many processes train, on cores of their own; the scores are those of
    one worker with as many cores as each of them. `on` the cluster "ray" they are Ray actors, with
    equal shares of its CPUs and an accelerator each where it has any: the cluster at `address`, or
    the one that `ray.init` finds or starts. A study that narrows another begins with the trials of
    that `source`, see `follow_up`; one that is `scaled` trains the configs that another found. With
    a new one it is kept how its spec was `written`.

    `watch` is called after each chunk, and before all of them `decoding`, while pictures are
    decoded, and `measuring`, while the ranges are measured that are "auto". When `stop()` turns
    true or `timeout` seconds are over, the running chunk is finished and scored, trials in flight
    go back to the queue, and the launch ends; a later launch of the same spec goes on. While the
    study is paused (`sweep pause`) it rests after its chunk; a study that is paused or stopped
    beforehand is launched with `resume` only. When the search is done and the spec says so, its
    answer is confirmed (see `normsweep.confirm`), by the workers that have searched it.

    Raises `UserError` for what the user can mend; nothing is written before spec, data and storage
    are found to be usable. `StudyDeleted` is one where the study was deleted meanwhile.
    """
    begun = time.monotonic()
    deadline = np.inf if timeout is None else begun + timeout
    check_place(on, address)

    def over() -> bool:
        return stop() or time.monotonic() >= deadline

    def confirming(study: optuna.Study, setup: Setup) -> Confirming:
        return Confirming(study, opened, setup, files, watch, over, log)

    def with_pool(study: optuna.Study, setup: Setup, start: StartWorker) -> Launched:
        prepared = time.monotonic()
        retry = Retry.with_storage(opened, spec.service.storage_patience, log)
        with telling_deletion(study):
            after = confirming(study, setup)
            pool = Pool(spec, study, workers, start, retry, watch, over, log, begun, after.look)
            searched = pool.run()
            seconds = (pool.searched_at or time.monotonic()) - begun
            # Those that were confirmed before may have left when it was planned anew.
            done = searched and after.join()
        return Launched(study, done, seconds, prepared - begun, None)

    if on == RAY:
        with connected(address) as nodes:
            share = share_of(nodes, workers)
            check_reach(_url(storage), nodes, this_node())
            # Before JAX starts here: on one machine, its memory is for those that train.
            os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
            opened, study, setup, _, spec = submit(
                spec,
                storage,
                source,
                log,
                decoding=decoding,
                measuring=measuring,
                resume=resume,
                scaled=scaled,
                written=written,
            )
            _tell_confirmation(spec, source, log)
            # Ray is an extra.
            from normsweep.worker.ray_workers import RayWorkers

            on_ray = RayWorkers(study.study_name, opened, share, files, log)
            return with_pool(study, setup, on_ray.start)
    # With more workers, these train, and not this process.
    ahead = Ahead() if workers == 1 and not _is_searched(spec, storage) else None
    opened, study, setup, _, spec = submit(
        spec, storage, source, log, workers, decoding, measuring, resume, scaled, written, ahead
    )
    _tell_confirmation(spec, source, log)
    if workers > 1:
        here = LocalWorkers(study.study_name, opened, workers, files)
        return with_pool(study, setup, here.start)
    prepared = time.monotonic()
    with telling_deletion(study):
        work = take_part(
            spec,
            setup,
            study,
            opened,
            files=files,
            watch=watch,
            stop=over,
            log=log,
            begun=begun,
            kind=Work,
        )
        seconds = time.monotonic() - begun
        done = work.done and confirming(study, setup).run_if_wanted()
    return Launched(study, done, seconds, prepared - begun, work.training.seconds)


def _is_searched(spec: Spec, storage: str | RDBStorage | None) -> bool:
    """Whether the study is there with all of its trials, so that nothing trains by its program."""
    # What is wrong is told where it is submitted.
    with suppress(UserError, KeyError):
        if isinstance(storage, RDBStorage):
            study = optuna.load_study(study_name=spec.study.name, storage=storage)
            return is_searched(study, provisional(spec))
        opened = open_storage(storage, reading=True)
        try:
            return _is_searched(spec, opened)
        finally:
            opened.engine.dispose()
    return False


def _tell_confirmation(spec: Spec, source: str | None, log: Log) -> None:
    """Says that a study will be confirmed because the one is that it narrows."""
    if source is not None and spec.confirm.seeds:
        configs = f"the best {spec.confirm.top} and the baseline"
        seeds = f"{spec.confirm.seeds} at most"
        without = "--set confirm.seeds=0"
        log("to be confirmed", **{"as": source}, configs=configs, seeds=seeds, without=without)


def check_place(on: str, address: str | None) -> None:
    """Raises `UserError` for a place that is none, and for an address of another than Ray."""
    if on not in (LOCAL, RAY):
        raise UserError(f"--on {on}: accepted: {LOCAL}, {RAY}")
    if address is not None and on != RAY:
        raise UserError(f"--address {address}: names a Ray cluster; accepted with --on {RAY}")


def _url(storage: str | RDBStorage | None) -> str:
    if isinstance(storage, RDBStorage):
        return storage.engine.url.render_as_string(hide_password=False)
    return storage_url(storage)
