"""What tests of workers on Ray share."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture(scope="module")
def alone() -> Iterator[Path]:
    """Ray with a folder of its own: it finds no cluster of others, and they do not find this one's.

    Not below pytest's folder, whose name is too long for the sockets in it.
    """
    with TemporaryDirectory(prefix="ray-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        # By its own choice its workers stand back: beside other tests they would starve.
        patch.setenv("RAY_worker_niceness", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        yield Path(folder)
