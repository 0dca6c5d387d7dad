"""Who is at work in a storage, on what, and what failed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from normsweep.storage.heartbeat import GRACE
from normsweep.storage.workers import SeenWorker, is_gone, seen_workers
from normsweep.study.attributes import study_attributes
from normsweep.study.confirming import is_unconcluded
from normsweep.study.control import control
from normsweep.study.endings import collapses, failures
from normsweep.study.stopping import why_stopped
from normsweep.study.tally import tally_of


@dataclass(frozen=True)
class WorkerStatus:
    """A worker. `silent` is how many seconds ago it was last heard of; `trials` are by number.

    The `state` of one that is not `alive` is "gone", whatever it was at last. `study` is that of
    the trials: the one that holds the confirmation where it trains that.
    """

    host: str
    pid: int
    device: str
    study: str | None
    state: str
    trials: tuple[int, ...]
    chunks: int
    chunks_per_second: float
    silent: float
    alive: bool


@dataclass(frozen=True)
class StudyStatus:
    """A study of ours: how many of its trials are how far, and why some failed or collapsed, by
    number.

    Those that are `done` are complete or pruned, and none of them `collapsed`; those that wait need
    not be made yet.
    `stopped_by_itself` says after which trial, and why; `unreadable` why its spec cannot be read,
    without which all of its trials count.
    """

    study: str
    state: str
    done: int
    complete: int
    pruned: int
    collapsed: int
    running: int
    waiting: int
    failed: int
    failures: dict[int, str]
    collapses: dict[int, str]
    stopped_by_itself: str | None
    unreadable: str | None = None


@dataclass(frozen=True)
class Status:
    workers: tuple[WorkerStatus, ...]
    studies: tuple[StudyStatus, ...]

    def plain(self) -> dict[str, Any]:
        """As tables and lists, for JSON."""
        return asdict(self)


def status(storage: RDBStorage) -> Status:
    """All workers and all studies of a storage."""
    written = {each.study_name: study_attributes(each) for each in storage.get_all_studies()}
    names = sorted(name for name, each in written.items() if each.is_ours or each.confirms)
    loaded = [optuna.load_study(study_name=name, storage=storage) for name in names]
    trials = {study.study_name: study.get_trials(deepcopy=False) for study in loaded}
    # A confirmation has workers, and is told of by its study.
    studies = [study for study in loaded if written[study.study_name].is_ours]
    numbers = {trial._trial_id: trial.number for each in trials.values() for trial in each}
    workers = (_worker(seen, numbers) for seen in seen_workers(storage.engine))
    return Status(tuple(workers), tuple(_study(s, trials[s.study_name], storage) for s in studies))


def is_left(study: optuna.Study, storage: RDBStorage) -> bool:
    """Whether nobody alive is at work on the search of a study, or about to find which one is."""
    names = (None, study.study_name)
    there = (seen for seen in seen_workers(storage.engine) if seen.worker.study in names)
    return all(is_gone(seen, GRACE) for seen in there)


def _worker(seen: SeenWorker, numbers: Mapping[int, int]) -> WorkerStatus:
    gone = is_gone(seen, GRACE)
    return WorkerStatus(
        host=seen.worker.host,
        pid=seen.worker.pid,
        device=seen.worker.device,
        study=seen.worker.study,
        state="gone" if gone else seen.worker.state,
        trials=tuple(numbers[i] for i in seen.trial_ids if i in numbers),
        chunks=seen.worker.chunks,
        chunks_per_second=0.0 if gone else seen.worker.rate,
        silent=seen.silent,
        alive=not gone,
    )


def _study(study: optuna.Study, trials: list[FrozenTrial], storage: RDBStorage) -> StudyStatus:
    found, unreadable = tally_of(study, trials)
    why = why_stopped(study)
    going = why is not None or found.open or is_unconcluded(study, storage)
    return StudyStatus(
        study=study.study_name,
        state="unreadable" if unreadable else control(study) if going else "finished",
        done=found.complete + found.pruned,
        complete=found.complete,
        pruned=found.pruned,
        collapsed=found.collapsed,
        running=found.running,
        waiting=found.waiting,
        failed=found.failed,
        failures=failures(trials),
        collapses=collapses(trials),
        stopped_by_itself=why,
        unreadable=unreadable,
    )
