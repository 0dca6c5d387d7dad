"""What happens to a worker, as events with facts, for whoever writes the log."""

from typing import Any, Protocol

CHUNK = "chunk"
"""The event of a trial that was trained for a chunk: of all events the most frequent."""


class Log(Protocol):
    """Takes an event: a few words that are always the same, and what is true of this one."""

    def __call__(self, event: str, /, **facts: Any) -> None: ...


def no_log(event: str, /, **facts: Any) -> None:
    """A log that nobody reads."""
    del event, facts
