"""The database: Optuna's tables, and beside them one of our own with every measurement."""

from normsweep.storage.connect import DEFAULT_STORAGE, open_storage, storage_url, study_files
from normsweep.storage.measurements import (
    Measurement,
    clear_measurements,
    read_measurements,
    read_study_measurements,
    write_measurements,
)

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
