"""Python's garbage collector, which goes through all that was imported again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCK = Lock()
_SEVERAL = {"contexts": 0}


@contextmanager
def uncollected() -> Iterator[None]:
    """Has no garbage collected meanwhile, in any thread: for what imports or traces much.

    All of that stays, and to find nothing there takes a fifth of its time. Contexts may overlap;
    after the last one the collector is on again. Nothing happens where it was off before.
    """
    with _LOCK:
        paused = gc.isenabled() or _SEVERAL["contexts"] > 0
        if paused:
            _SEVERAL["contexts"] += 1
            gc.disable()
    try:
        yield
    finally:
        with _LOCK:
            if paused:
                _SEVERAL["contexts"] -= 1
                if not _SEVERAL["contexts"]:
                    if not gc.get_freeze_count():
                        # To the oldest generation with all of it: it is not gone through now.
                        gc.freeze()
                        gc.unfreeze()
                    gc.enable()
