"""What holds for every test of the objectives."""

from collections.abc import Iterator

import jax
import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread() -> Iterator[None]:
    """Threads that spin while other processes hold the cores make seconds into minutes."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(autouse=True, scope="module")
def compiled_in_haste() -> Iterator[None]:
    """Little is computed: compiling with care would take longer than running.

    Nothing that was compiled so is left to other tests, of which some compare bits.
    """
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
