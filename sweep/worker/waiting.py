"""A rest that whoever is to end does not wait for."""

import time
from collections.abc import Callable

_PIECE = 0.1


def rest(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleeps for so many seconds, or until `stop()`, looked at ten times a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stop():
        time.sleep(_PIECE)
