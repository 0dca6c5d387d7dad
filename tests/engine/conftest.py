"""What holds for every test of the engine."""

from collections.abc import Iterator

import jax
import pytest

from conftest import IN_HASTE
from normsweep.engine.population import forget_programs


@pytest.fixture(autouse=True, scope="module")
def compiled_with_care() -> Iterator[None]:
    """As users have it compiled: here its bits are compared, with each other's and with 0.4's."""
    with pytest.MonkeyPatch.context() as patched:
        forget_programs()
        jax.clear_caches()
        patched.delenv(IN_HASTE, raising=False)
        yield
    forget_programs()
    jax.clear_caches()
