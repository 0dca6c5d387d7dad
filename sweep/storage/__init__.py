"""The database: Optuna's tables, and beside them one of our own with every measurement.

The names are imported when they are first used: a command that writes a file needs no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normsweep.storage.connect import DEFAULT_STORAGE, open_storage, storage_url, study_files
    from normsweep.storage.measurements import (
        Measurement,
        clear_measurements,
        read_measurements,
        read_study_measurements,
        write_measurements,
    )

_HOMES = {
    "connect": ("DEFAULT_STORAGE", "open_storage", "storage_url", "study_files"),
    "measurements": (
        "Measurement",
        "clear_measurements",
        "read_measurements",
        "read_study_measurements",
        "write_measurements",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DEFAULT_STORAGE",
    "Measurement",
    "clear_measurements",
    "open_storage",
    "read_measurements",
    "read_study_measurements",
    "storage_url",
    "study_files",
    "write_measurements",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
