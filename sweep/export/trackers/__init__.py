"""Trackers of experiments that a study is logged to.

Adding one is a file with a class and a line in `TRACKERS`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

import optuna
from optuna.storages import RDBStorage

from normsweep.errors import UserError
from normsweep.export.trackers.entry import OF_STUDY, Entry, Source
from normsweep.export.trackers.to_mlflow import MLflow
from normsweep.export.trackers.to_tensorboard import TensorBoard
from normsweep.export.trackers.to_wandb import WeightsAndBiases
from normsweep.storage import study_files
from normsweep.storage.urls import without_secrets


class Tracker(Protocol):
    """A destination, of the forms that are `accepted`, `shown` without what is secret in it.

    It `takes_unended` entries if it can go on with them. `faults` are what it raises where it is
    away, or has no room. Made of what stands behind the colon, it raises `UserError` where that, or
    this machine, is of no use to it.
    """

    accepted: ClassVar[str]
    shown: str
    takes_unended: bool
    faults: tuple[type[Exception], ...]

    def __init__(self, where: str) -> None: ...

    def write(self, entry: Entry) -> None:
        """Adds what is new of an entry; the same once more adds nothing."""

    def close(self) -> None:
        """Ends what is still open."""


TRACKERS: Mapping[str, type[Tracker]] = MappingProxyType(
    {"tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WeightsAndBiases}
)
"""By what stands before the colon of a destination; each takes what stands behind it."""


def trackers(destinations: Sequence[str]) -> list[Tracker]:
    """The trackers of destinations; raises `UserError` for one that cannot be used."""
    return [_tracker(each) for each in dict.fromkeys(destinations)]


def _tracker(destination: str) -> Tracker:
    name, _, where = destination.partition(":")
    if name not in TRACKERS:
        accepted = ", ".join(tracker.accepted for tracker in TRACKERS.values())
        raise UserError(f"log to {destination}: accepted: {accepted}")
    return TRACKERS[name](where)


class Logged:
    """What a tracker was told of a study."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self._whole: set[str] = set()

    def add(self, source: Source, *, last: bool) -> None:
        """Adds all that is new; what the study as a whole says only for the `last` time."""
        for name, read in source.entries():
            if name in self._whole or (name == OF_STUDY and not last):
                continue
            entry = read()
            if entry.ended or name == OF_STUDY or self.tracker.takes_unended:
                self.tracker.write(entry)
            if entry.ended:
                self._whole.add(name)


def reason(error: Exception) -> str:
    """The first line of what a client says, without the password of a server."""
    said = str(error).strip().splitlines()
    return without_secrets(said[0]) if said else type(error).__name__


def log_study(
    study: optuna.Study,
    storage: RDBStorage,
    to: Sequence[str],
    *,
    files: str | Path | None = None,
) -> list[str]:
    """Logs all that is stored of a study to destinations such as "tensorboard:runs".

    A run for each trial and each training of its confirmation, with settings, curves, scores and
    samples; and one for the study, with its verdict. Called again, it adds what is new. Returns the
    destinations as they may be shown. Raises `UserError` for a destination that cannot be used.
    """
    source, found = Source(study, storage, study_files(storage, files)), trackers(to)
    for tracker in found:
        try:
            Logged(tracker).add(source, last=True)
        except UserError:
            raise
        except tracker.faults as error:
            raise UserError(f"log to {tracker.shown}: {reason(error)}") from error
        finally:
            tracker.close()
    return [tracker.shown for tracker in found]
