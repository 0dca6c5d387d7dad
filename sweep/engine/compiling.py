"""How long this process has compiled: time that says nothing of the steps to come."""

import time

import jax

from normsweep.engine.ahead import Ahead, is_ahead


class Compiling:
    """The length of the union of time spans, of which inner ones come before outer ones."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    def add(self, start: float, end: float) -> None:
        """Takes a span in; those within it, such as of functions that a function calls, are it."""
        while self._spans and self._spans[-1][0] >= start:
            self._spans.pop()
        self._spans.append((start, end))

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return sum(end - start for start, end in self._spans)


_SO_FAR = Compiling()
_OF_COMPILATION = "/jax/core/compile/"


def compiling_seconds() -> float:
    """Seconds for which this process has traced and compiled, or read what is kept, so far."""
    return _SO_FAR.seconds


def wait_for(ahead: Ahead, program: object) -> None:
    """Waits for a program that is compiled in a thread, which is time of compilation."""
    if ahead.is_at(program):
        begun = time.time()
        ahead.wait(program)
        _SO_FAR.add(begun, time.time())


def _on_span(event: str, start_time: float, end_time: float, **kwargs: str | int) -> None:
    del kwargs
    # While something is compiled ahead, this process does something else.
    if event.startswith(_OF_COMPILATION) and not is_ahead():
        _SO_FAR.add(start_time, end_time)


jax.monitoring.register_event_time_span_listener(_on_span)
