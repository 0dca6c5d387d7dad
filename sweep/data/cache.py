"""Where what can be made again is kept for the next time: decoded pictures, compiled programs."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "SWEEP_CACHE"
OFF = "off"


def cache_folder(kind: str) -> Path | None:
    """The folder of a kind below $SWEEP_CACHE, else below the user's cache; None where it is off.

    It need not exist. It may be deleted at any time.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named == OFF:
        return None
    return (Path(named).expanduser() if named else platformdirs.user_cache_path("normsweep")) / kind
