"""Checkpoints written in a thread, while training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from normsweep.objectives.aliases import PyTree
from normsweep.storage.checkpoints import Checkpoints
from normsweep.storage.events import Log, no_log


@dataclass
class CheckpointWriter:
    """Writes and removes checkpoints one after the other, in a context that ends with the last.

    Of a trial only the newest is written: where chunks are shorter than writing takes, those that
    still wait are passed over. One that cannot be written is told to the log; its trial goes on
    without.
    """

    checkpoints: Checkpoints
    log: Log = no_log
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "checkpoint"), init=False
    )
    _writes: "list[Future[None]]" = field(default_factory=list, init=False)
    _newest: dict[int, tuple[int, dict[str, Any], PyTree]] = field(default_factory=dict, init=False)

    def save(self, number: int, step: int, identity: dict[str, Any], state: PyTree) -> None:
        """Writes the state of a trial; it must not change afterwards."""
        # In its turn, which is that of the first that waits: later ones do not put it off.
        self._newest[number] = (step, identity, state)
        self._writes.append(self._thread.submit(self._save_newest, number))
        self._tell([write for write in self._writes if write.done()])

    def drop(self, number: int) -> None:
        """Removes those of a trial, which has no more to come."""
        self._newest.pop(number, None)
        self._writes.append(self._thread.submit(self.checkpoints.drop, number))

    def _save_newest(self, number: int) -> None:
        if (newest := self._newest.pop(number, None)) is not None:
            self.checkpoints.save(number, *newest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        self._tell(list(self._writes))

    def _tell(self, ended: "list[Future[None]]") -> None:
        for write in ended:
            self._writes.remove(write)
            if error := write.exception():
                self.log("checkpoint not written", reason=str(error))
