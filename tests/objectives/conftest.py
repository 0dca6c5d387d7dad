"""What holds for every test of the objectives."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread() -> Iterator[None]:
    """Threads that spin while other processes hold the cores make seconds into minutes."""
    with threadpool_limits(limits=1):
        yield
