"""What is asked of a database is asked of each kind: SQLite in a file, and a real PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def storage_url(new_url: Callable[[Path], str], tmp_path: Path) -> str:
    """An empty database of the test's own."""
    return new_url(tmp_path)
