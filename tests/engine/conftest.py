"""What holds for every test of the engine."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def with_care(compiled_with_care: None) -> None:
    """Bits are compared, with each other's and with 0.4's."""
