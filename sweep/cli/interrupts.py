"""Signals of the user's as a question."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Self

from normsweep.cli.app import notices
from normsweep.data.decoding import Watch


def _on_notices() -> None:
    notices.print("stopping after the running chunk (Ctrl-C again: at once) …")


class Interrupts:
    """Ctrl-C and SIGTERM as a question that the study's loop can ask; the second one is final."""

    def __init__(self, notice: Callable[[], None] = _on_notices) -> None:
        self._notice = notice
        self._count = 0
        self._last: int | None = None
        self._before: dict[signal.Signals, signal.Handlers] = {}

    def happened(self) -> bool:
        """Whether the user wants to stop."""
        return self._count > 0

    def by_ctrl_c(self) -> bool:
        """Whether it was Ctrl-C, and not SIGTERM, that said so."""
        return self._last == signal.SIGINT

    def cutting(self, watch: Watch) -> Watch:
        """A watch of what need not be finished: after the first signal it raises the second's."""

        def watched(done: int, total: int) -> None:
            watch(done, total)
            if self.happened():
                raise KeyboardInterrupt

        return watched

    def __enter__(self) -> Self:
        for name in (signal.SIGINT, signal.SIGTERM):
            self._before[name] = signal.signal(name, self._on_signal)  # type: ignore[assignment]
        return self

    def __exit__(self, *exception: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._count += 1
        self._last = number
        if self._count > 1:
            raise KeyboardInterrupt
        self._notice()
